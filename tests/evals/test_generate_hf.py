"""`codeopt eval generate --model hf:` with a real, very small model: what is kept, when, and what goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import tinymodel
from tests.commandline import codeopt, command, environment, refused

for name in ("torch", "transformers", "peft"):
    pytest.importorskip(name, reason=f"{name} is not installed")
LIGHT = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    if not os.environ.get("CODEOPT_DATA"):
        pytest.skip("CODEOPT_DATA does not name the folder with ENAMEL's problems")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodel.make(tmp_path_factory.mktemp("tiny"), context=8192)


def words(model: Path, folder: Path, *more: str) -> tuple[str, ...]:
    return ("eval", "generate", "enamel", "--model", f"hf:{model}", "--temperature", "0.8", "--out", str(folder), *more)


def rows(folder: Path) -> list[dict[str, Any]]:
    file = folder / "samples.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def test_an_interrupt_keeps_whole_batches_and_the_run_goes_on(model: Path, tmp_path: Path) -> None:
    what = ("--limit", "6", "--samples", "4", "--max-tokens", "150")
    asked = words(model, tmp_path / "out", *what, "--batch-size", "4")
    process = subprocess.Popen(command(*asked), env=environment(**LIGHT), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 110
    while len(rows(tmp_path / "out")) < 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    kept = rows(tmp_path / "out")
    assert process.returncode == 130 and "goes on" in told and "Traceback" not in told, told
    assert 0 < len(kept) < 24 and len(kept) % 4 == 0
    done = codeopt(*asked, "--json", cwd=tmp_path, env=LIGHT)
    assert done.returncode == 0, done.stderr
    made = rows(tmp_path / "out")
    assert made[: len(kept)] == kept and len({(row["task_id"], row["sample"]) for row in made}) == len(made) == 24
    assert all(row["finish"] in ("stop", "length") and 0 < row["tokens_out"] <= 150 and not row["estimated"] for row in made)
    # A run that nobody stopped answers in the same batches (in others, a near tie may fall the other way: test_hf.py).
    assert codeopt(*words(model, tmp_path / "other", *what, "--batch-size", "4"), cwd=tmp_path, env=LIGHT).returncode == 0
    assert {(row["task_id"], row["sample"], row["raw"]) for row in rows(tmp_path / "other")} == {(row["task_id"], row["sample"], row["raw"]) for row in made}


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    refused(codeopt(*words(tmp_path / "nowhere", tmp_path / "out", "--limit", "1", "--json"), cwd=tmp_path), "no model .*nowhere.* here")
