"""The reward of a completion: what the sandbox measured, in a stock trainer of TRL."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codeopt.errors import UserError
from codeopt.trace import CandidateMade, read_trace
from codeopt.training import Scale, SpeedupReward
from codeopt.types import Measurement, Status, Verdict
from tests import tinymodel
from tests.commandline import environment

SLOW = '''def common(left: list, right: list) -> list:
    out = []
    for item in left:
        if item in right:
            out.append(item)
    return out
'''
FAST = SLOW.replace("    out = []\n", "    out, right = [], set(right)\n")
WRONG = SLOW.replace("if item in right", "if item not in right")
HANGS = "def common(left: list, right: list) -> list:\n    while True:\n        pass\n"
MAKE = "import random\n\n\ndef make(size, seed):\n    rng = random.Random(seed)\n    return [rng.randrange(size + 1) for _ in range(size)], list(range(size))\n"
EXAMPLE = Path(__file__).parents[2] / "examples" / "grpo.py"


def block(program: str) -> str:
    return f"Here it is:\n```python\n{program}```\n"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks" / "common"
    folder.mkdir(parents=True)
    (folder / "slow.py").write_text(SLOW)
    (folder / "make.py").write_text(MAKE)
    (folder / "codeopt.toml").write_text('function = "common"\ninputs = "make.py:make"\nfile = "slow.py"\n')
    return tmp_path / "tasks"


def test_rewards_are_what_was_measured(tasks: Path, tmp_path: Path) -> None:
    reward = SpeedupReward(str(tasks), sandbox="process", lanes=1, runs=tmp_path / "runs", model="m")
    answers = [block(FAST), block(SLOW), block(WRONG), "I cannot.", block(HANGS), [{"role": "assistant", "content": block(FAST)}]]
    told: dict[str, float] = {}
    found = reward([""] * 6, answers, ["common"] * 6, log_metric=told.__setitem__)
    fast, same, wrong, none, hangs, again = found
    assert fast is not None and fast > 0.8 and fast == again
    assert (same, wrong, none, hangs) == (0.3, 0.0, -0.1, 0.0)
    assert told == {"speedup/ok": 2 / 6, "speedup/not_faster": 1 / 6, "speedup/wrong_output": 1 / 6, "speedup/screen_failed": 1 / 6, "speedup/timeout": 1 / 6}
    # A slower program is the one to beat: the task's own is faster than that.
    slower = SLOW.replace("        if item in right:", "        if item in list(right):")
    reward.expect(["common"], [slower])
    (better,) = reward([""], [block(SLOW)], ["common"], input=[slower])
    assert better is not None and better > 0.3
    runs = sorted(path.parent for path in (tmp_path / "runs").rglob("trace.jsonl"))
    assert [run.parent.name for run in runs] == ["call-000001", "call-000002"]
    made = [event.candidate.proposal for event in read_trace(runs[0]) if isinstance(event, CandidateMade)]
    assert {proposal.rule for proposal in made} == {"m"} and len(made) == 3
    # A training that goes on does not write into what is there.
    other = SpeedupReward(str(tasks), sandbox="process", lanes=1, runs=tmp_path / "runs")
    assert other([""], [block(SLOW)], ["common"]) == [0.3] and (tmp_path / "runs" / "call-000003").parent.is_dir()
    with pytest.raises(UserError, match="has no task 'other'"):
        reward([""], [block(SLOW)], ["other"])


@pytest.mark.parametrize(("form", "wanted"), [("rank", [1.3, 0.3, 0.0]), ("faster", [1.3, 0.3, 0.0]), ("right", [1.3, 1.3, 0.0])])
def test_other_forms_of_the_reward(form: Any, wanted: list[float], tasks: Path) -> None:
    reward = SpeedupReward(str(tasks), sandbox="process", lanes=1, form=form)
    answers = [block(FAST), block(SLOW), block(WRONG)]
    assert asyncio.run(reward.asynchronous([""] * 3, answers, ["common"] * 3)) == pytest.approx(wanted)
    reward.close()


def test_what_a_verdict_is_worth() -> None:
    def measured(low: float, status: Status = Status.OK) -> Verdict:
        found = Measurement(
            pairs=12, speedup=low * 1.1, low=low, high=low * 1.2, p_value=0.001, clock="cpu", wall_speedup=low, baseline_s=1.0, candidate_s=1.0,
        )  # fmt: skip
        return Verdict(status=status, holdout=found)

    scale = Scale()
    worth = [scale.reward(measured(low)) for low in (1.0, 1.02, 1.2, 2.0, 8.0, 100.0)]
    assert worth[0] == worth[1] == scale.right and worth[4] == worth[5] == scale.right + scale.faster
    assert all(less is not None and more is not None and less < more for less, more in itertools.pairwise(worth[1:5]))
    assert scale.reward(measured(3.0, Status.NOT_FASTER)) == scale.right, "a gain that is not verified is none"
    assert scale.reward(Verdict(status=Status.UNDECIDED)) is None
    assert scale.reward(Verdict(status=Status.TAMPERED)) == -1.0
    assert [scale.reward(Verdict(status=status)) for status in (Status.BUILD_FAILED, Status.CRASHED, Status.OUT_OF_MEMORY)] == [-0.1, 0.0, 0.0]


def test_a_machine_that_fails_is_nobodys_fault(tasks: Path, tmp_path: Path) -> None:
    (tasks / "common" / "make.py").write_text("def make(size, seed):\n    raise OSError('no disk')\n")
    reward = SpeedupReward(str(tasks), sandbox="process", lanes=1)
    assert reward([""] * 2, [block(FAST), "no program"], ["common"] * 2) == [None, -0.1]
    reward.close()


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    tested = [("enamel", "is a test set")] if os.environ.get("CODEOPT_DATA") else []  # it is looked at only where its data is
    for name, words in (*tested, (str(tmp_path / "nowhere"), "nowhere")):
        with pytest.raises(UserError, match=words):
            SpeedupReward(name, sandbox="process")


@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason='trl is not installed (pip install "codeopt[train]")')
def test_the_example_trains_with_a_stock_trainer(tasks: Path, tmp_path: Path) -> None:
    model = tinymodel.make(tmp_path / "model")
    rows = [{"prompt": f"Make it faster.\n{block(SLOW)}", "task_id": "common"}] * 2
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    env = environment(HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    words = [sys.executable, EXAMPLE, model, tasks, tmp_path / "prompts.jsonl", tmp_path / "out", "--steps", "1", "--tokens", "8"]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "rewards/speedup/mean" in done.stdout and "-0.1" in done.stdout, "a model of random weights writes no programs"
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
