"""`codeopt eval generate` against real servers: what is asked, what is kept, and what a stranger gets wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from codeopt.evals import samples
from tests.commandline import codeopt, command, environment
from tests.servers import Step, closed_port, serve

pytestmark = pytest.mark.alone

BODY = "def has_close_elements(numbers, threshold):\n    return False"
CODE = f"```python\n{BODY}\n```"
USAGE = "Use it so:\n```python\nprint(has_close_elements([1.0], 0.5))\n```"
ANSWERS = {
    "one block": (f"Sure!\n{CODE}\nDone.", BODY),
    "a block that only uses it": (f"{CODE}\n{USAGE}", BODY),
    "two that define it": (f"First:\n{CODE}\nBetter:\n{CODE.replace('False', 'True')}", BODY.replace("False", "True")),
    "no block": (BODY, BODY),
    "prose": ("I would sort the list first.", ""),
    "reasoning": (f"<think>\n{CODE.replace('False', 'None')}\n</think>\n{CODE}", BODY),
}


@pytest.fixture(autouse=True)
def data() -> None:
    if not os.environ.get("CODEOPT_DATA"):
        pytest.skip("CODEOPT_DATA does not name the folder with ENAMEL's problems")


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]


def ask(url: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return codeopt(
        "eval", "generate", "enamel", "--model", "m", "--base-url", url, "--out", folder / "out", "--json", *more, cwd=folder
    )


def test_an_answer_becomes_a_program(tmp_path: Path) -> None:
    with serve(*[Step(text, usage=(7, 9)) for text, _ in ANSWERS.values()]) as server:
        done = ask(server.url, tmp_path, "--ids", "0", "--samples", str(len(ANSWERS)), "--concurrency", "1", "--top-p", "0.9", "--seed", "5")
    assert done.returncode == 0, done.stderr
    made = rows(tmp_path / "out")
    assert [row["solution"].strip() for row in made] == [program for _, program in ANSWERS.values()]
    assert [row["raw"] for row in made] == [text for text, _ in ANSWERS.values()]
    assert [row["seed"] for row in made] == [request["seed"] for request in server.requests] == list(range(5, 5 + len(ANSWERS)))
    assert {(row["tokens_in"], row["tokens_out"], row["estimated"]) for row in made} == {(7, 9, False)}
    assert all(request["top_p"] == 0.9 and request["temperature"] == 0.0 for request in server.requests)
    assert all("def has_close_elements" in request["messages"][0]["content"] for request in server.requests)
    (prompt,) = map(json.loads, (tmp_path / "out/prompts.jsonl").read_text().splitlines())
    assert prompt["messages"] == server.requests[0]["messages"]
    said = json.loads(done.stdout)
    assert said["samples"] == len(ANSWERS) and said["without_a_program"] == 1 and said["tokens_out"] == 9 * len(ANSWERS)
    read = samples.read(tmp_path / "out/samples.jsonl")
    assert [program.strip() for program in read["HumanEval/0"]] == [program for _, program in ANSWERS.values()]


def test_what_is_there_is_not_asked_again(tmp_path: Path) -> None:
    with serve(Step(CODE)) as server:
        assert ask(server.url, tmp_path, "--limit", "3").returncode == 0
        kept = tmp_path / "out/samples.jsonl"
        first, second, third = sorted(kept.read_text().splitlines(keepends=True))
        kept.write_text(first + second + third[:40])
        assert ask(server.url, tmp_path, "--limit", "3").returncode == 0
        assert len(server.requests) == 4
        assert sorted(kept.read_text().splitlines(keepends=True)) == [first, second, third]
        assert ask(server.url, tmp_path, "--limit", "3", "--samples", "2").returncode == 0
        assert len(server.requests) == 7 and len(rows(tmp_path / "out")) == 6
        other = ask(server.url, tmp_path, "--limit", "3", "--temperature", "0.8")
        assert other.returncode == 2 and "temperature differ" in other.stderr and "--out" in other.stderr
        kept.write_text("{}\n")
        assert "no sample" in ask(server.url, tmp_path, "--limit", "3").stderr


def test_an_interrupted_run_keeps_what_it_paid_for(tmp_path: Path) -> None:
    with serve(Step(CODE), Step(CODE), Step(CODE, hang_s=60)) as server:
        words = command("eval", "generate", "enamel", "--model", "m", "--base-url", server.url, "--out", tmp_path / "out", "--limit", "5", "--concurrency", "1")
        process = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while len(server.requests) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130 and "goes on" in told, told
    assert len(rows(tmp_path / "out")) == 2


def test_a_server_that_fails_on_the_way_loses_nothing(tmp_path: Path) -> None:
    with serve(Step(CODE), Step(status=401, error="no such key")) as server:
        done = ask(server.url, tmp_path, "--limit", "3", "--concurrency", "1")
    assert done.returncode == 2 and len(rows(tmp_path / "out")) == 1
    assert "what arrived is kept" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gsm8k", "--model", "m"), "there is no suite"),
        (("enamel", "--model", "m", "--ids", "2"), "enamel has no problem '2'"),
        (("enamel", "--model", "m", "--prompt-template", "nowhere.j2"), "prompt template cannot be read"),
        (("enamel", "--model", "gguf:nowhere.gguf"), "nowhere.gguf"),
        (("enamel", "--model", "m", "--base-url", f"http://127.0.0.1:{closed_port()}/v1"), "cannot be reached"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = codeopt("eval", "generate", *arguments, "--limit", "1", cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_template_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("Write {{ entry_point }}.")
    (tmp_path / "wrong.j2").write_text("{{ nothing }}")
    with serve(Step(CODE)) as server:
        wrong = ask(server.url, tmp_path, "--limit", "1", "--prompt-template", "wrong.j2")
        assert wrong.returncode == 2 and "'nothing' is undefined" in wrong.stderr
        assert ask(server.url, tmp_path, "--limit", "1", "--prompt-template", "mine.j2").returncode == 0
    assert server.requests[0]["messages"][0]["content"] == "Write has_close_elements."


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    for name, content, words in (("a.gguf", b"hello", "no GGUF file"), ("b.gguf", b"GGUF" + bytes(64), "does not start")):
        (tmp_path / name).write_bytes(content)
        done = codeopt("eval", "generate", "enamel", "--model", f"gguf:{name}", "--limit", "1", cwd=tmp_path)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
def test_a_local_model_repeats_itself_and_leaves_no_process(tmp_path: Path) -> None:
    models = Path(os.environ.get("CODEOPT_MODELS", "~/.cache/codeopt/models")).expanduser()
    model = models / "smollm2-135m.gguf"
    if not model.is_file():
        pytest.skip(f"no {model}: a real model is not fetched by the tests")
    made = []
    for folder in ("one", "two"):
        done = codeopt(
            "eval", "generate", "enamel", "--model", f"gguf:{model}", "--limit", "2", "--temperature", "0.8", "--max-tokens", "60",
            "--concurrency", "1", "--out", folder, "--json", cwd=tmp_path, seconds=300,
        )
        assert done.returncode == 0, done.stderr
        made.append(sorted((row["task_id"], row["raw"], row["tokens_out"]) for row in rows(tmp_path / folder)))
    assert made[0] == made[1] and all(tokens > 0 for _, _, tokens in made[0])
    assert not subprocess.run(["pgrep", "-f", "codeopt.agent.models.gguf"], capture_output=True).stdout
