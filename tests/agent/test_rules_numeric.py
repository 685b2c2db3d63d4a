"""Micro, I/O and numeric rules: each case of rules_numeric/*.txt is rewritten, and old and new run side by side.

A file is named after its rule. A case begins with `=== fires`, `=== never` or `=== program` (standard input after
`<<<`), optionally followed by the modules that it needs; `>>>` lines are the calls that are compared.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.catalogue import load

FOLDER = Path(__file__).parent / "rules_numeric"
RUNNER = r"""
import contextlib, io, json, math, sys
def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (a != a and b != b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if hasattr(a, "equals"):
        return a.equals(b)
    if hasattr(a, "dtype"):
        return a.dtype == b.dtype and a.shape == b.shape and bool(__import__("numpy").allclose(a, b, equal_nan=True))
    return a == b if isinstance(a, (set, frozenset)) or type(a).__eq__ is not object.__eq__ else repr(a) == repr(b)
def outcome(code, space, call):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            value = eval(call, space)
        except Exception as error:
            value = (type(error).__name__, str(error))
    return [value, out.getvalue()]
bad = []
for number, job in enumerate(json.load(sys.stdin)):
    spaces = [{"__name__": "case"} for _ in job["texts"]]
    for text, space in zip(job["texts"], spaces):
        try:
            exec(compile(text, "<case>", "exec"), space)
        except Exception as error:
            bad.append([number, "import", repr(error), text])
    for call in job["calls"]:
        values = [outcome(t, s, call) for t, s in zip(job["texts"], spaces)]
        for value, text in zip(values[1:], job["texts"][1:]):
            if not same(values[0], value):
                bad.append([number, call, repr(values[0]), repr(value), text])
json.dump(bad, sys.stdout)
"""


@dataclass(frozen=True)
class Case:
    rule: str
    kind: str
    needs: tuple[str, ...]
    text: str
    calls: list[str] = field(default_factory=list)
    stdin: str = ""

    @property
    def code(self) -> Code:
        return Code(self.text, available=frozenset(self.needs))

    @property
    def absent(self) -> list[str]:
        return [m for m in self.needs if importlib.util.find_spec(m) is None]


def read(path: Path) -> list[Case]:
    cases = []
    for part in path.read_text().split("=== ")[1:]:
        head, _, body = part.partition("\n")
        kind, *needs = head.split()
        body, _, stdin = body.partition("<<<\n")
        lines = body.splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith(">>> "))
        calls = [line[4:].strip() for line in lines if line.startswith(">>> ")]
        cases.append(Case(path.stem, kind, tuple(needs), text, calls, stdin))
    return cases


FILES = sorted(FOLDER.glob("*.txt"))
CASES = [case for path in FILES for case in read(path)]
RULES = {rule.name: rule for rule in load("python")}


def rewrites(case: Case) -> list[Rewrite]:
    return list(RULES[case.rule].apply(case.code))


def test_every_case_file_has_a_rule_and_a_positive_and_a_negative_case() -> None:
    for path in FILES:
        kinds = {c.kind for c in read(path)}
        assert path.stem in RULES
        assert "never" in kinds and kinds & {"fires", "program"}, path.stem


@pytest.mark.parametrize("case", [c for c in CASES if c.kind == "never"], ids=lambda c: c.rule)
def test_stays_away(case: Case) -> None:
    assert [r.text for r in rewrites(case)] == []


@pytest.mark.parametrize("case", [c for c in CASES if c.kind != "never"], ids=lambda c: c.rule)
def test_fires_and_rests_on_its_own_output(case: Case) -> None:
    """Its first proposal taken again and again (and its last): it comes to an end, and no text comes twice."""
    for pick in (0, -1):
        seen = [case.text]
        while found := list(RULES[case.rule].apply(Code(seen[-1], available=frozenset(case.needs)))):
            assert found[pick].text not in seen
            seen.append(found[pick].text)
            assert len(seen) < 16, f"still firing:\n{seen[-1]}"
        assert len(seen) > 1, "does not fire"


def all_in_turn(case: Case) -> list[str]:
    """The text after every rule of this folder in turn: rules must stand each other's output."""
    texts, now = [], case.text
    for stem in [path.stem for path in FILES]:
        for rewrite in RULES[stem].apply(Code(now, available=frozenset(case.needs))):
            now = rewrite.text
            texts.append(now)
            break
    return texts[-1:]


def test_results_are_the_same() -> None:
    """One process runs every case: the old text, each new one, each after a second turn, and all rules one after another."""
    jobs = []
    for case in CASES:
        if case.kind == "fires" and not case.absent:
            texts = [case.text]
            for rewrite in rewrites(case):
                again = Code(rewrite.text, available=frozenset(case.needs))
                texts += [rewrite.text, *(r.text for r in RULES[case.rule].apply(again))]
            texts += all_in_turn(case)
            jobs.append({"texts": texts, "calls": case.calls})
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(jobs), capture_output=True, text=True, check=True, timeout=120
    )
    bad = json.loads(done.stdout)
    assert not bad, "\n".join(map(str, bad[0]))


@pytest.mark.parametrize("case", [c for c in CASES if c.kind == "program"], ids=lambda c: c.rule)
def test_programs_print_the_same(case: Case, tmp_path: Path) -> None:
    def run(text: str) -> tuple[int, str, str]:
        (tmp_path / "p.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "p.py"], cwd=tmp_path, input=case.stdin, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout, done.stderr.strip().rpartition("\n")[2]

    want = run(case.text)
    for rewrite in rewrites(case):
        assert run(rewrite.text) == want, rewrite.text
