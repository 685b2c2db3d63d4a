"""Gains that a user would not have: each cheat is a real program in a real session, and so is its honest double."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from codeopt.sandbox import cgroup
from codeopt.sandbox.process import ProcessSandbox, descendants
from codeopt.sandbox.protocol import Mount
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject
from codeopt.sandbox.timing import Regions
from codeopt.sandbox.tolerance import Tolerance
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload, nothing
from codeopt.types import Status, Verdict

pytestmark = pytest.mark.alone

WORK = """
def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total
"""
SLOW = WORK + "def f(n):\n    return work(n)\n"
LARGE = 150_000
FILE = """
import os, tempfile
def f(n):
    path = os.path.join(tempfile.gettempdir(), "answer-%d" % n)
    try:
        with open(path) as file:
            return int(file.read())
    except OSError:
        answer = work(n)
        with open(path, "w") as file:
            file.write(str(answer))
        return answer
"""
MEMORY = """
import mmap, struct
SHARED = mmap.mmap(-1, 1 << 16)
def f(n):
    at = n % 4000 * 16
    known, answer = struct.unpack_from("qq", SHARED, at)
    if known != n:
        answer = work(n)
        struct.pack_into("qq", SHARED, at, n, answer)
    return answer
"""
EARLY = """
import os
import re
import sys
answers = []
def watch(frame, event, _):
    if event == "call" and frame.f_code.co_name == "capture":
        calls = frame.f_back.f_locals.get("calls")
        if calls:
            sys.setprofile(None)
            answers[:] = [work(*call["args"]) for call in calls][::-1]
sys.setprofile(watch)
def f(n):
    return answers.pop() if answers else work(n)
"""
PARTLY_EARLY = EARLY.replace("work(*call", "work(call").replace('["args"])', '["args"][0] * 2 // 5)').replace("work(n)\n", """work(n * 2 // 5)
def f(n):
    total = answers.pop() if answers else work(n * 2 // 5)
    for i in range(n * 2 // 5, n):
        total += i * i % 7
    return total
""")
IMPORT = """
import time
end = time.perf_counter() + 4
while time.perf_counter() < end: pass
def f(n):
    cycle, rest = divmod(n, 7)
    return cycle * sum(i * i % 7 for i in range(7)) + sum(i * i % 7 for i in range(rest))
"""
HELPER = """
import os, struct
def f(n):
    if n < 1000:
        return work(n)
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, struct.pack("q", work(n)))
        os._exit(0)
    return struct.unpack("q", os.read(read, 8))[0]
"""
DAEMON = """
import os, time
def f(n):
    if os.fork() == 0:
        os.setsid()
        time.sleep(20)
        os._exit(0)
    cycle, rest = divmod(n, 7)
    return cycle * sum(i * i % 7 for i in range(7)) + sum(i * i % 7 for i in range(rest))
"""
COPIES = """
known = {}
def f(n):
    if n not in known:
        known[n] = work(n)
    return known[n]
"""
HONEST = """
TABLE = [i * i % 7 for i in range(7)]
def f(n):
    cycle, rest = divmod(n, 7)
    return cycle * sum(TABLE) + sum(TABLE[:rest])
"""


def call(*args: object) -> bytes:
    return codec.encode({"args": list(args), "kwargs": {}})


def case(name: str, n: int) -> Case:
    return Case(name, "grown", (call(n),))


VISIBLE = tuple(case(f"v{n}", n) for n in (0, 1, 5, 20))
REPEATED = Workload(VISIBLE, (case("t", LARGE),))
FRESH = Workload(
    VISIBLE,
    (case("t", LARGE),),
    lambda count, draw: [case(f"h{i}", 30 + i) for i in range(count)],
    lambda count, draw: [case(f"f{i}", LARGE + draw % 100 + i) for i in range(count)],
    fresh_timed=lambda count, draw: [case(f"s{draw}-{i}", LARGE + draw % 10_000 + i) for i in range(count)],
)


@pytest.fixture
def confirm(subject: Callable[[str], FunctionSubject]) -> Callable[[str, Workload], Verdict]:
    return lambda source, workload: Judge(subject(SLOW)).confirm(subject(source), workload, seed=1)


def test_the_search_times_inputs_that_do_not_come_again(subject: Callable[[str], FunctionSubject]) -> None:
    judge = Judge(subject(SLOW))
    for cheat in (FILE, MEMORY):
        assert judge.judge(subject(WORK + cheat), FRESH).status is not Status.OK
    assert judge.judge(subject(HONEST), FRESH).status is Status.OK
    short = replace(FRESH, timed=(case("t", 1000),), repeat=20, fresh_timed=lambda count, draw: [case(f"short{draw}-{i}", 1000 + i) for i in range(count)])
    assert judge.judge(subject(WORK + COPIES), short).status is not Status.OK
    assert judge.judge(subject(HONEST), short).status is Status.OK


def test_regions_go_on_as_long_as_their_source(subject: Callable[[str], FunctionSubject]) -> None:
    judge = Judge(subject(SLOW))
    regions = Regions(judge, FRESH, seed=0)
    first = len(regions.cases)
    assert regions.more(first - 1) == regions.cases[first - 1 :] and len(regions.more(first)) >= 10
    assert len({one.calls for one in regions.cases}) == len(regions.cases)
    few = replace(FRESH, fresh_timed=lambda count, draw: [case(f"few{draw}-{i}", 100 + i) for i in range(5)])
    ended = Regions(judge, few, seed=0)
    assert len(ended.cases) == 5 and not ended.more(5) and not ended.more(5)
    assert Regions(judge, REPEATED, seed=0).cases == list(REPEATED.timed)


@pytest.mark.parametrize("cheat", [FILE, MEMORY])
def test_answers_that_are_remembered_are_no_gain(confirm: Callable[[str, Workload], Verdict], cheat: str) -> None:
    fresh = confirm(WORK + cheat, FRESH)
    assert fresh.status is Status.NOT_FASTER, fresh
    repeated = confirm(WORK + cheat, REPEATED)
    assert repeated.status is Status.TAMPERED and "remembers" in repeated.evidence, repeated


def test_copies_of_a_call_are_no_gain(confirm: Callable[[str, Workload], Verdict]) -> None:
    short = Workload(VISIBLE, (case("t", 60_000),), nothing, nothing, repeat=4)
    verdict = confirm(WORK + COPIES, short)
    assert verdict.status is Status.NOT_FASTER and "come again" in verdict.evidence, verdict
    assert confirm(HONEST, short).status is Status.OK
    assert confirm(HONEST, Workload(VISIBLE, (case("t", 2000),), repeat=60)).status is Status.OK


@pytest.mark.parametrize(
    ("cheat", "words"),
    [
        (EARLY, "before the clock starts"),
        (IMPORT, "before the first call"),
        (HELPER, "measured"),
        (DAEMON, "still run after the answer"),
    ],
)
def test_work_elsewhere_is_no_gain(confirm: Callable[[str, Workload], Verdict], cheat: str, words: str) -> None:
    verdict = confirm(WORK + cheat, FRESH)
    assert verdict.status in (Status.TAMPERED, Status.NOT_FASTER) and words in verdict.evidence, verdict


def test_little_work_before_the_clock_is_no_gain(confirm: Callable[[str, Workload], Verdict]) -> None:
    short = Workload(VISIBLE, (case("t", 60_000),), fresh_timed=lambda count, draw: [case(f"s{i}", 60_000 + i) for i in range(count)])
    verdict = confirm(WORK + PARTLY_EARLY, short)
    assert verdict.status is Status.TAMPERED and "ms of CPU time that it spends before" in verdict.evidence, verdict
    assert confirm(HONEST, short).status is Status.OK


def test_a_baseline_that_fails_is_no_fault_of_the_candidate(subject: Callable[[str], FunctionSubject]) -> None:
    failing = subject("import os\ndef f(n):\n    os._exit(3)\n")
    finding = Judge(failing).check(subject("def f(n):\n    return n\n"), VISIBLE)
    assert finding is not None and finding.status is Status.UNDECIDED and "the baseline itself fails" in finding.evidence


def test_each_sample_has_a_layout_of_its_own_and_all_its_levels(subject: Callable[[str], FunctionSubject]) -> None:
    places = subject("def f(n):\n    return id(object()), id(bytes(n))\n")
    assert len({places.run(case("p", 300)).answer for _ in range(12)}) > 6
    levels = subject("def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\n")
    found = [Tolerance().values(codec.encode([[0, 0]]), levels.run(case("l", 0)).answer) for _ in range(12)]
    depths = [int(re.findall(r"\d+", told)[-1]) for told in found]
    assert min(depths) > 900 and max(depths) - min(depths) <= 1, found


def test_orphans_are_counted_and_killed_without_a_cgroup_too(
    subject: Callable[[str], FunctionSubject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "create", lambda limits: None)
    leaving = subject("import os, time\ndef f(n):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(n)\n        os._exit(0)\n")
    leaving.session()
    usual, before = leaving.processes(), set(descendants(1))
    assert leaving.run(case("stays", 600)).status is Status.OK
    assert leaving.processes() == (usual or 0) + 1
    orphans = set(descendants(1)) - before
    leaving.close()
    assert orphans and not orphans & set(descendants(1))


def test_a_table_made_at_import_is_honest(confirm: Callable[[str, Workload], Verdict]) -> None:
    for workload in (FRESH, REPEATED):
        verdict = confirm(HONEST, workload)
        assert verdict.status is Status.OK, verdict
        assert verdict.setup is not None and verdict.setup.candidate_s < 1
        assert verdict.usage is not None and verdict.usage.processes


def test_arguments_that_cannot_be_encoded_afterwards_are_changed_arguments(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("")
    old, new = "def f(xs):\n    return len(xs)\n", "def f(xs):\n    xs.append((lambda: 0).__code__)\n    return len(xs) - 1\n"
    runtime = Runtime(sys.executable, (Mount(tmp_path, str(tmp_path)),))
    spec = FunctionSpec("m", "f", str(tmp_path / "m.py"), (str(tmp_path),))
    before, after = (FunctionSubject(ProcessSandbox(), runtime, source, spec) for source in (old, new))
    finding = Judge(before).check(after, [Case("v", "case", (call([1, 2]),))])
    before.close()
    after.close()
    assert finding is not None and finding.status is Status.WRONG_OUTPUT and "encoded" in finding.evidence
