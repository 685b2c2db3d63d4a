"""The usual layout: a virtual environment inside the project, which is staged read-only."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, put

from codeopt.errors import UserError
from codeopt.sandbox.choose import choose


@pytest.mark.parametrize("kind", ["bubblewrap", "docker"])
def test_the_environment_lies_in_the_project(tmp_path: Path, kind: str) -> None:
    try:
        choose(kind, trusted=True).close()
    except UserError as error:
        pytest.skip(str(error))
    project = tmp_path / "project"
    put(project, dedupe=SLOW_DEDUPE, fast=FAST_DEDUPE, make=MAKE)
    (project / "pyproject.toml").write_text("")
    venv.create(project / ".venv", with_pip=False, symlinks=True)
    words = ("--inputs", "make.py:make", "--sandbox", kind, "--no-crosshair", "--pairs", "10", "--python", str(project / ".venv"))
    done = codeopt("verify", "dedupe.py", "fast.py", *words, cwd=project)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"sandbox: {kind}" in done.stdout and str(project / ".venv") in done.stdout
