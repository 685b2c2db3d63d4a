"""`from codeopt import optimize`: functions of files and of notebooks' cells."""

from __future__ import annotations

import importlib.util
import linecache
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from codeopt import optimize
from codeopt.errors import UserError
from tests.commandline import SLOW_DEDUPE, environment

CELL = '''import math
from collections import Counter as Count
LIMIT = 3
def small(x: int) -> bool:
    return math.floor(x) >= LIMIT
def kept(xs: list[int]) -> list[int]:
    seen = []
    for x in xs:
        if small(x) and x not in seen:
            seen.append(x)
    return seen
def counted(xs: list[int]) -> int:
    return len(Count(xs)) + HANDLE
HANDLE = object()
def make(size, seed):
    return ([(i * 7919 + seed) % (size // 2 + 1) for i in range(size)],)
'''


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module whose functions were defined in a notebook's cell: their source is known to linecache and to no disk."""
    module = types.ModuleType("cells")
    monkeypatch.setitem(sys.modules, "cells", module)
    monkeypatch.setitem(linecache.cache, "<cell 1>", (len(CELL), None, CELL.splitlines(True), "<cell 1>"))
    exec(compile(CELL, "<cell 1>", "exec"), module.__dict__)
    return module


def test_a_function_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "dedupe_module.py"
    file.write_text(SLOW_DEDUPE)
    spec = importlib.util.spec_from_file_location("dedupe_module", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "dedupe_module", module)
    spec.loader.exec_module(module)
    result = optimize(module.dedupe, time=60, sandbox="process")
    assert result and result.speedup > 1.5 and result.measured is not None and result.measured.low > 1, str(result)
    assert "x faster (95 % interval" in str(result) and result.old == SLOW_DEDUPE != result.new and result.diff.startswith("--- before")
    html = result._repr_html_()
    assert str(result) in html and "&lt;" not in str(result) and html.count("<span") == len(result.diff.splitlines()) - 2
    assert result.apply() == file and file.read_text() == result.new
    with pytest.raises(UserError, match="already holds a run"):
        optimize(file, run=result.run, sandbox="process")


def test_a_function_of_a_cell_comes_with_what_it_uses(cell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = optimize(cell.kept, inputs=cell.make, time=60, sandbox="process")
    assert result and result.speedup > 1.2, str(result)
    assert result.old.startswith("import math as math\n\n\nLIMIT = 3\n\n\n") and "def small" in result.old
    with pytest.raises(UserError, match="in no file"):
        result.apply()


def test_what_cannot_be_taken_is_one_line(cell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def inner() -> None:
        pass

    cases = [
        (len, "no Python function"),
        (lambda: None, "a lambda"),
        (inner, "inside another function"),
        (cell.counted, "uses HANDLE"),
        ("nosuch.py", "nosuch.py"),
    ]
    for what, says in cases:
        with pytest.raises(UserError, match=says):
            optimize(what, sandbox="process")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="timout"):
        optimize(cell.kept, timout=3)
    assert not (tmp_path / ".codeopt" / "runs").exists()


def test_importing_it_is_light(tmp_path: Path) -> None:
    code = "import sys, codeopt; codeopt.optimize; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'typer', 'openai', 'docker')))"
    assert subprocess.run([sys.executable, "-c", code], env=environment(), check=False).returncode == 0
