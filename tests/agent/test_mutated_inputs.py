"""Hidden inputs of programs: mutations of what the user gave, and only those that the program reads well."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from codeopt.agent.inputs import build_workload
from codeopt.agent.tasks.detect import detect
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.verdict import Judge
from codeopt.types import Verdict

PROGRAM = """import sys
n, *rest = sys.stdin.read().split()
values = [int(word) for word in rest]
if len(values) != int(n):
    sys.exit("not as many as it says")
total = 0
for _ in range(700_000):
    total += 1
print(sum(values))
"""
TEXT = "6\n3 1 4 1 5 9\n"
CPP = """#include <cstdio>
#include <vector>
int main() {
    int n, at; scanf("%d %d", &n, &at);
    std::vector<int> a(n);
    for (auto &x : a) scanf("%d", &x);
    unsigned long s = 0; for (long i = 0; i < 40000000; i++) s = s * 31 + i;
    printf("%lu %d\\n", s % 7, a[at]);
}
"""


def judged(folder: Path, name: str, source: str, candidate: str = "", **said: str) -> tuple[list, Verdict | None]:
    """Up to 20 hidden inputs with what the program does on them, and the holdout's verdict on `candidate`."""
    (folder / name).write_text(source)
    task = detect(folder / name, Settings(python=sys.executable, **said))
    with Workshop(task, ProcessSandbox()) as shop:
        judge = Judge(shop.subject(source), shop.tolerance, limit_s=10)
        workload = build_workload(shop, judge, 0)
        hidden = [(case, judge.expect(case)) for case in workload.hidden(20, 7)]
        verdict = judge.confirm(shop.subject(candidate), workload, seed=7, pairs=10) if candidate else None
        return hidden, verdict


def test_one_stdin_gets_hidden_mutations_that_the_program_reads(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    right_on_that_one = PROGRAM.replace("print(sum(values))", "print(sum(values[:6]) if values[:1] == [3] else 23)")
    hidden, verdict = judged(tmp_path, "p.py", PROGRAM, right_on_that_one, stdin=str(tmp_path / "text"))
    assert hidden and {case.kind for case, _ in hidden} == {"mutated"}
    assert all(sample.exit == 0 and case.expected is None for case, sample in hidden)
    assert TEXT.encode() not in [case.stdin for case, _ in hidden]
    assert verdict is not None and verdict.status == "wrong_output" and "on mutated input" in verdict.evidence


def test_cases_are_held_out_and_mutated(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    for number, text in enumerate((TEXT, "2\n70 80\n", "3\n5 5 5\n")):
        (tmp_path / "cases" / f"{number}.in").write_text(text)
        (tmp_path / "cases" / f"{number}.out").write_text(f"{sum(map(int, text.split()[1:]))}\n")
    hidden, _ = judged(tmp_path, "p.py", PROGRAM, cases=str(tmp_path / "cases"))
    kinds = [case.kind for case, _ in hidden]
    assert kinds.count("case") == 1 and kinds.count("mutated") > 0


def test_where_no_mutation_is_read_none_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    picky = PROGRAM.replace("total = 0", "if values != [3, 1, 4, 1, 5, 9]: sys.exit(1)\ntotal = 0")
    hidden, verdict = judged(tmp_path, "p.py", picky, picky + "\n", stdin=str(tmp_path / "text"))
    assert hidden == []
    assert verdict is not None and any("none hidden" in note for note in verdict.notes)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
def test_what_breaks_the_assumptions_of_a_cpp_program_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("3 2\n7 5 6\n")
    hidden, _ = judged(tmp_path, "p.cpp", CPP, stdin=str(tmp_path / "text"))
    assert hidden
    for case, _ in hidden:
        n, at, *values = map(int, case.stdin.split())
        assert 0 <= at < n and len(values) == n


def test_cases_that_are_held_out_are_never_timed_by_the_search(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    for number in range(6):
        (cases / f"{number}.in").write_text(f"1\n{number}\n")
        (cases / f"{number}.out").write_text(f"{number}\n")
    (tmp_path / "p.py").write_text(PROGRAM)
    task = detect(tmp_path / "p.py", Settings(python=sys.executable, cases=str(cases)))
    with Workshop(task, ProcessSandbox()) as shop:
        judge = Judge(shop.subject(PROGRAM), shop.tolerance, limit_s=10)
        workload = build_workload(shop, judge, 0)
        held = {case.stdin for case in workload.hidden_timed(20, 7)}
        assert held and not held & {case.stdin for case in judge.regions(workload).cases}
