"""Descriptions of tasks as prompts, with what a dataset knows of the same tasks as answers."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
import runs_made

from codeopt.datasets.build import Settings, build
from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.evals import suites
from codeopt.trace import Baseline, CandidateMade, RunStarted, TraceWriter, VerdictReached
from codeopt.training import wishes
from codeopt.types import Candidate, Proposal, Status
from tests import tinymodel
from tests.commandline import codeopt, refused

pytestmark = pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA does not name the data folder")
LIGHT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in which twelve of MBPP's programs have a faster version, one that is right, and a wrong one."""
    folder = tmp_path_factory.mktemp("wishes")
    suite = suites.find("mbpp", None)  # its files live as long as it does
    for problem in suite.problems[:12]:
        program = problem.file.read_text()
        edits = {
            "fast": runs_made.verdict(holdout=3.0),
            "same": runs_made.verdict(Status.NOT_FASTER, search=1.0),
            "wrong": runs_made.verdict(Status.WRONG_OUTPUT),
        }
        with TraceWriter(folder / "runs" / problem.task_id.replace("/", "-")) as trace:
            trace.add(RunStarted(task=runs_made.task(problem.task_id), machine=runs_made.MACHINE))
            trace.add(Baseline(status=Status.OK, source=program))
            for name, reached in edits.items():
                trace.add(CandidateMade(candidate=Candidate(id=name, parent="c0", proposal=Proposal(source=f"{program}# {name}\n", proposer="llm", note=""))))
                trace.add(VerdictReached(candidate=name, verdict=reached))
    build([folder / "runs"], folder / "set", Settings("t", 0, (0.5, 0.0, 0.5), False))
    return folder / "set"


def test_answers_are_ranked_and_held_out_problems_stay_out(data: Path) -> None:
    dataset = Dataset(data)
    train, test = ({row["problem_id"] for row in dataset.rows("pairs", split)} for split in ("train", "test"))
    assert train and test, "the split should have both"
    rows = wishes.ranked("mbpp", dataset)
    assert len(rows) == len(train)
    for row in rows:
        assert row["scores"] == sorted(row["scores"], reverse=True) and row["scores"][-1] == -1.0 and row["scores"].count(0.0) == 2
        assert "# fast" in row["completions"][0] and "# wrong" in row["completions"][-1] and "Complete the following" in row["prompt"]
    every, best = wishes.examples("mbpp", dataset, 0), wishes.examples("mbpp", dataset, 1)
    assert sum("# fast" in row["completion"] for row in best) == len(train) and not any("# wrong" in row["completion"] for row in every)
    asked = {row["task_id"] for row in wishes.asked("mbpp", dataset)}
    assert asked == train
    assert len(wishes.asked("mbpp", None)) == len(suites.find("mbpp", None).problems)
    with pytest.raises(UserError, match="no descriptions"):
        wishes.asked(str(data), None)
    with pytest.raises(UserError, match="test set"):
        wishes.asked("enamel", None)


def test_training_on_them(data: Path, tmp_path: Path) -> None:
    model = tinymodel.make(tmp_path / "model")
    small = ("--model", str(model), "--ask", "write", "--tasks", "mbpp", "--rank", "4", "--set", "max_steps=1", "--set", "per_device_train_batch_size=2")
    done = codeopt("train", "sft", "--data", str(data), "--out", "sft", "--best", "1", *small, cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    assert "with descriptions of tasks of `mbpp`" in (tmp_path / "sft" / "README.md").read_text()
    more = ("--sandbox", "process", "--set", "max_completion_length=8", "--set", "num_generations=2")
    done = codeopt("train", "grpo", "--out", "grpo", *small, *more, cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "grpo" / "training.json").read_text())
    assert any(row.get("rewards/speedup/mean") == pytest.approx(-0.1) for row in told["log"])
    refused(codeopt("train", "sft", "--data", str(data), "--out", "x", *small, "--condition", "score", cwd=tmp_path), "descriptions do not")
    refused(codeopt("train", "rrhf", "--out", "x", *small, cwd=tmp_path), "no data")
