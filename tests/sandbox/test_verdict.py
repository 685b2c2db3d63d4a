"""The verdict on real processes: what is accepted, what is not, and what evidence comes back."""

import os
import sys
from pathlib import Path

import pytest

from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Limits, Mount
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject, PythonProgram
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Status

SLOW = """
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""


def call(*args):
    return codec.encode({"args": list(args), "kwargs": {}})


@pytest.fixture
def make(tmp_path):
    """make(source) -> a subject for function f of a module m."""
    (tmp_path / "m.py").write_text(SLOW)
    made = []

    def build(source, **spec):
        subject = FunctionSubject(
            ProcessSandbox(),
            Runtime(sys.executable, (Mount(tmp_path, str(tmp_path)),), Limits(cpus=(max(os.sched_getaffinity(0)),))),
            source,
            FunctionSpec("m", "f", str(tmp_path / "m.py"), (str(tmp_path),), **spec),
        )
        made.append(subject)
        return subject

    yield build
    for subject in made:
        subject.close()


def workload(*values, timed=20_000):
    visible = tuple(Case(f"v{i}", "case", (call(value),)) for i, value in enumerate(values or (0, 1, 7)))
    return Workload(visible, (Case("t", "grown", (call(timed),)),), repeat=4)


def test_a_faster_equal_function_is_accepted_and_confirmed(make):
    judge = Judge(make(SLOW))
    candidate = make("def f(n):\n    return n * (n - 1) // 2\n")
    verdict = judge.judge(candidate, workload())
    assert verdict.status is Status.OK and verdict.search.speedup > 2
    confirmed = judge.confirm(candidate, workload(), seed=1, pairs=10)
    assert confirmed.status is Status.OK
    assert confirmed.holdout.at_least
    assert any("none hidden" in note for note in confirmed.notes)


def test_the_same_function_is_not_faster(make):
    # One in some hundred equal pairs may be accepted (benchmarks/aa.py), two in a row are no luck.
    verdicts = [Judge(make(SLOW)).judge(make(SLOW + "\n# the same\n"), workload()) for _ in range(2)]
    assert any(verdict.status in (Status.NOT_FASTER, Status.UNDECIDED) for verdict in verdicts), verdicts


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("def f(n):\n    return n * (n - 1) // 2 + (n == 7)\n", Status.WRONG_OUTPUT, "22"),
        ("def f(n):\n    return float(n * (n - 1) // 2)\n", Status.WRONG_OUTPUT, ""),
        ("def f(n):\n    raise KeyError('gone')\n", Status.WRONG_OUTPUT, "KeyError"),
        ("import os\ndef f(n):\n    os._exit(0)\n", Status.CRASHED, ""),
        ("import os\ndef f(n):\n    os.kill(os.getpid(), 11)\n", Status.CRASHED, "SIGSEGV"),
        ("def f(n):\n    while True: pass\n", Status.TIMEOUT, "still running"),
        ("def f(n): return 1 +\n", Status.BUILD_FAILED, "SyntaxError"),
        ("import nothing_of_that_name\n", Status.BUILD_FAILED, "nothing_of_that_name"),
        ("def g(n): return 0\n", Status.BUILD_FAILED, "f"),
        ("def f(n):\n    print('hello')\n    return n * (n - 1) // 2\n", Status.WRONG_OUTPUT, "printed"),
        ("def f(n):\n    import sys\n    sys.exit(0)\n", Status.WRONG_OUTPUT, "SystemExit"),
    ],
)
def test_a_wrong_candidate_gets_its_status_and_evidence(make, source, status, words):
    verdict = Judge(make(SLOW)).judge(make(source), workload())
    assert verdict.status is status, verdict
    assert words in verdict.evidence


def test_a_timed_answer_is_checked_too(make):
    cheat = "def f(n):\n    return n * (n - 1) // 2 if n < 10000 else 0\n"
    verdict = Judge(make(SLOW)).judge(make(cheat), workload())
    assert verdict.status is Status.WRONG_OUTPUT


def test_changed_arguments_are_found(make):
    old = "def f(values):\n    return sum(values)\n"
    new = "def f(values):\n    values.sort()\n    return sum(values)\n"
    case = Case("v", "case", (call([3, 1, 2]),))
    verdict = Judge(make(old)).judge(make(new), Workload((case,), (case,)))
    assert verdict.status is Status.WRONG_OUTPUT
    assert "arguments after the call" in verdict.evidence


def test_one_bad_case_costs_only_itself(make):
    subject = make("import os\ndef f(n):\n    if n == 1: os._exit(3)\n    return n\n")
    samples = [subject.run(Case(str(n), "case", (call(n),))) for n in (0, 1, 2)]
    assert [s.status for s in samples] == [Status.OK, Status.CRASHED, Status.OK]
    slow = make("def f(n):\n    while n == 1: pass\n    return n\n")
    samples = [slow.run(Case(str(n), "case", (call(n),)), limit_s=0.3) for n in (0, 1, 2)]
    assert [s.status for s in samples] == [Status.OK, Status.TIMEOUT, Status.OK]


def test_state_does_not_pass_from_call_to_call(make):
    subject = make("seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)\n")
    case = Case("v", "case", (call(5),))
    first, second = subject.run(case), subject.run(case)
    assert first.answer == second.answer


def test_cpu_time_comes_from_the_kernel_and_not_from_the_candidate(make):
    forging = "import time\ntime.perf_counter = time.process_time = lambda: 0.0\n" + SLOW
    judge = Judge(make(SLOW))
    verdict = judge.judge(make(forging), workload())
    # By its own clock it would be faster without bound; by ours the same, but for luck.
    assert verdict.search.speedup < 1.3
    sample = judge.baseline.run(workload().timed[0], repeat=20)
    assert sample.cpu_s is not None and 0 < sample.cpu_s <= sample.wall_s * 1.5


def test_steady_names_what_is_random_and_what_fails(make):
    judge = Judge(make("import os\ndef f(n):\n    return os.urandom(4)\n"))
    kept, reasons = judge.steady([Case("v", "case", (call(1),))])
    assert kept == [] and "differ" in reasons[0]


def test_programs_are_compared_by_their_output(tmp_path):
    (tmp_path / "p.py").write_text("")

    def program(source):
        runtime = Runtime(sys.executable, (Mount(tmp_path, str(tmp_path)),), Limits(cpus=(max(os.sched_getaffinity(0)),)))
        return PythonProgram(ProcessSandbox(), runtime, source, str(tmp_path / "p.py"), (str(tmp_path),))

    old = program("import sys\nprint(sum(int(x) for x in sys.stdin.read().split()))\n")
    judge = Judge(old)
    case = Case("c", "case", stdin=b"1 2 3\n", expected=b"6\n")
    kept, reasons = judge.steady([case, Case("d", "case", stdin=b"1\n", expected=b"2\n")])
    assert [c.id for c in kept] == ["c"] and "fails its own case" in reasons[0]
    wrong = program("print(7)\n")
    assert judge.check(wrong, [case]).status is Status.WRONG_OUTPUT
    failing = program("print(6)\nraise SystemExit(4)\n")
    finding = judge.check(failing, [case])
    assert "exit status 4" in finding.evidence
    flood = program("while True: print('x' * 100000)\n")
    assert judge.check(flood, [case]).status in (Status.OUTPUT_LIMIT, Status.TIMEOUT)
    for subject in (old, wrong, failing, flood):
        subject.close()
    assert Path(tmp_path).exists()
