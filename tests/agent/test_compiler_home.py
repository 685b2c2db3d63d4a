"""A compiler outside the system's folders: seen in the sandbox, without what else lies around it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from commandline import codeopt, refused

from codeopt.agent.tasks.tools import compiler, compiler_home
from codeopt.errors import UserError
from codeopt.sandbox.choose import choose

SLOW = """#include <iostream>
#include <string>
int main() {
    int n;
    std::cin >> n;
    std::string text = "";
    for (int i = 0; i < n; i++) text = text + "x";
    std::cout << text.size() << "\\n";
}
"""
MAKE = "def make(size, seed):\n    return f'{size + seed % 3}\\n'\n"

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def test_whose_folder_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "gcc-14" / "bin"
    tools.mkdir(parents=True)
    for place in (tools / "g++", tmp_path / "bin" / "g++"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    assert compiler_home(str(tools / "g++")) == tmp_path / "gcc-14"
    assert compiler_home("/usr/bin/g++") is None
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiler_home(str(tmp_path / "bin" / "g++")) is None, "the home folder stays hidden"
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "g++").symlink_to(tools / "g++")
    assert compiler(str(tmp_path / "links" / "g++")) == str(tools / "g++")


@needs_compiler
@pytest.mark.parametrize("kind", ["bubblewrap", "docker"])
def test_a_compiler_of_ones_own_builds_in_a_sandbox(tmp_path: Path, kind: str) -> None:
    try:
        choose(kind, trusted=True).close()
    except UserError as error:
        pytest.skip(str(error))
    own = tmp_path / "toolchain" / "bin" / "g++"
    own.parent.mkdir(parents=True)
    own.write_text(f'#!/bin/sh\nexec {shutil.which("g++")} "$@"\n')
    own.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (work / "slow.cpp").write_text(SLOW)
    (work / "fast.cpp").write_text(SLOW.replace("text = text +", "text +="))
    (work / "make.py").write_text(MAKE)
    words = ("--inputs", "make.py:make", "--compiler", str(own), "--sandbox", kind)
    done = codeopt("verify", "slow.cpp", "fast.cpp", *words, cwd=work)
    assert done.returncode == 0, (done.stdout, done.stderr)


@needs_compiler
def test_a_program_that_does_not_build_is_one_line_with_a_generator_too(tmp_path: Path) -> None:
    (tmp_path / "broken.cpp").write_text("int main() { return nosuchname; }\n")
    (tmp_path / "make.py").write_text(MAKE)
    words = ("--inputs", "make.py:make", "--sandbox", "process", "--quiet")
    refused(codeopt("optimize", "broken.cpp", *words, cwd=tmp_path), "does not build.*nosuchname")
