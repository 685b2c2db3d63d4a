"""From a path to a task, and the one clear line that every bad input gets."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from codeopt.agent.tasks.cases import read_cases
from codeopt.agent.tasks.detect import detect, detect_command
from codeopt.agent.tasks.functions import functions_of
from codeopt.config import Settings
from codeopt.errors import UserError

FUNCTION = "def f(xs: list[int]) -> int:\n    return sum(xs)\n"
READER = "import sys\n\ndef main():\n    print(sum(map(int, sys.stdin)))\n\nif __name__ == '__main__':\n    main()\n"
needs_gxx = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def refused(path: Path, settings: Settings | None = None) -> str:
    """The line that a person sees; it names what to do."""
    with pytest.raises(UserError) as caught:
        detect(path, settings)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What a file is


def test_one_function_is_found(tmp_path: Path) -> None:
    task = detect(write(tmp_path / "a.py", FUNCTION))
    assert (task.kind, task.language, task.function, task.module) == ("function", "python", "f", "a")
    assert task.roots == (str(tmp_path),)
    assert task.project == str(tmp_path)
    assert task.python == sys.executable


def test_the_function_that_no_other_calls_is_found(tmp_path: Path) -> None:
    source = "def part(x):\n    return x\n\ndef whole(xs):\n    return [part(x) for x in xs]\n\ndef _hidden():\n    pass\n"
    assert detect(write(tmp_path / "a.py", source)).function == "whole"


def test_a_named_function_wins_over_what_the_script_does(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", READER + "\n" + FUNCTION)
    assert detect(file, Settings(function="f")).kind == "function"


def test_a_reader_with_cases_beside_it_is_a_program(tmp_path: Path) -> None:
    write(tmp_path / "cases" / "1.in", "1\n")
    write(tmp_path / "cases" / "1.out", "1\n")
    task = detect(write(tmp_path / "a.py", READER))
    assert (task.kind, task.cases) == ("program", str(tmp_path / "cases"))


def test_a_reader_with_a_generator_is_a_program(tmp_path: Path) -> None:
    write(tmp_path / "gen.py", "def make(size, seed):\n    return '1\\n' * size\n")
    task = detect(write(tmp_path / "a.py", READER), Settings(inputs=str(tmp_path / "gen.py") + ":make"))
    assert (task.kind, task.inputs) == ("program", f"{tmp_path}/gen.py:make")


def test_a_script_that_needs_nothing_and_has_many_functions_is_a_program(tmp_path: Path) -> None:
    assert (
        detect(write(tmp_path / "a.py", "def f():\n    pass\ndef g():\n    pass\nprint(f(), g())\n")).kind
        == "program"
    )


def test_settings_of_the_toml_reach_the_task_and_flags_win(tmp_path: Path) -> None:
    write(tmp_path / "codeopt.toml", 'function = "C.m"\nthreads = 2\nrel_tol = 1e-6\ntimeout = 3')
    file = write(tmp_path / "a.py", "class C:\n    def m(self): ...\n    def n(self): ...\n")
    task = detect(file, Settings(threads=4))
    assert (task.function, task.threads, task.rel, task.timeout_s) == ("C.m", 4, 1e-6, 3.0)


@pytest.mark.parametrize(
    ("place", "inits", "module", "root"),
    [
        ("src/pkg/sub/a.py", ["src/pkg", "src/pkg/sub"], "pkg.sub.a", "src"),
        ("pkg/a.py", ["pkg"], "pkg.a", "."),
        ("scripts/a.py", [], "a", "scripts"),
        ("pkg/__init__.py", ["pkg"], "pkg", "."),
    ],
)
def test_a_module_is_known_by_the_name_that_its_package_gives_it(
    tmp_path: Path, place: str, inits: list[str], module: str, root: str
) -> None:
    write(tmp_path / "pyproject.toml")
    for folder in inits:
        write(tmp_path / folder / "__init__.py")
    task = detect(write(tmp_path / place, FUNCTION))
    assert task.module == module
    assert Path(task.roots[0]) == (tmp_path / root)
    assert str(tmp_path) in task.roots
    assert task.project == str(tmp_path)


def test_a_relative_import_without_init_makes_a_namespace_package(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml")
    file = write(tmp_path / "src" / "ns" / "a.py", "from .b import g\n" + FUNCTION)
    assert detect(file).module == "ns.a"


@needs_gxx
def test_cpp_is_a_program_with_a_compiler_and_flags(tmp_path: Path) -> None:
    task = detect(write(tmp_path / "a.cpp", "int main() { return 0; }\n"))
    assert (task.kind, task.language, task.flags) == ("program", "cpp", ("-O3", "-std=c++17"))
    assert Path(task.compiler).is_absolute()
    assert detect(write(tmp_path / "b.cc", "int main() {}\n"), Settings(flags=("-O2",))).flags == ("-O2",)


# Functions


def test_functions_are_listed_with_what_matters_for_a_choice() -> None:
    source = '''
    import functools

    class C:
        @staticmethod
        def s(a: int) -> int:
            """Static."""
            return a

        def m(self, a: int, *rest: int, key: str = "x", **more: int) -> int:
            return C.s(a)

    def outer(x):
        def inner(y):
            yield y
        return list(inner(x))

    async def waits(): ...
    '''
    found = {item.qualname: item for item in functions_of(textwrap.dedent(source))}
    assert set(found) == {"C.s", "C.m", "outer", "outer.<locals>.inner", "waits"}
    assert found["C.s"].line == 5 and found["C.s"].parameters == ("a",) and found["C.s"].doc == "Static."
    assert found["C.m"].parameters == ("a", "key", "*rest", "**more") and found["C.m"].has_hints
    assert found["C.m"].calls == ("s",)
    assert not found["outer"].has_hints and not found["outer"].is_generator
    assert found["outer.<locals>.inner"].is_generator and not found["outer.<locals>.inner"].reachable
    assert found["waits"].is_async


def test_a_method_may_be_named_by_its_last_part(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "class C:\n    def step(self): ...\n    def reset(self): ...\n")
    assert detect(file, Settings(function="step")).function == "C.step"


# Bad input


def test_no_such_file_suggests_close_names(tmp_path: Path) -> None:
    write(tmp_path / "solver.py", FUNCTION)
    assert "did you mean" in (line := refused(tmp_path / "sovler.py")) and "solver.py" in line
    assert "folder" in refused(tmp_path / "gone" / "a.py")


def test_a_folder_names_a_file_in_it(tmp_path: Path) -> None:
    write(tmp_path / "a.py", FUNCTION)
    assert "is a folder" in (line := refused(tmp_path)) and "a.py" in line


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\x7fELF\x02\x00\x00", "binary"),
        (b"x = '\xe9'\n", "not UTF-8 text (line 1)"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbfx = 1\n", "byte-order mark"),
        (b"def f(:\n    pass\n", ":1:"),
        (b"x = 1\ndef f():\nreturn 2\n", ":3:"),
    ],
)
def test_a_file_that_is_no_source(tmp_path: Path, body: bytes, said: str) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(body)
    assert said in refused(file)


def test_an_unsupported_suffix_says_what_is_supported(tmp_path: Path) -> None:
    assert ".py" in refused(write(tmp_path / "a.rs", "fn main() {}"))
    assert "no support for files without a suffix" in refused(write(tmp_path / "run", "#!/bin/sh\n"))


def test_no_such_function_suggests_close_names(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "def distance(a, b): ...\nclass C:\n    def total(self): ...\n")
    assert "did you mean distance" in refused(file, Settings(function="distanse"))
    assert "did you mean" in (line := refused(file, Settings(function="totl"))) and "total" in line
    assert "it has distance, C.total" in refused(file, Settings(function="zzz"))


def test_functions_that_cannot_be_meant(tmp_path: Path) -> None:
    source = "class A:\n    def m(self): ...\nclass B:\n    def m(self): ...\nasync def w(): ...\ndef o():\n    def i(): ...\n"
    file = write(tmp_path / "a.py", source)
    assert "A.m, B.m" in refused(file, Settings(function="m"))
    assert "async" in refused(file, Settings(function="w"))
    assert "--function o" in refused(file, Settings(function="i"))


def test_several_functions_and_none_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "def f(): ...\ndef g(): ...\n")
    assert "choose one with --function: f, g" in refused(file)
    assert "nothing to optimise" in refused(write(tmp_path / "b.py", "X = 1\n"))


def test_a_reader_without_input(tmp_path: Path) -> None:
    assert "--cases" in refused(write(tmp_path / "a.py", READER))
    assert "--cases" in refused(
        write(tmp_path / "a.cpp", "#include <iostream>\nint main() { int n; std::cin >> n; }")
    )


def test_a_program_that_does_nothing(tmp_path: Path) -> None:
    assert "does nothing" in refused(write(tmp_path / "a.py", FUNCTION), Settings(kind="program"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(tests=("gone_test.py",)), "no such tests"),
        (Settings(stdin="gone.txt"), "no such stdin file"),
        (Settings(codec="gone.py"), "no such codec file"),
        (Settings(inputs="gone.py:make"), "no such inputs file"),
        (Settings(inputs="gone.py"), "file.py:make"),
        (Settings(python="/gone/python"), "no Python at /gone/python"),
        (Settings(cases="gone"), "no such cases folder"),
    ],
)
def test_a_named_file_that_is_missing(tmp_path: Path, settings: Settings, said: str) -> None:
    assert said in refused(write(tmp_path / "a.py", READER + FUNCTION), settings)


def test_a_generator_without_that_name(tmp_path: Path) -> None:
    gen = write(tmp_path / "gen.py", "def build(size, seed): ...\n")
    line = refused(write(tmp_path / "a.py", FUNCTION), Settings(inputs=f"{gen}:make"))
    assert "no function 'make'" in line and "build" in line
    broken = write(tmp_path / "broken.py", "def make(:\n")
    assert "broken.py:1" in refused(tmp_path / "a.py", Settings(inputs=f"{broken}:make"))


def test_an_interpreter_that_is_none(tmp_path: Path) -> None:
    fake = write(tmp_path / "python", "#!/bin/sh\necho hello\n")
    fake.chmod(0o755)
    assert "does not answer" in refused(write(tmp_path / "a.py", FUNCTION), Settings(python=str(fake)))
    old = write(tmp_path / "old", "#!/bin/sh\necho 3 6\n")
    old.chmod(0o755)
    assert "3.9 or newer" in refused(tmp_path / "a.py", Settings(python=str(old)))


def test_the_active_virtual_environment_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.py", FUNCTION)
    (tmp_path / "env" / "bin").mkdir(parents=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "env"))
    assert "VIRTUAL_ENV" in refused(file)
    os.symlink(sys.executable, tmp_path / "env" / "bin" / "python")
    assert detect(file).python == str(tmp_path / "env" / "bin" / "python")


def test_no_compiler_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.cpp", "int main() {}\n")
    assert "no compiler icpx" in refused(file, Settings(compiler="icpx"))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install g++" in refused(file)


def test_cpp_without_main_and_with_a_function(tmp_path: Path) -> None:
    assert "no main function" in refused(write(tmp_path / "a.cpp", "int f() { return 1; }\n"))
    assert "--function" in refused(write(tmp_path / "b.cpp", "int main() {}\n"), Settings(function="f"))


# Cases


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["2.in", "2.out", "10.in", "10.out"], ["2", "10"]),
        (["1.in", "1.ans", "README.md", ".hidden.in"], ["1"]),
        (["input.0.txt", "output.0.txt"], ["0"]),
        (["input1.txt", "output1.txt"], ["1"]),
        (["in/1.txt", "out/1.txt", "in/2.txt", "out/2.txt"], ["1", "2"]),
        (["input/input00.txt", "output/output00.txt"], ["00"]),
        (["easy/1.in", "easy/1.out", "hard/1.in", "hard/1.out"], ["easy/1", "hard/1"]),
    ],
)
def test_pairs_are_found_by_their_names(tmp_path: Path, files: list[str], names: list[str]) -> None:
    for name in files:
        write(tmp_path / name, name)
    found = read_cases(tmp_path)
    assert [case.name for case in found] == names
    assert all(Path(case.stdin).exists() and case.stdin != case.stdout for case in found)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no cases in"),
        (["README.md"], "no cases in"),
        (["1.in", "1.out", "2.in"], "case without expected output"),
        (["1.in", "1.out", "2.out"], "case without input"),
        (["1.in", "1.out", "1.ans"], "two files for case"),
    ],
)
def test_a_folder_that_is_no_set_of_pairs(tmp_path: Path, files: list[str], said: str) -> None:
    for name in files:
        write(tmp_path / name, name)
    with pytest.raises(UserError, match=said):
        read_cases(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        read_cases(write(tmp_path / "file.txt"))


# Commands


def test_the_script_of_a_command_is_found(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", READER)
    task = detect_command([sys.executable, str(file), "--n", "3"])
    assert (task.kind, task.file, task.module, task.python) == ("command", str(file), "a", sys.executable)
    assert task.command == (sys.executable, str(file), "--n", "3")
    assert detect_command([sys.executable, "-m", "pytest"]).file == ""
    assert detect_command(["ls"]).language == "cpp"


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(UserError, match="no command after --"):
        detect_command([])
    with pytest.raises(UserError, match="no such program"):
        detect_command(["no-such-program-here"])
    with pytest.raises(UserError, match="no such file"):
        detect_command([sys.executable, "gone.py"])


# A narrower project


def test_a_narrower_project_is_the_whole_of_what_a_candidate_sees(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "")
    write(tmp_path / "big.py", "")
    file = write(tmp_path / "part" / "a.py", FUNCTION)
    write(tmp_path / "part" / "codeopt.toml", 'project = "."\n')
    task = detect(file)
    assert task.project == str(tmp_path / "part") and task.roots == (str(tmp_path / "part"),)


@pytest.mark.parametrize("wish", ["..", "other"])
def test_a_project_that_does_not_hold_the_file_or_reaches_further(tmp_path: Path, wish: str) -> None:
    write(tmp_path / "inner" / "pyproject.toml", "")
    file = write(tmp_path / "inner" / "a.py", FUNCTION)
    write(tmp_path / "inner" / "codeopt.toml", f'project = "{wish}"\n')
    assert "must hold" in refused(file)
