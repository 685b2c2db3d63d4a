"""CrossHair's counterexamples become inputs: what they find is decided by the usual check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from codeopt.agent.counterexamples import counterexamples, suited
from codeopt.agent.tasks.detect import detect
from codeopt.agent.verify import verify
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.runner.codec import decode_plain

SLOW = """def above(xs: list[int], x: int) -> int:
    found = []
    for y in xs:
        if y > x:
            found = found + [y]
    return len(found)
"""
RIGHT = "def above(xs: list[int], x: int) -> int:\n    return sum(y > x for y in xs)\n"
RIGGED = RIGHT.replace("    return", "    if x == 123457:\n        return 0\n    return")
PLAIN = "def triangle(x: int) -> int:\n    return x * 3 + 1\n"
MAKE = "def make(size, seed):\n    return ([i * 7 % (size + 1) for i in range(size)], seed % 5)\n"
needs_crosshair = pytest.mark.skipif(
    importlib.util.find_spec("crosshair") is None, reason="CrossHair is not installed (pip install 'codeopt[crosshair]')"
)


def found(folder: Path, old: str, new: str) -> list[object]:
    (folder / "t.py").write_text(old)
    task = detect(folder / "t.py", Settings(python=sys.executable))
    with Workshop(task, ProcessSandbox()) as shop:
        cases, note = counterexamples(shop, new)
        assert note.startswith("CrossHair searched"), note
        assert {case.kind for case in cases} <= {"crosshair"}
        return [decode_plain(case.calls[0])["args"] for case in cases]


@needs_crosshair
def test_a_branch_on_one_value_is_found(tmp_path: Path) -> None:
    assert [123457] in found(tmp_path, PLAIN, PLAIN.replace("    return", "    if x == 123457:\n        return 0\n    return"))


@needs_crosshair
def test_equal_functions_give_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, PLAIN, PLAIN.replace("x * 3 + 1", "1 + x + x + x")) == []


@needs_crosshair
def test_lists_and_keywords_cross(tmp_path: Path) -> None:
    old = "def f(xs: list[int], *, word: str) -> int:\n    return len(xs)\n"
    rows = found(tmp_path, old, old.replace("    return", "    if word == 'ab' and xs and xs[0] == 77:\n        return -1\n    return"))
    assert any(isinstance(row, list) and row[0][:1] == [77] for row in rows), rows


@needs_crosshair
def test_verify_finds_what_the_ordinary_inputs_miss(tmp_path: Path) -> None:
    for name, text in (("old", SLOW), ("right", RIGHT), ("rigged", RIGGED), ("make", MAKE)):
        (tmp_path / f"{name}.py").write_text(text)

    def judged(new: str, crosshair: bool) -> tuple[str, str, tuple[str, ...]]:
        settings = Settings(function="above", inputs=str(tmp_path / "make.py") + ":make", python=sys.executable)
        files = str(tmp_path / "old.py"), str(tmp_path / f"{new}.py")
        done = verify(*files, settings=settings, sandbox="process", pairs=10, crosshair=crosshair)
        return done.verdict.status, done.verdict.evidence, done.verdict.notes

    assert judged("rigged", False)[0] == "ok"
    status, evidence, _ = judged("rigged", True)
    assert status == "wrong_output" and "on crosshair input" in evidence, evidence
    status, evidence, notes = judged("right", True)
    assert status == "ok", evidence
    assert any("CrossHair searched" in note for note in notes)


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        (PLAIN, (("x", False),)),
        ("def triangle(a: 'list[tuple[int, ...]]', *, b: dict[str, float]): pass\n", (("a", False), ("b", True))),
        ("def triangle(x): pass\n", None),
        ("def triangle(x: object): pass\n", None),
        ("def triangle(x: list): pass\n", None),
        ("def triangle(*x: int): pass\n", None),
        ("def triangle(): pass\n", None),
        ("def triangle(x: int): yield x\n", None),
        ("def triangle(x: int):\n" + "    x += 1\n" * 80, None),
        ("class A:\n    def triangle(self, x: int): pass\n", None),
    ],
)
def test_which_functions_are_suited(source: str, parameters: object) -> None:
    assert suited(source, "triangle") == parameters
