"""Every inverse rule rewrites its case into a program with the same results, and leaves its trap alone.

Programs run in one subprocess.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from codeopt.agent.rules.base import Code
from codeopt.agent.rules.catalogue import load
from codeopt.agent.rules.inverse import inverse_rules
from codeopt.agent.rules.inverse.catalogue import markdown
from codeopt.agent.rules.pyedit import parses

CASES = Path(__file__).parent / "inverse_cases.txt"
RUNNER = '''
import copy, json, sys
out = []
for text, rows in json.load(sys.stdin):
    space = {"__name__": "case"}
    exec(compile(text, "case", "exec"), space)
    results = []
    for row in rows:
        args = eval(row)
        try:
            results.append([repr(space["f"](*args)), repr(args)])
        except Exception as error:
            results.append([type(error).__name__, repr(args)])
    out.append(results)
json.dump(out, sys.stdout)
'''


def cases() -> dict[str, tuple[str, list[str], str]]:
    """Rule -> (case, argument tuples, trap)."""
    found = {}
    for part in CASES.read_text().split("=== ")[1:]:
        name, _, rest = part.partition("\n")
        case, _, rest = rest.partition("--- with ")
        rows, _, trap = rest.partition("\n--- not\n")
        found[name.strip()] = (case, rows.split(" ; "), trap)
    return found


def rewrites(rule: str, text: str) -> list[str]:
    return [r.text for r in inverse_rules("python")[rule].apply(Code(text, function="f"))]


def test_every_rule_has_a_case() -> None:
    assert set(cases()) == set(inverse_rules("python")) and len(cases()) >= 30


def test_results_stay() -> None:
    programs = []
    for name, (case, rows, _) in cases().items():
        made = rewrites(name, case)
        assert made and all(parses(text) and text != case for text in made), name
        assert made == rewrites(name, case), name
        programs += [(text, rows) for text in [case, *made]]
    done = subprocess.run([sys.executable, "-c", RUNNER], input=json.dumps(programs), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    at = 0
    for name, (case, _, _) in cases().items():
        made = rewrites(name, case)
        for text, result in zip(made, results[at + 1 : at + 1 + len(made)]):
            assert result == results[at], f"{name}\n{text}"
        at += 1 + len(made)


@pytest.mark.parametrize("name", sorted(cases()))
def test_traps_are_left_alone(name: str) -> None:
    trap = cases()[name][2]
    assert parses(trap) and rewrites(name, trap) == []


def test_the_search_does_not_know_them() -> None:
    assert not {rule.module.__name__ for rule in load("python") if "inverse" in rule.module.__name__}
    assert not set(inverse_rules("python")) & {"inverse"} and "inverse" not in {rule.name for rule in load("python")}


@pytest.mark.parametrize("line", ["from math import *", "eval('1')", "x = locals()"])
def test_what_looks_at_its_own_names_is_left_alone(line: str) -> None:
    text = f"{line}\n\ndef f(a):\n    return [x * 2 for x in a]\n"
    assert all(not rewrites(name, text) for name in inverse_rules("python"))
    assert rewrites("comprehension_loop", text.partition("\n")[2])


def test_the_page_is_the_catalogue() -> None:
    page = Path(__file__).parents[2] / "docs" / "inverse_rules.md"
    assert page.read_text() == markdown(), "run: python -m codeopt.agent.rules.inverse.catalogue > docs/inverse_rules.md"
