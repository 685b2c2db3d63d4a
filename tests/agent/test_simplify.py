"""What a winner's speed does not need is taken back: the splitting, the search for what can go, and whole runs."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import codeopt, put
from servers import Step, serve

from codeopt.agent.budget import Budget, Meter
from codeopt.agent.changes import Change, Difference
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.report import patch
from codeopt.agent.run import Run
from codeopt.agent.run_folder import Options
from codeopt.agent.search import View
from codeopt.agent.simplify import reduced
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.agent.workshop import Workshop
from codeopt.cli.view import Silent
from codeopt.config import Settings
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.runner.codec import encode
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.trace import BudgetSpent, CandidateMade, Note, Phase, TraceWriter, VerdictReached, read_trace
from codeopt.types import SIMPLIFY, Candidate, Proposal


def difference(old: str, new: str, *flags: str, language: str = "cpp") -> Difference:
    return Difference(old, Proposal(source=new, proposer="llm", note="", flags=flags), language)


def edited(rng: random.Random, lines: list[str]) -> list[str]:
    out = []
    for line in lines:
        roll = rng.random()
        out += [] if roll < 0.1 else ["changed" + line] if roll < 0.2 else [line, "new\n"] if roll < 0.3 else [line]
    return out


def test_all_changes_make_the_winner_and_none_the_program_byte_for_byte() -> None:
    rng = random.Random(5)
    for _ in range(300):
        ends = rng.choice([["\n"], ["\r\n"], ["\n", "\r\n", "\r", "\x0c", "\u2028"]])
        lines = [rng.choice(["a", "b", "", "\udcff\udc80", "é" * 3]) + rng.choice(ends) for _ in range(rng.randint(0, 30))]
        old, new = ("".join(text).removesuffix(rng.choice(["", "\n", "\r\n"])) for text in (lines, edited(rng, lines)))
        found = difference(old, new)
        assert found.with_only(found.changes).source == new
        assert found.with_only(()).source == old
        assert all(found.with_only([change]).source not in (old, new) for change in found.changes[1:])


def test_a_change_that_is_taken_back_is_gone_from_the_patch_and_the_others_stay() -> None:
    old = "".join(f"line {number}\n" for number in range(40))
    new = old.replace("line 3\n", "").replace("line 20\n", "other\n").replace("line 35\n", "line 35\nmore\n")
    found = difference(old, new)
    assert [change.line for change in found.changes] == [4, 21, 37]
    without = found.with_only([found.changes[0], found.changes[2]])
    assert without.note == "without the change at line 21" and without.proposer == SIMPLIFY
    task = Task(kind="program", file="/a.py")
    signed = [line for line in patch(task, old, without.source).splitlines()[2:] if line[0] in "+-"]
    assert signed == ["-line 3", "+more"]


def test_the_newline_at_the_end_is_a_change() -> None:
    found = difference("a\nb", "a\nb\n")
    assert [(change.old, change.new) for change in found.changes] == [("b", "b\n")]


def test_flags_go_one_at_a_time_and_one_that_keeps_numbers_right_goes_with_what_needs_it() -> None:
    found = difference("int x;", "int x;", "-O3", "-march=native", "-ffp-contract=off", "-fno-plt")
    groups = [change.flags for change in found.changes]
    assert groups == [("-O3",), ("-march=native", "-ffp-contract=off"), ("-fno-plt",)]
    assert found.with_only(found.changes[:2]).flags == ("-O3", "-march=native", "-ffp-contract=off")
    assert found.with_only([]).note == "without the changes at -O3, -march=native -ffp-contract=off, -fno-plt"


EDITED = {
    # One edit in three places, of which the last is missed on no input without a value that comes twice.
    "def f(xs):\n    seen = []\n    for x in xs:\n        if x not in seen:\n            seen.append(x)\n    return seen\n": (
        "def f(xs):\n    seen = []\n    known = set()\n    for x in xs:\n        if x not in known:\n            seen.append(x)\n"
        "            known.add(x)\n    return seen\n",
        "line 3, line 4, line 6",
    ),
    # A helper and an import with their use, another function, two statements outside of functions, an import that nothing uses.
    "import os\nA = 1\n\ndef f(x):\n    return x\n\ndef g(x):\n    return x\n\nB = 2\n": (
        "import os\nimport re\nimport math\nA = 3\n\ndef h(x):\n    return math.sqrt(x)\n\ndef f(x):\n    return h(x)\n\n"
        "def g(x):\n    return +x\n\nB = 4\n",
        "line 2, line 5, line 10 | line 8",
    ),
    # A method that fills what another one asks, and one apart.
    "class C:\n    def a(self, x):\n        self.xs = [x]\n\n    def b(self, x):\n        return x in self.xs\n\n    def c(self):\n        return 1\n": (
        "class C:\n    def a(self, x):\n        self.xs = {x}\n\n    def b(self, x):\n        return x & self.xs\n\n    def c(self):\n        return 2\n",
        "line 3, line 6 | line 9",
    ),
}


@pytest.mark.parametrize("old", EDITED, ids=["one function", "names", "state"])
def test_changes_that_belong_together_go_together(old: str) -> None:
    new, expected = EDITED[old]
    found = difference(old, new, language="python")
    assert " | ".join(", ".join(f"line {c.line}" for c in unit) for unit in found.units(found.changes)) == expected


def test_functions_pragmas_and_flags_of_a_program_in_cpp_stand_apart() -> None:
    old = "#include <cstdio>\nint square(int x) {\n    return x * x;\n}\nint spare() {\n    return 1;\n}\nint main() {\n    return square(3);\n}\n"
    new = "#pragma GCC optimize(\"O3\")\n" + old.replace("x * x", "(x) * x").replace("return 1", "return 2").replace("square(3)", "square(4)")
    found = difference(old, new, "-O3")
    assert [[change.line for change in unit] for unit in found.units(found.changes)] == [[1], [3, 9], [6], [0]]


def units(count: int) -> list[list[Change]]:
    return [[Change(number, new="x\n" * (1 + number % 3), number=number)] for number in range(count)]


@pytest.mark.parametrize("needed", [{0}, {7}, {2, 3}, {0, 4, 7}, set(range(8))])
def test_what_is_needed_stays_and_nothing_else(needed: set[int]) -> None:
    assert {change.number for change in reduced(units(8), lambda kept: needed <= {c.number for c in kept})} == needed


def test_what_passes_only_without_another_goes_with_it() -> None:
    asked: list[set[int]] = []

    def passes(kept: list[Change]) -> bool:
        asked.append({change.number for change in kept})
        return 0 in asked[-1] and (2 not in asked[-1] or 1 in asked[-1])

    assert [change.number for change in reduced(units(3), passes)] == [0]
    assert set() not in asked


SLOW = """def step(x: int) -> int:
    return x


def spare(x: int) -> int:
    # nothing is lost here
    return x * 2


STEPS = [step]


def total(n: int) -> int:
    found = 0
    for _ in range(4):
        found = sum([STEPS[0](i) for i in range(n)])
    return found
"""
LOOP = SLOW[SLOW.index("    found = 0") :]
PAYS = SLOW.replace(LOOP, "    return sum([STEPS[0](i) for i in range(n)])\n")
# One more change that costs time, and one in a comment.
ANSWER = PAYS.replace("return x\n", "return x + 0 + 0\n").replace("nothing is lost here", "doubled")
MAKE = "def make(size, seed):\n    return (5 * size + seed % 100,)\n"
KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}


def test_a_run_keeps_only_the_change_that_pays(tmp_path: Path) -> None:
    put(tmp_path, total=SLOW, make=MAKE)
    with serve(Step(f"```python\n{ANSWER}```\n")) as server:
        words = ("optimize", "total.py", "--function", "total", "--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair", "--run", "run")
        model = ("--proposer", "llm", "--strategy", "refine", "--model", "m", "--price-in", "1", "--price-out", "1", "--base-url", server.url)
        done = codeopt(*words, *model, "--max-candidates", "1", "--no-crosshair", "--json", cwd=tmp_path, env=KEY)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr)
    result = json.loads(done.stdout)
    assert (tmp_path / "run" / "total.py").read_text() == PAYS
    signed = [line for line in (tmp_path / "run" / "best.patch").read_text().splitlines()[2:] if line[0] in "+-"]
    assert "\n".join(line[1:] for line in signed) + "\n" == LOOP + PAYS[PAYS.index("    return sum") :]
    assert result["simplified"] == {"changes": 3, "dropped": 2}
    assert "as fast without: 2 of 3 changes" in (tmp_path / "run" / "report.md").read_text()
    told = [(step["rule"], step["note"]) for step in result["steps"]]
    assert told == [("m", told[0][1]), (SIMPLIFY, "without the changes at line 2, line 6")]
    trace = list(read_trace(tmp_path / "run"))
    assert [event.phase for event in trace if isinstance(event, Phase)][-4:] == ["search", "simplify", "holdout", "report"]
    assert [event.candidates for event in trace if isinstance(event, BudgetSpent)][-1] == 1, "trials are not charged"


# A change that only negative numbers need.
SIGNED = SLOW.replace("return x\n", "return abs(x)\n").replace("STEPS[0](i) for i in range(n)", "i for i in range(min(n, 0), max(n, 0))")
GUARDED = SIGNED.replace("return abs(x)\n", "return x + 0 + 0 + 0\n").replace(
    SIGNED[SIGNED.index("    found = 0") :], "    return sum([STEPS[0](i) for i in range(min(n, 0), max(n, 0))])\n"
)


class Once:
    """A proposer of one edit."""

    name, host, ended = "once", "", ""

    def check(self, budget: Budget, kind: str) -> None: ...

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        yield Proposal(source=GUARDED, proposer="once", note="one pass", rule="once")


class Impatient(Silent):
    """Somebody who ends the run when a certain candidate is tried."""

    def __init__(self, name: str) -> None:
        self._name = name

    def trying(self, candidate: Candidate) -> None:
        if candidate.id == self._name:
            raise KeyboardInterrupt


def cases(*numbers: int) -> tuple[Case, ...]:
    return tuple(Case(f"n{number}", "case", (encode({"args": [number], "kwargs": {}}),)) for number in numbers)


@contextmanager
def searched(folder: Path, view: View) -> Iterator[tuple[Run, Judge]]:
    """A run whose search has ended with `GUARDED` as the best; only its hidden inputs have negative numbers."""
    task = detect(folder / "total.py", Settings(function="total", inputs=f"{folder / 'make.py'}:make", python=sys.executable))
    earlier = list(read_trace(folder / "run")) if (folder / "run").is_dir() else []
    with TraceWriter(folder / "run") as trace, Workshop(task, ProcessSandbox()) as shop:
        meter = Meter.restored(Budget(), earlier)
        run = Run(task, Options(run=folder / "run", crosshair=False), view, trace, meter, [Once()], {}, earlier, None)
        run.shop = shop
        judge = Judge(shop.subject(SIGNED), shop.tolerance)
        workload = Workload(cases(1, 2, 300), cases(60_000), hidden=lambda count, seed: cases(-5, 9))
        run.searched(shop, judge, workload, lambda: math.inf, profile=lambda source: None, facts={})
        yield run, judge


def chain(run: Run) -> list[str]:
    assert run.search is not None
    return [step.candidate.id for step in run.search.chain]


def test_an_interrupt_keeps_all_a_resume_measures_nothing_again_and_a_refusal_gives_it_up(tmp_path: Path) -> None:
    put(tmp_path, total=SIGNED, make=MAKE)
    with searched(tmp_path, Impatient("c3")) as (run, judge), pytest.raises(KeyboardInterrupt):
        assert chain(run) == ["c1"]
        run.simplify(judge, 60)
    assert chain(run) == ["c1"]
    with searched(tmp_path, Silent()) as (run, judge):
        run.simplify(judge, 60)
        assert chain(run) == ["c1", "c3"]
        assert run.meter.spent().candidates == 1
        trace = list(read_trace(tmp_path / "run"))
        made = [event.candidate for event in trace if isinstance(event, CandidateMade)]
        assert [(candidate.id, candidate.parent) for candidate in made] == [("c1", "c0"), ("c2", "c1"), ("c3", "c1")]
        assert [event.candidate for event in trace if isinstance(event, VerdictReached)] == ["c1", "c2", "c3"]
        assert run.search is not None
        workload = run.search.workload
        outcome = run.descend("", workload, lambda step: run.holdout(step, judge, workload))
    assert outcome.exit_code == 0 and (tmp_path / "run" / "total.py").read_text() == GUARDED
    assert outcome.summary["winners"] == {"held_out": 2, "refused": 1}
    assert outcome.summary["simplified"] == {"changes": 2, "dropped": 0}


def test_without_time_there_are_no_trials(tmp_path: Path) -> None:
    put(tmp_path, total=SIGNED, make=MAKE)
    with searched(tmp_path, Silent()) as (run, judge):
        run.simplify(judge, 0)
        assert chain(run) == ["c1"]
    notes = [event.text for event in read_trace(tmp_path / "run") if isinstance(event, Note)]
    assert notes[-1] == "0 of 2 changes taken back; not all were tried"
