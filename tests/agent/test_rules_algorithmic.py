"""Every algorithmic rule fires on the shapes of its case file, keeps their results, and leaves the others alone.

A case file `algorithmic_cases/RULE.py` has functions `fires_*` (their docstring says what the new text must contain),
`never_*` (the rule must stay away) and INPUTS (function -> argument tuples). Programs run in one subprocess.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.catalogue import load, markdown, propose
from codeopt.agent.rules.pyedit import parses

CASES = Path(__file__).parent / "algorithmic_cases"
RULES = sorted(path.stem for path in CASES.glob("*.py"))

RUNNER = '''
import contextlib, copy, io, json, sys
out = []
for text, name in json.load(sys.stdin):
    space = {"__name__": "case"}
    results = []
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(text, name, "exec"), space)
            for args in space["INPUTS"][name]:
                args = copy.deepcopy(args)
                results.append([repr(space[name](*args)), repr(args)])
        except Exception as error:
            results.append(f"{type(error).__name__}: {error}")
    out.append(results)
json.dump(out, sys.stdout)
'''


def raised(rule: str, error: Exception) -> None:
    raise error


def case_functions(rule: str, prefix: str) -> list[tuple[str, str]]:
    """(function name, text of the case file)."""
    text = (CASES / f"{rule}.py").read_text()
    return [(n.name, text) for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name.startswith(prefix)]


def expected(text: str, name: str) -> str:
    found = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)
    return (ast.get_docstring(found) or "").removeprefix("expects:").strip()


def rewrites(rule: str, name: str, text: str) -> list[Rewrite]:
    return [r for _, r in propose(Code(text, function=name), only=[rule], on_error=raised)]


@pytest.fixture(scope="session")
def results() -> dict[tuple[str, str], list[object]]:
    """What each case and each of its rewrites gives, all in one subprocess: (rule, function) -> [before, after, …]."""
    jobs: list[tuple[tuple[str, str], list[str]]] = []
    for rule in RULES:
        for name, text in case_functions(rule, "fires_"):
            jobs.append(((rule, name), [text, *[r.text for r in rewrites(rule, name, text)]]))
    flat = [(text, key[1]) for key, texts in jobs for text in texts]
    run = subprocess.run([sys.executable, "-c", RUNNER], input=json.dumps(flat), capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    answers = iter(json.loads(run.stdout))
    return {key: [next(answers) for _ in texts] for key, texts in jobs}


@pytest.mark.parametrize("rule", RULES)
def test_fires_and_keeps_results(rule: str, results: dict[tuple[str, str], list[object]]) -> None:
    for name, text in case_functions(rule, "fires_"):
        found = rewrites(rule, name, text)
        want = expected(text, name)
        kept = results[(rule, name)]
        assert any(want in r.text.replace(f"expects: {want}", "") for r in found), f"{name}: no rewrite has {want!r}"
        for rewrite, after in zip(found, kept[1:], strict=True):
            assert after == kept[0], f"{name}: {rewrite.note}\n{rewrite.text}"


@pytest.mark.parametrize("rule", RULES)
def test_stays_away(rule: str) -> None:
    for name, text in case_functions(rule, "never_"):
        assert not rewrites(rule, name, text), name


def test_every_case_file_has_a_rule_and_both_kinds_of_cases() -> None:
    names = {rule.name for rule in load("python")}
    for rule in RULES:
        assert rule in names
        assert case_functions(rule, "fires_") and case_functions(rule, "never_"), rule


def test_edits_survive_tabs_unicode_decorators_and_one_line_suites() -> None:
    text = (
        '"""doc"""\nfrom __future__ import annotations\n\n\ndef f(naïve, größe):\n\tout = []\n'
        "\tfor ü in naïve:\n\t\tif ü in größe: out.append('ß'); out.append(ü)  # keep\n\treturn out\n"
    )
    (_, rewrite), *_ = propose(Code(text, function="f"), only=["set_membership"], on_error=raised)
    assert "\tgröße_set = set(größe)\n\tfor ü in naïve:\n\t\tif ü in größe_set: out.append('ß'); out.append(ü)  # keep" in rewrite.text


def test_import_goes_after_docstring_and_future() -> None:
    text = '"""doc"""\nfrom __future__ import annotations\n\ndef f(q):\n    out = []\n    for x in q:\n        out.insert(0, x)\n    return out\n'
    (_, rewrite), *_ = propose(Code(text, function="f"), only=["deque_queue"], on_error=raised)
    assert rewrite.text.splitlines()[:3] == ['"""doc"""', "from __future__ import annotations", "from collections import deque"]


def test_hot_lines_first_and_errors_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def f(a, b):\n    x = sorted(a)[0]\n    y = sorted(b)[-1]\n    return x, y\n"
    order = [r.line for _, r in propose(Code(text, hot={3: 0.9}), only=["smallest_of_sorted"], on_error=raised)]
    assert order == [3, 2]
    seen: list[str] = []
    broken = next(r for r in load("python") if r.name == "bit_count")

    def fails(code: Code) -> None:
        raise KeyError("broken")

    monkeypatch.setattr(broken.module, "apply", fails)
    assert [n for n, _ in propose(Code(text), on_error=lambda rule, error: seen.append(rule)) if n == "smallest_of_sorted"]
    assert seen == ["bit_count"]


def test_table_of_rules_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "rules.md"
    assert page.read_text() == markdown(), "run: python -m codeopt.agent.rules.catalogue > docs/rules.md"


def test_every_rewrite_of_humaneval_parses() -> None:
    data = os.environ.get("CODEOPT_DATA", "")
    path = Path(data) / "enamel" / "samples" / "humaneval-canonical.json"
    if not data or not path.exists():
        pytest.skip("CODEOPT_DATA does not name the folder with enamel/samples/humaneval-canonical.json")
    solutions = [s[0] for s in json.loads(path.read_text()) if s]
    fired = 0
    for text in solutions:
        proposals = list(propose(Code(text), on_error=raised))
        assert all(parses(r.text) and r.text != text for _, r in proposals)
        fired += bool(proposals)
    assert fired > len(solutions) // 2
