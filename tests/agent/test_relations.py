"""Relations that a task declares: the program itself keeps them, and a candidate that breaks one is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import codeopt, put, refused

from codeopt.agent.inputs import build_workload
from codeopt.agent.relations import Relations, checked_relations, with_relations
from codeopt.agent.tasks.detect import detect
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.errors import UserError
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Workload
from codeopt.types import Status, Verdict

SLOW = """def total(values, bonus=0):
    if not values:
        raise ValueError("nothing")
    out = []
    for value in sorted(values):
        out = out + [value]
    return sum(out) + bonus
"""
# Right on whatever rises, as all visible inputs do.
FIRST = """def total(values, bonus=0):
    if not values:
        raise ValueError("nothing")
    return sum(values) + bonus if values[0] <= values[-1] else 0
"""
RIGHT = FIRST.replace(" if values[0] <= values[-1] else 0", "")
MAKE = "def make(size, seed):\n    return ([seed % 7 + 3 * i for i in range(size)],)\n"
RELATIONS = """
def permutation(values):
    first = yield (values,)
    second = yield (values[::-1],)
    assert first == second


def bonus(values):
    first = yield (values,)
    return first + 5 == (yield (values, 5))


def empty_is_an_error(values):
    yield (values,)
    try:
        yield ([],)
    except ValueError:
        return
    assert False, "no ValueError"


def _helper():
    return 1
"""
PROGRAM = """import sys
words = sys.stdin.read().split()
total = 0
for _ in range(700_000):
    total += 1
if not words:
    sys.exit("no words")
print(sum(map(int, words)))
"""
TEXTS = """
def order(text):
    first = yield text
    assert first == (yield " ".join(reversed(text.split())))


def nothing_fails(text):
    yield text
    try:
        yield ""
    except RuntimeError as error:
        assert "no words" in str(error)
    else:
        assert False
"""


@dataclass
class Bench:
    """One program with its inputs, for many relations and candidates."""

    shop: Workshop
    judge: Judge
    workload: Workload

    def relations(self, text: str) -> Relations:
        Path(self.shop.task.relations).write_text(text)
        found = checked_relations(self.shop, self.judge, self.workload)
        assert found is not None
        return found

    def verdict(self, new: str, text: str) -> Verdict:
        subject = self.shop.subject(new)
        try:
            assert self.judge.check(subject, self.workload.visible) is None, "every input agrees"
            return with_relations(self.shop, self.judge, subject, self.relations(text), Verdict(status=Status.OK))
        finally:
            self.shop.forget(subject)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("relations")
    put(folder, old=SLOW, make=MAKE, relations=RELATIONS)
    said = {"inputs": f"{folder / 'make.py'}:make", "relations": str(folder / "relations.py"), "python": sys.executable}
    task = detect(folder / "old.py", Settings(function="total", **said))
    with Workshop(task, ProcessSandbox()) as shop:
        judge = Judge(shop.subject(SLOW), shop.tolerance, limit_s=10)
        yield Bench(shop, judge, build_workload(shop, judge, 0))


def test_a_candidate_that_keeps_them_is_accepted_and_the_checks_are_counted(bench: Bench) -> None:
    verdict = bench.verdict(RIGHT, RELATIONS)
    assert verdict.status == "ok", verdict.evidence
    assert verdict.notes == ("relations: 60 checks hold (permutation, bonus, empty_is_an_error)",)


def test_a_candidate_that_breaks_one_is_wrong_although_every_input_agrees(bench: Bench) -> None:
    assert bench.verdict(FIRST, "def nothing(values):\n    yield (values,)\n").status == "ok"
    verdict = bench.verdict(FIRST, RELATIONS)
    assert verdict.status == "wrong_output" and verdict.holdout is None
    assert verdict.evidence.startswith("relation permutation does not hold: line 5: assert first == second"), verdict.evidence
    assert "answers" in verdict.evidence


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("import os\n        os._exit(0)", "crashed"),
        ("raise KeyError(3)", "wrong_output"),
        ("return lambda: 1", "crashed"),
        ("return AlwaysEqual()", "wrong_output"),
    ],
    ids=["exits", "raises", "no value", "class of its own"],
)
def test_what_else_a_candidate_does_when_it_is_asked(bench: Bench, body: str, status: str) -> None:
    own = "class AlwaysEqual:\n    def __eq__(self, other):\n        return True\n\n"
    new = f"{own}def total(values, bonus=0):\n    if values[0] > values[-1]:\n        {body}\n    return sum(values) + bonus\n"
    verdict = bench.verdict(new, RELATIONS.partition("def bonus")[0])
    assert verdict.status == status, (verdict.status, verdict.evidence)


@pytest.mark.parametrize(
    ("relations", "says"),
    [
        ("def grows(values):\n    assert (yield (values,)) > 10 ** 9\n", r"relation grows does not hold for the program itself, on input \S+: line 2: assert"),
        ("def never(values):\n    yield (values,)\n    return False\n", "relation never does not hold .* it returned False"),
        ("def plain(values):\n    yield values\n", r"relation plain yields \[.*\]; it has to yield the arguments as a tuple"),
        ("def more(values, other):\n    yield (values,)\n", "relation more cannot be started with the input"),
        ("def ends(values):\n    while True:\n        yield (values,)\n", "relation ends asks for more than 200 answers"),
        ("def handle(values):\n    yield (open(__file__),)\n", "relation handle yields a value that cannot cross the sandbox"),
        ("def silent(values):\n    yield ([],)\n", "no relation says anything"),
        ("import nosuchmodule\ndef f(values):\n    yield (values,)\n", "No module named 'nosuchmodule'"),
    ],
)
def test_relations_that_cannot_be_used_are_one_clear_line(bench: Bench, relations: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        bench.relations(relations)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such relations file: .*: check --relations"),
        ("x = 1\ndef _f(a):\n    yield (a,)\n", "no public function in .*relations.py: each relation is one"),
        ("def f(a):\n    return a\n", "relation f in .* does not yield: .* helper begins with _"),
        ("def f(:\n", "relations.py:1: .*: mend the relations first"),
    ],
)
def test_a_bad_file_is_refused_before_anything_runs(tmp_path: Path, text: str | None, says: str) -> None:
    put(tmp_path, old=SLOW, new=RIGHT, make=MAKE)
    if text is not None:
        (tmp_path / "relations.py").write_text(text)
    words = ["verify", "old.py", "new.py"] if text is None else ["optimize", "old.py"]
    refused(codeopt(*words, "--function", "total", "--relations", "relations.py", cwd=tmp_path), says)


def test_a_whole_command_has_none(tmp_path: Path) -> None:
    put(tmp_path, old=SLOW, make=MAKE)
    refused(codeopt("optimize", "--relations", "make.py", "--", "python", "old.py", cwd=tmp_path), "speak of one function")


def test_a_program_is_asked_with_texts_and_the_file_is_found_in_codeopt_toml(tmp_path: Path) -> None:
    put(tmp_path, old=PROGRAM, new=PROGRAM.replace("700_000", "10"), relations=TEXTS)
    (tmp_path / "wrong.py").write_text(PROGRAM.replace("700_000", "10").replace("sum(", "int(words[-1]) * 0 + sum(").replace('"no words"', "3"))
    (tmp_path / "text").write_text("30 10 200\n")
    (tmp_path / "codeopt.toml").write_text('relations = "relations.py"\nstdin = "text"\n')
    words = ("--sandbox", "process", "--pairs", "10", "--python", sys.executable)
    done = codeopt("verify", "old.py", "new.py", *words, cwd=tmp_path)
    assert done.returncode == 0 and "relations: 2 checks hold (order, nothing_fails)" in done.stdout, done.stdout + done.stderr
    done = codeopt("verify", "old.py", "wrong.py", *words, cwd=tmp_path)
    assert done.returncode == 1 and "relation nothing_fails does not hold: line 12" in done.stdout, done.stdout + done.stderr


def test_optimize_checks_them_and_says_so_in_the_report(tmp_path: Path) -> None:
    put(tmp_path, old=SLOW, make=MAKE, relations=RELATIONS)
    words = ("old.py", "--function", "total", "--inputs", "make.py:make", "--relations", "relations.py", "--run", "run")
    done = codeopt("optimize", *words, "--sandbox", "process", "--time", "150", "--max-candidates", "1", cwd=tmp_path, seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "run" / "report.md").read_text()
    assert "relations: 60 checks hold" in report and f"--relations {tmp_path / 'relations.py'}" in report
