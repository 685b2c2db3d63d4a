"""Scoring ENAMEL's problems, against the published data (CODEOPT_DATA): the protocol, and what must not score."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.commandline import codeopt, command, environment

pytestmark = pytest.mark.alone

needs_data = pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA is not set")

if os.environ.get("CODEOPT_DATA"):
    from codeopt.errors import EngineRestarted, UserError
    from codeopt.evals.enamel import Bench
    from codeopt.evals.humaneval import problems
    from codeopt.evals.lane import Lane
    from codeopt.evals.suites import find
    from codeopt.evals.worker import Worker
    from codeopt.sandbox.process import ProcessSandbox
    from codeopt.types import Status

NUMBER = 9  # rolling_max: short enough for batches, with lists for answers
EQUAL = """
class Same(type):
    def __eq__(self, other): return True
    __hash__ = type.__hash__
class Any(metaclass=Same):
    def __eq__(self, other): return True
    def __hash__(self): return 0
def rolling_max(numbers):
    return Any()
"""
STUBBORN = """
def rolling_max(numbers):
    while True:
        try:
            while True: pass
        except BaseException:
            pass
"""
ONCE = """
KNOWN = {}
def rolling_max(numbers):
    if "seen" in KNOWN:
        return KNOWN["seen"]
    KNOWN["seen"] = [0]
    result, best = [], None
    for number in numbers:
        best = number if best is None else max(best, number)
        result.append(best)
    return result
"""
LATER = """
def rolling_max(numbers):
    if len(numbers) > 100:
        raise MemoryError
    result, best = [], None
    for number in numbers:
        best = number if best is None else max(best, number)
        result.append(best)
    return result
"""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    problem = next(problem for problem in problems() if problem.number == NUMBER)
    lane = Lane(ProcessSandbox())
    bench = Bench(problem, lane)
    bench.calibrate()
    yield bench
    bench.close()
    lane.close()
    assert not lane.folder.exists()


@needs_data
def test_what_is_right_passes(bench: Bench) -> None:
    reference = bench.score(0, bench.problem.reference)
    assert reference.passed and reference.status is Status.OK and all(reference.levels[1:])
    assert [len(level) for level in reference.seconds] == [8, 4, 4, 4]
    body = bench.problem.reference.removeprefix(bench.problem.prompt.rstrip())
    assert bench.score(1, body).passed, "a body alone belongs under the prompt"
    assert bench.score(2, ONCE).passed, "each call has a module of its own: nothing is kept, for better or worse"


@needs_data
@pytest.mark.parametrize(
    ("program", "status"),
    [
        (EQUAL, "wrong_output"),
        (STUBBORN, "timeout"),
        ("def rolling_max(numbers):\n    return numbers", "wrong_output"),
        ("def rolling_max(numbers):\n    return tuple(numbers)", "wrong_output"),
        ("def rolling_max(numbers):\n    raise KeyError", "crashed"),
        ("def rolling_max(numbers:\n", "build_failed"),
        ("import os\ndef rolling_max(numbers):\n    os._exit(0)", "crashed"),
        ("import os\ndef rolling_max(numbers):\n    if os.fork():\n        os.wait()\n    return numbers", "tampered"),
        ("def other(numbers):\n    return numbers\ndel rolling_max", "build_failed"),
    ],
)
def test_what_is_wrong_scores_nothing(bench: Bench, program: str, status: str) -> None:
    score = bench.score(0, program)
    assert not score.passed and score.e == 0 and score.status == status, score


@needs_data
def test_memory_at_a_later_level_costs_that_level_and_the_rest(bench: Bench) -> None:
    score = bench.score(0, LATER)
    assert score.passed and score.status is Status.OUT_OF_MEMORY
    assert score.levels[3] == 0 and score.e < 1


@needs_data
def test_a_lane_whose_process_dies_goes_on_in_another() -> None:
    suite = find("enamel", None)
    problem = next(problem for problem in suite.problems if problem.number == NUMBER)
    worker = Worker(suite, "process", max(os.sched_getaffinity(0)))
    try:
        assert worker.ready() == "process"
        worker.open(problem)
        first = worker._process
        assert worker.score(0, problem.reference).passed
        first.kill()
        with pytest.raises(EngineRestarted):
            worker.score(1, problem.reference)
        worker.open(problem)
        assert worker.score(1, problem.reference).passed and worker._process is not first
    finally:
        worker.close()
    assert worker._process.returncode == 0
    refusing = Worker(suite, "nowhere", 0)
    with pytest.raises(UserError):
        refusing.ready()
    refusing.close()


@needs_data
def test_a_command_that_is_stopped_goes_on(tmp_path: Path) -> None:
    reference = next(problem for problem in problems() if problem.number == NUMBER).reference
    (tmp_path / "samples.json").write_text(json.dumps({str(NUMBER): [reference] * 4}))
    words = ("eval", "score", "enamel", "--samples-from", "samples.json", "--sandbox", "process", "--out", "out")
    rows = tmp_path / "out" / "rows.jsonl"
    with subprocess.Popen(command(*words), cwd=tmp_path, env=environment(), stdout=-3, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not (rows.is_file() and rows.read_text()) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"--out out goes on" in err, err
    kept = rows.read_text().splitlines()
    assert 1 <= len(kept) < 4
    assert pq.read_table(tmp_path / "out" / "rows.parquet").num_rows == len(kept), "an interrupt writes it, too"
    with rows.open("a") as file:
        file.write('{"task_id": "HumanEval/9", "torn')
    done = codeopt(*words, "--json", "-k", "1,2,9", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = rows.read_text().splitlines()
    assert after[: len(kept)] == kept and sorted(json.loads(row)["sample"] for row in after) == [0, 1, 2, 3]
    figures = json.loads(done.stdout)
    assert figures["pass@1"] == [1, 1, 1] and "eff@2" in figures and "eff@9" not in figures
    again = codeopt(*words, "--json", cwd=tmp_path)
    assert again.returncode == 0 and rows.read_text().splitlines() == after, "nothing is scored twice"
    (tmp_path / "samples.json").write_text(json.dumps({str(NUMBER): ["pass"]}))
    other = codeopt(*words, cwd=tmp_path)
    assert other.returncode == 2 and "another run" in other.stderr


@needs_data
@pytest.mark.parametrize(
    ("samples", "options", "told"),
    [
        (None, (), "no such file"),
        ("{", (), "no form that is known"),
        ('{"9": "text"}', (), "not a list of texts"),
        ("[]", (), "holds no programs"),
        ('{"9": ["pass"]}', ("--ids", "2"), "has no problem '2'"),
        ('{"9": ["pass"]}', ("--ids", "x"), "has no problem 'x'"),
        ('{"9": ["pass"]}', ("--ids", "0"), "has no program for these problems"),
        ('{"9": ["pass"]}', ("-k", "0"), "numbers from 1 on"),
        ('{"9": ["pass"]}', ("--lanes", "10000"), "cores here"),
        ('{"9": ["pass"]}', ("--data", "."), "no enamel/enamel.csv"),
        ('{"9": ["pass"]}', ("--sandbox", "none"), "there is no sandbox"),
    ],
)
def test_bad_input(tmp_path: Path, samples: str | None, options: tuple[str, ...], told: str) -> None:
    if samples is not None:
        (tmp_path / "samples.json").write_text(samples)
    done = codeopt("eval", "score", "enamel", "--samples-from", "samples.json", *options, cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_no_such_suite(tmp_path: Path) -> None:
    done = codeopt("eval", "score", "nothing", "--samples-from", "x", cwd=tmp_path)
    assert done.returncode == 2 and "one of classics, enamel" in done.stderr


@needs_data
def test_lines_of_evalplus(tmp_path: Path) -> None:
    from codeopt.evals.samples import read

    rows = [{"task_id": "HumanEval/9", "solution": "a"}, {"task_id": "HumanEval/9", "completion": "b"}]
    (tmp_path / "samples.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read(tmp_path / "samples.jsonl") == {"HumanEval/9": ["a", "b"]}
