"""`codeopt train`: one real step of each trainer on a tiny model, what is kept of it, and going on."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
import runs_made

from codeopt.agent.models.hf import HfModel
from codeopt.datasets.build import Settings, build
from codeopt.training.weights import load
from tests import tinymodel
from tests.commandline import codeopt, command, environment, refused
from tests.training.test_rewards import FAST, MAKE, SLOW, block

for name in ("torch", "transformers", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(name, reason=f"{name} is not installed")
LIGHT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
SMALL = ("--set", "per_device_train_batch_size=2", "--set", "max_length=768", "--rank", "4")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodel.make(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(6):
        runs_made.write(folder / "runs" / str(number), number)
    build([folder / "runs"], folder / "set", Settings("t", 0, (1, 0, 0), False))
    return folder / "set"


def words(trainer: str, model: Path, data: Path, out: Path, *more: str) -> tuple[str, ...]:
    return ("train", trainer, "--model", str(model), "--data", str(data), "--out", str(out), *SMALL, *more)


def losses(out: Path) -> list[float]:
    told: dict[str, Any] = json.loads((out / "training.json").read_text())
    return [row["loss"] for row in told["log"] if "loss" in row]


def test_supervised_steps_are_kept_and_go_on(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "sft.toml").write_text('adapter = "dora"\nseed = 3\n[trl]\nmax_steps = 6\nsave_steps = 1\n')
    asked = ("--json", str(tmp_path / "sft.toml"))
    done = codeopt(*words("sft", model, data, tmp_path / "whole", *asked), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["finished"] and told["steps"] == 6 and 0 < told["trained"] < told["parameters"] and told["versions"]["trl"]
    whole = losses(tmp_path / "whole")
    assert len(whole) == 6 and all(map(math.isfinite, whole))
    assert HfModel(f"{model}@{tmp_path / 'whole' / 'adapter'}").parameters > told["parameters"] - told["trained"]

    after = f"{model}@{tmp_path / 'whole' / 'adapter'}"
    done = codeopt(*words("sft", Path(after), data, tmp_path / "second", "--set", "max_steps=1", "--json"), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0 and json.loads(done.stdout)["trained"] == told["trained"], done.stderr
    assert losses(tmp_path / "second")[0] < whole[0], "it goes on with what the adapter has learnt"

    out = tmp_path / "parts"
    process = subprocess.Popen(command(*words("sft", model, data, out, *asked)), env=environment(**LIGHT), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "checkpoints" / "checkpoint-1").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130 and "goes on" in said and "Traceback" not in said, said
    stopped = json.loads((out / "training.json").read_text())
    assert not stopped["finished"] and 1 <= stopped["steps"] < 6 and not (out / "adapter").exists()
    refused(codeopt(*words("sft", model, data, out, "--seed", "4", *asked), cwd=tmp_path, env=LIGHT, seconds=120), "another seed")
    done = codeopt(*words("sft", model, data, out, *asked), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0 and "going on from checkpoint-" in done.stderr, done.stderr
    assert losses(out) == whole and (out / "adapter" / "adapter_model.safetensors").is_file()


def test_preferences(model: Path, data: Path, tmp_path: Path) -> None:
    done = codeopt(*words("dpo", model, data, tmp_path / "out", "--set", "max_steps=1"), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    (loss,) = losses(tmp_path / "out")
    assert 0.5 < loss < 0.9, "before anything was learnt it is ln 2"


def test_rankings_a_condition_and_an_evaluation(model: Path, data: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    for number in range(6):
        runs_made.write(tmp_path / "runs" / str(number), number)
    build([tmp_path / "runs"], held, Settings("t", 0, (0.4, 0.2, 0.4), False))
    done = codeopt(*words("rrhf", model, held, tmp_path / "out", "--set", "max_steps=1", "--set", "eval_steps=1"), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0 and "of memory" in done.stderr and "1 steps of about" in done.stderr, done.stderr
    told = json.loads((tmp_path / "out" / "training.json").read_text())
    assert any(0 <= row.get("ranked_right", -1) <= 1 for row in told["log"]) and any("eval_ranked_right" in row for row in told["log"])
    assert told["estimated_bytes"] > 0 and told["peak_bytes"] > 0

    done = codeopt(*words("sft", model, held, tmp_path / "plan", "--condition", "plan", "--set", "max_steps=1"), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    asked = ("train", "eval", str(tmp_path / "plan"), "--samples", "2", "-k", "1,2", "--max-tokens", "6", "--sandbox", "process", "--limit", "2")
    done = codeopt(*asked, "--json", cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["problems"] == 2 and {row["metric"] for row in result["rows"]} >= {"pass@1", "opt@2", "speedup@1"}
    prompts = [json.loads(line)["messages"][0]["content"] for line in (tmp_path / "plan" / "eval" / "held" / "after" / "prompts.jsonl").read_text().splitlines()]
    plain = (tmp_path / "plan" / "eval" / "held" / "before" / "prompts.jsonl").read_text()
    assert all(text.rstrip().endswith("then give the program.") for text in prompts) and "then give the program" not in plain
    card = (tmp_path / "plan" / "README.md").read_text()
    assert "| pass@1 | 0.000 | 0.000 |" in card and "CC0-1.0" in card and (tmp_path / "plan" / "adapter" / "README.md").read_text() == card
    again = codeopt(*asked, cwd=tmp_path, env=LIGHT, seconds=300)
    assert again.returncode == 0 and "[1/" not in again.stdout, "nothing is asked or judged twice"
    refused(codeopt("train", "eval", str(tmp_path / "held"), cwd=tmp_path), "holds no training")


def test_two_processes(model: Path, data: Path, tmp_path: Path) -> None:
    done = codeopt(*words("sft", model, data, tmp_path / "out", "--set", "max_steps=2", "--processes", "2"), cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    assert len(losses(tmp_path / "out")) == 2 and (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
    assert done.stderr.count("step 1 of 2") == 1, "one of them speaks"
    refused(codeopt(*words("sft", model, data, tmp_path / "two", "--processes", "2", "--parallel", "fsdp"), cwd=tmp_path, env=LIGHT, seconds=120), "needs GPUs")


def test_measured_speedups(model: Path, tmp_path: Path) -> None:
    from codeopt.training import SpeedupReward

    tasks = tmp_path / "tasks"
    (tasks / "common").mkdir(parents=True)
    for file, text in (("slow.py", SLOW), ("make.py", MAKE), ("codeopt.toml", 'function = "common"\ninputs = "make.py:make"\nfile = "slow.py"\n')):
        (tasks / "common" / file).write_text(text)
    SpeedupReward(str(tasks), sandbox="process", lanes=1, runs=tmp_path / "runs")([""], [block(FAST)], ["common"])
    done = codeopt("data", "build", "runs", "--out", "set", "--shares", "1,0,0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    fields = ("--set", "max_steps=1", "--set", "max_completion_length=8", "--set", "num_generations=2", "--set", "per_device_train_batch_size=2")
    asked = ("train", "grpo", "--model", str(model), "--data", "set", "--out", "out", "--tasks", str(tasks), "--sandbox", "process", *fields)
    done = codeopt(*asked, cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out" / "training.json").read_text())
    (row,) = [row for row in told["log"] if "rewards/speedup/mean" in row]
    assert row["rewards/speedup/mean"] == pytest.approx(-0.1), "random weights write no programs"
    assert row["speedup/screen_failed"] == 1.0 and (tmp_path / "out" / "adapter").is_dir()


def test_bad_input_is_one_line(model: Path, data: Path, tmp_path: Path) -> None:
    cases = {
        (str(model), str(data), "out", "--set", "learning_rat=1"): "did you mean learning_rate",
        (str(model), str(data), "out", "--set", "learning_rate"): "NAME=VALUE",
        (str(model), str(data), "out", "--set", "optim=nothing"): "SFTConfig",
        (str(model), str(data), "out", "--set", "max_length=8"): "none of the .* rows fits",
        (str(model), str(data), "out", "--condition", "speed"): "condition",
        (str(tmp_path / "no"), str(data), "out"): "no model",
        (f"{model}@{tmp_path}", str(data), "out"): "no adapter",
        (str(model), str(tmp_path / "no"), "out"): "no dataset.json",
        (str(model), str(data), "."): "holds no training",
    }
    (tmp_path / "file").write_text("x")
    for (own, rows, out, *more), says in cases.items():
        refused(codeopt("train", "sft", "--model", own, "--data", rows, "--out", out, *more, cwd=tmp_path, env=LIGHT, seconds=120), says)
    for text, says in (("model = ", "no TOML"), ("modle = 'x'\n", "did you mean model"), ("trl = 3\n", "no table")):
        (tmp_path / "c.toml").write_text(text)
        refused(codeopt("train", "sft", "c.toml", cwd=tmp_path), says)
    (tmp_path / "c.toml").write_text("pass_rate = [0.2, 0.8]\n")
    refused(codeopt("train", "sft", "c.toml", cwd=tmp_path), "means nothing to sft")
    refused(codeopt("train", "grpo", "--pass-rate", "0.2", cwd=tmp_path), "two numbers")
    assert not (tmp_path / "out" / "settings.json").exists()


@pytest.mark.skipif(not os.environ.get("CODEOPT_GGUF"), reason="CODEOPT_GGUF does not name a GGUF model")
def test_a_gguf_file_is_unpacked_and_can_be_trained() -> None:
    import torch

    pytest.importorskip("gguf", reason="gguf is not installed")
    model, tokenizer = load(os.environ["CODEOPT_GGUF"])
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    ids = tokenizer("def f(x):\n    return", return_tensors="pt")["input_ids"]
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    assert 0 < float(loss) < 8 and torch.isfinite(model.get_input_embeddings().weight.grad).all()
