"""Builds with sanitizers in whole runs: what a model, a trace, a report and `verify` hear of them, and how they are left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from codeopt.agent.novelty import Novelty
from codeopt.agent.report import verify_command
from codeopt.agent.tasks.detect import detect
from codeopt.config import Settings
from codeopt.sandbox.audit.planted import INPUTS, planted
from codeopt.trace import RunStarted, VerdictReached, read_trace
from codeopt.types import Candidate, Proposal, Status, Verdict
from tests.commandline import codeopt
from tests.servers import Step, serve

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
WRONG, HONEST = planted("heap_read", "running_sum")
MAKE = f"{INPUTS}:best_sum"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(WRONG.program, tmp_path / "best_sum.cpp")
    for candidate in (WRONG, HONEST):
        (tmp_path / f"{candidate.name}.cpp").write_text(candidate.source)
    return tmp_path


def test_a_model_hears_the_line_and_the_trace_and_the_report_what_was_clean(folder: Path) -> None:
    answers = [Step(f"A try.\n```cpp\n{candidate.source}```\n") for candidate in (WRONG, HONEST)] + [Step("I have no further idea.")]
    with serve(*answers) as server:
        start = ("optimize", "best_sum.cpp", "--inputs", MAKE, "--sandbox", "process", "--quiet", "--run", "run")
        model = ("--proposer", "llm", "--strategy", "refine", "--model", "m", "--base-url", server.url, "--max-tokens", "100000")
        done = codeopt(*start, *model, cwd=folder, env={"OPENAI_API_KEY": "none"})
    assert done.returncode == 0, (done.stdout, done.stderr)
    told = server.requests[1]["messages"][-1]["content"]
    assert "AddressSanitizer: heap-buffer-overflow, READ of size 8 in line 17: next = at[i + 1];" in told
    result = json.loads((folder / "run" / "result.json").read_text())
    assert result["candidates"] == {"wrong_output": 1, "ok": 1} and result["sanitized"].startswith("clean on ")
    assert f"- sanitizers: {result['sanitized']}\n" in (folder / "run" / "report.md").read_text()
    events = list(read_trace(folder / "run"))
    assert [event.task["sanitize"] for event in events if isinstance(event, RunStarted)] == [True]
    verdicts = [event.verdict for event in events if isinstance(event, VerdictReached)]
    assert [(verdict.status, verdict.sanitized.partition(" on ")[0]) for verdict in verdicts] == [
        (Status.WRONG_OUTPUT, "reported"), (Status.OK, "clean"), (Status.OK, "clean")
    ]  # fmt: skip


def test_verify_says_it_in_one_line_and_a_switch_leaves_it_out(folder: Path) -> None:
    def said(*more: str) -> tuple[int, str, list[str]]:
        done = codeopt("verify", "best_sum.cpp", f"{WRONG.name}.cpp", "--inputs", MAKE, "--sandbox", "process", "--pairs", "10", *more, cwd=folder)
        lines = done.stdout.splitlines()
        return done.returncode, lines[0], [line for line in lines if "sanitizers:" in line]

    code, first, line = said()
    assert code == 1 and first.startswith("wrong_output: on ") and "heap-buffer-overflow" in first and line == ["  sanitizers: reported"]
    code, first, line = said("--no-sanitize")
    assert code == 0 and first.startswith("same behaviour; faster: ") and line == ["  sanitizers: off (--no-sanitize)"]
    (folder / "codeopt.toml").write_text("sanitize = false\n")
    code, first, line = said()
    assert code == 0 and line == ["  sanitizers: off (--no-sanitize)"]
    code, first, line = said("--sanitize")
    assert code == 1 and line == ["  sanitizers: reported"]


def test_the_command_that_repeats_a_verdict_leaves_them_out_again(folder: Path) -> None:
    task = detect(folder / "best_sum.cpp", Settings(inputs=MAKE, sanitize=False))
    assert verify_command(task, {"original": Path("a"), "new": Path("b")}, None).endswith(f"--inputs {MAKE} --no-sanitize")


def test_what_compiles_to_the_same_may_be_mended() -> None:
    """Unsigned arithmetic in the place of signed has the same machine code, and only one of the two is wrong."""

    def met(first: Verdict) -> Verdict | None:
        novelty = Novelty()
        signed, unsigned = (Candidate(id=name, parent="c0", proposal=Proposal(source=name, proposer="llm", note="")) for name in ("c1", "c2"))
        assert novelty.built(signed, "code", ("c0",)) is None
        novelty.judged(signed, first)
        return novelty.built(unsigned, "code", ("c0",))

    assert met(Verdict(status=Status.WRONG_OUTPUT, evidence="signed integer overflow", sanitized="reported")) is None
    other = met(Verdict(status=Status.WRONG_OUTPUT, evidence="line 1"))
    assert other is not None and other.status is Status.WRONG_OUTPUT
