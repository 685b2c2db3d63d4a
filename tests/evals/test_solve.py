"""Programs for specifications from many answers, against a real server and real boards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from codeopt.agent.spec.reading import read_specification
from codeopt.agent.spec.ways import Heard, Tried, Wish, find_way
from codeopt.evals.boards import Boards
from codeopt.evals.generate import Sampling
from codeopt.evals.solve import Job, _judged
from codeopt.evals.suites import find
from tests.commandline import codeopt, refused
from tests.servers import Step, serve

TEXT = '''def common(left: list, right: list) -> list:
    """Items of left that are in right.
    >>> common([1, 2, 3], [3, 1])
    [1, 3]
    """
'''
SLOW = "def common(left, right):\n    return [item for item in left if item in right]\n"
FAST = "def common(left, right):\n    known = set(right)\n    return [item for item in left if item in known]\n"
DEADLY = "def common(left, right):\n    import os\n    os.kill(os.getppid(), 9)\n    return []\n"


def test_a_board_judges_in_its_process_and_comes_back_after_a_kill() -> None:
    wish = read_specification(TEXT, "common")
    core = sorted(os.sched_getaffinity(0))[-1]
    boards = Boards("process", core)
    try:
        assert boards.ready() == "process"
        first = boards.judge("a", wish, [Tried(SLOW), Tried(SLOW), Tried(DEADLY)], [], 0)
        assert first.best == SLOW and first.confidence == 1.0 and first.programs == 3
        boards._process.kill()
        second = boards.judge("a", wish, [Tried(FAST, 0)], [Tried(SLOW), Tried(SLOW)], 0)
        assert second.best == FAST and second.seconds is not None and (second.distinct, second.programs) == (2, 2)
    finally:
        boards.close()


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA does not name the folder with ENAMEL's problems")
def test_a_suite_of_specifications_is_solved_and_asked_once(tmp_path: Path) -> None:
    body = "def has_close_elements(numbers, threshold):\n    numbers = sorted(numbers)\n"
    right = body + "    return any(b - a < threshold for a, b in zip(numbers, numbers[1:]))\n"
    steps = [Step(f"```python\n{text}```", usage=(30, 100)) for text in (right, body + "    return False\n", right)]
    with serve(*steps, Step("no code", usage=(30, 100))) as server:
        words = ("--model", "m", "--base-url", server.url, "--strategy", "sample", "--tokens", "400", "--ids", "0", "--concurrency", "1")
        more = ("--sandbox", "process", "--out", "out", "--json", "--temperature", "0.8")
        done = codeopt("eval", "generate", "enamel", *words, *more, cwd=tmp_path, seconds=200)
        assert done.returncode == 0, done.stderr
        (row,) = map(json.loads, (tmp_path / "out/samples.jsonl").read_text().splitlines())
        told = json.loads(row["raw"])
        assert "zip(numbers" in row["solution"] and row["tokens_out"] == 400 and row["tokens_in"] == 120
        assert (told["programs"], told["distinct"], told["answers"]) == (3, 2, 4) and told["confidence"] > 0.5
        assert len({request["seed"] for request in server.requests}) == len(server.requests) == 4
        (tmp_path / "out/samples.jsonl").unlink()
        again = codeopt("eval", "generate", "enamel", *words, *more, cwd=tmp_path, seconds=200)
        assert again.returncode == 0 and len(server.requests) == 4, "answers that were paid for are not asked for again"
        assert "0 of them new" in again.stderr


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA does not name the folder with MBPP's problems")
@pytest.mark.parametrize(("rules", "note"), [(None, ""), (True, "rewritten by rules")])
def test_rules_have_the_last_word_where_that_is_asked_for(rules: bool | None, note: str) -> None:
    wish = Wish(read_specification(TEXT, "common"), 100)
    job = Job(SimpleNamespace(task_id="a"), 0, 0, wish, find_way("sample")(wish))
    job.go_on(None)
    job.go_on([Heard(f"```python\n{SLOW}```", "stop", 100)])
    board = Boards("process", sorted(os.sched_getaffinity(0))[-1])
    try:
        board.ready()
        _judged(board, [job], Sampling(find("mbpp", None), "m", 1, 0.8, None, 100, 0, "", "sample", 10.0, 100, rules))
    finally:
        board.close()
    assert job.done and job.note == note and ("set(" in job.known.best) == bool(note), job.known.best


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA does not name the folder with ENAMEL's problems")
def test_what_ways_cannot_do_is_one_line(tmp_path: Path) -> None:
    refused(codeopt("eval", "generate", "enamel", "--strategy", "plan", cwd=tmp_path), "the strategy 'plan' asks a model")
    words = ("--strategy", "plan", "--model", "m", "--base-url", "http://127.0.0.1:1/v1")
    refused(codeopt("eval", "generate", "humaneval-speed", *words, cwd=tmp_path), "starts from programs, not from specifications")
    refused(codeopt("eval", "generate", "enamel", *words[2:], "--rules", cwd=tmp_path), "--rules is for plan, refine, sample")
    refused(codeopt("eval", "generate", "enamel", *words, "--lanes", "9999", cwd=tmp_path), "cores here")
