"""From a path to a task: what kind of program a file is, and what is wrong with the input before anything runs."""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codeopt import config
from codeopt.agent.tasks import cases, cuda
from codeopt.agent.tasks.functions import FunctionInfo, Script, entry_points, functions_of, script_of
from codeopt.agent.tasks.kernel import is_kernel, read_kernel
from codeopt.agent.tasks.model import PROMISES, Kind, Task
from codeopt.agent.tasks.place import place_of
from codeopt.agent.tasks.tools import compiler, interpreter
from codeopt.config import Settings
from codeopt.errors import UserError

PYTHON = (".py",)
CPP = (".cpp", ".cc", ".cxx", ".c++", ".c")
CPP_FLAGS = ("-O3", "-std=c++17")
C_FLAGS = ("-O3", "-std=c17")
_GIVE_INPUT = "give it some: --cases DIR, --stdin FILE, --args '…' or --inputs file.py:make"
INPUTS_FORM = "file.py:make, where make(size, seed) is a function"
ORACLE_FORM = "file.py:exact, where exact takes the function's own arguments"
_CPP_READS = ("cin", "scanf", "getline", "fgets", "fread", "getchar", "read(0", "STDIN_FILENO")


KERNELS = ("backward",)
"""Settings that are for kernels alone."""


def detect(file: Path, flags: Settings | None = None) -> Task:
    """The task that `file` is. What is detected gives way to `codeopt.toml`, and that to `flags`.

    Args:
        file: Path as the user typed it.
        flags: What the command line said; relative paths in it are seen from the current folder.

    Raises:
        UserError: Anything about the input that a person has to put right.
    """
    path = _existing(file)
    source = read_source(path)
    settings = (flags or Settings()).resolved(Path.cwd()).over(config.load(path))
    if path.suffix.lower() in PYTHON:
        return _python(path, settings)
    if cuda.is_source(path, source):
        return _kernel(path, settings)
    if path.suffix.lower() in CPP:
        return _cpp(path, settings)
    hint = (
        "codeopt reads Python (.py), CUDA (.cu) and C++ or C ("
        + " ".join(CPP)
        + "); for a command: codeopt optimize -- CMD"
    )
    raise UserError(f"{path.name}: no support for {path.suffix or 'files without a suffix'}", hint)


def detect_command(argv: Sequence[str], flags: Settings | None = None) -> Task:
    """The task that a whole command is; its file is the script that it runs, "" where that is not to be seen.

    Raises:
        UserError: An empty command, or a program or script that is not there.
    """
    if not argv:
        raise UserError("no command after --", "for example: codeopt optimize -- python script.py data.csv")
    settings = (flags or Settings()).resolved(Path.cwd())
    refuse(settings, "commands", *KERNELS)
    if settings.relations is not None:
        raise UserError("--relations speak of one function or program", "name its file in place of the command")
    name = Path(argv[0]).name
    rest = list(argv[1:])
    python = argv[0] if name.startswith("python") else ""
    script: Path | None = None
    if name.endswith(".py"):
        script = Path(argv[0])
    elif python:
        script = Path(rest[0]) if rest and not rest[0].startswith("-") else None
    elif shutil.which(argv[0]) is None:
        raise UserError(f"no such program: {argv[0]}", "give a path, or a name that is on PATH")
    else:
        return Task(kind="command", language="cpp", file="", command=tuple(argv), **_common(settings))
    if python and settings.python is None:
        settings = settings.model_copy(update={"python": python})
    path = _existing(script) if script is not None else None
    if path is not None:
        _parsed(path)
    where = place_of(path, settings.project) if path is not None else None
    return Task(
        kind="command",
        file=str(path) if path is not None else "",
        project=where.project if where else str(Path.cwd()),
        roots=where.roots if where else (str(Path.cwd()),),
        module=where.module if where else "",
        python=interpreter(settings.python),
        command=tuple(argv),
        **_common(settings),
    )


def read_source(path: Path) -> str:
    """The text of a source file, line ends as they are.

    Raises:
        UserError: It is empty, binary, or not UTF-8.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise UserError(f"{path} is empty", "there is nothing to optimise")
    if b"\0" in raw:
        raise UserError(f"{path} is a binary file", "give the source file, not what was built from it")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UserError(f"{path} is not UTF-8 text (line {line})", "save it as UTF-8") from None
    if text.startswith("\ufeff"):
        raise UserError(f"{path} starts with a byte-order mark", "save it as UTF-8 without one")
    return text


def find_function(functions: Sequence[FunctionInfo], name: str, file: Path) -> FunctionInfo:
    """The function that a person means by `name`: its qualified name, or the last part where that is unique.

    Raises:
        UserError: None of that name (close ones are suggested), several, or one that cannot be called.
    """
    exact = [item for item in functions if item.qualname == name]
    found = exact or [item for item in functions if item.name == name]
    if not found:
        qualnames = [item.qualname for item in functions if item.reachable]
        near = difflib.get_close_matches(name, qualnames, n=3) or difflib.get_close_matches(
            name, [item.name for item in functions if item.reachable], n=3
        )
        listed = near or qualnames[:12]
        hint = (
            ("did you mean " if near else "it has ") + ", ".join(listed) if listed else "it has no functions"
        )
        raise UserError(f"no function {name!r} in {file}", hint)
    if not exact and len(found) > 1:
        listed_all = ", ".join(item.qualname for item in found)
        raise UserError(f"{name!r} is ambiguous in {file}", f"it could be {listed_all}: give the whole name")
    chosen = found[-1]
    if not chosen.reachable:
        outer = chosen.qualname.partition(".<locals>")[0]
        raise UserError(f"{chosen.qualname} is inside another function", f"name that one: --function {outer}")
    if chosen.is_async:
        raise UserError(f"{chosen.qualname} is async", "name a plain function that does the work inside it")
    return chosen


def _python(path: Path, settings: Settings) -> Task:
    functions, script = _parsed(path)
    if settings.kind == "kernel" or (settings.kind is None and settings.function is None and is_kernel(read_source(path))):
        return _kernel(path, settings)
    refuse(settings, "functions and programs", *KERNELS)
    kind, function = _python_kind(path, settings, functions, script)
    where = place_of(path, settings.project)
    return Task(
        kind=kind,
        language="python",
        file=str(path),
        function=function,
        project=where.project,
        roots=where.roots,
        module=where.module,
        python=interpreter(settings.python),
        cases=_cases(path, settings, script.reads_stdin) if kind == "program" else "",
        **_common(settings),
    )


def refuse(settings: Settings, what: str, *names: str) -> None:
    """Raises UserError where one of these settings, which mean nothing for such a task, is set."""
    for name in names:
        if getattr(settings, name):
            raise UserError(f"{name} is not for {what}", f"leave out --{name.replace('_', '-')}")


def _kernel(path: Path, settings: Settings) -> Task:
    refuse(settings, "kernels", *PROMISES, "memory_at_most")
    source = read_source(path)
    read_kernel(path, source)
    common = {**_common(settings), "rel": settings.rel_tol or 0.0}
    return Task(
        kind="kernel",
        language="cpp" if cuda.is_source(path, source) else "python",
        file=str(path),
        project=str(path.parent),
        python=interpreter(settings.python),
        device=settings.device or "",
        backward=bool(settings.backward),
        **common,
    )


def _parsed(path: Path) -> tuple[list[FunctionInfo], Script]:
    source = read_source(path)
    try:
        return functions_of(source), script_of(source)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise UserError(
            f"{path}:{error.lineno or 0}: {error.msg} (read as Python {version})", "mend the file first"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be parsed: {error}", "mend the file first") from None


def _python_kind(
    path: Path, settings: Settings, functions: list[FunctionInfo], script: Script
) -> tuple[Kind, str]:
    """The kind, and the function's qualified name."""
    if settings.function is not None and settings.kind == "program":
        raise UserError(f"{path.name}: a program has no --function", "leave out one of the two")
    if settings.function is not None:
        return "function", find_function(functions, settings.function, path).qualname
    given = any((settings.cases, settings.stdin, settings.args, _cases(path, settings, script.reads_stdin)))
    fed = given or (script.runs and script.reads_stdin and settings.inputs is not None)
    if settings.kind == "program" or (fed and settings.kind is None):
        if not script.runs:
            raise UserError(f"{path.name} does nothing when it is run", "name a function: --function NAME")
        if not fed and (script.reads_stdin or script.reads_argv):
            raise UserError(f"{path.name} reads input and there is none", _GIVE_INPUT)
        return "program", ""
    candidates = [item for item in entry_points(functions) if not item.is_async]
    if len(candidates) == 1:
        return "function", candidates[0].qualname
    if script.runs and settings.kind is None and settings.inputs is None:
        if script.reads_stdin or script.reads_argv:
            hint = _GIVE_INPUT + (
                "; or name a function: --function " + candidates[0].qualname if candidates else ""
            )
            raise UserError(f"{path.name} reads input and there is none", hint)
        return "program", ""
    if not candidates:
        raise UserError(
            f"nothing to optimise in {path}", "it has no public function; name one with --function NAME"
        )
    if settings.tests:
        return "function", ""  # the run finds it: the one in which the tests spend their time
    listed = ", ".join(item.qualname for item in candidates[:8]) + (" …" if len(candidates) > 8 else "")
    raise UserError(f"{len(candidates)} functions in {path.name}", f"choose one with --function: {listed}; or give --tests and the hottest is found")


def _cpp(path: Path, settings: Settings) -> Task:
    source = read_source(path)
    if settings.function is not None or settings.kind == "function":
        raise UserError(f"{path.name}: for C++ and C the whole program is optimised", "leave out --function")
    refuse(settings, "C++ and C", "pure_python", *KERNELS)
    if "main" not in source:
        raise UserError(
            f"{path.name} has no main function", "give the file with main; it may include the others"
        )
    reads = any(word in source for word in _CPP_READS)
    folder = _cases(path, settings, reads)
    if reads and not any((folder, settings.stdin, settings.inputs)):
        raise UserError(f"{path.name} reads input and there is none", _GIVE_INPUT)
    is_c = path.suffix.lower() == ".c"
    return Task(
        kind="program",
        language="cpp",
        file=str(path),
        project=str(config.project_root(path) or path.parent),
        python=interpreter(settings.python),
        compiler=compiler(settings.compiler, is_c),
        flags=settings.flags if settings.flags is not None else (C_FLAGS if is_c else CPP_FLAGS),
        cases=folder,
        **_common(settings),
    )


def _existing(file: Path) -> Path:
    """The absolute path of a file that is there."""
    path = Path(os.path.abspath(file.expanduser()))
    if path.is_dir():
        inside = sorted(item.name for item in path.iterdir() if item.suffix.lower() in PYTHON + CPP)
        hint = f"name a file in it, such as {file / inside[0]}" if inside else "name a file"
        raise UserError(f"{file} is a folder", hint)
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise UserError(f"no such file: {file}", f"the folder {file.parent} is not there either")
        names = [item.name for item in folder.iterdir() if item.is_file()]
        near = difflib.get_close_matches(path.name, names, n=3)
        near = near or [name for name in names if Path(name).stem == path.stem]
        listed = ", ".join(str(file.parent / name) for name in near)
        raise UserError(f"no such file: {file}", f"did you mean {listed}?" if near else "check the path")
    if not path.is_file():
        raise UserError(f"{file} is not a regular file", "name a source file")
    if not os.access(path, os.R_OK):
        raise UserError(f"{file} cannot be read", "check its permissions")
    return path


def _cases(path: Path, settings: Settings, reads_stdin: bool) -> str:
    """The folder of pairs: the one that was named, or `cases` beside a program that reads stdin; checked."""
    beside = path.parent / "cases"
    folder = Path(settings.cases) if settings.cases is not None else beside if reads_stdin else None
    if folder is None or (settings.cases is None and not beside.is_dir()):
        return ""
    cases.read_cases(folder)
    return str(folder)


def _common(settings: Settings) -> dict[str, Any]:
    """The fields that every kind of task takes from the settings, with the files that they name checked."""
    for test in settings.tests or ():
        if not Path(test).exists():
            raise UserError(f"no such tests: {test}", "name a pytest file or folder")
    for name, value in (("stdin", settings.stdin), ("codec", settings.codec), ("relations", settings.relations)):
        if value is not None and not Path(value).is_file():
            raise UserError(f"no such {name} file: {value}", f"check --{name}")
    if settings.relations is not None:
        relation_names(Path(settings.relations))
    said = {
        "tests": settings.tests,
        "args": settings.args,
        "stdin": settings.stdin,
        "inputs": _named(settings.inputs, "inputs", INPUTS_FORM) if settings.inputs is not None else None,
        "codec": settings.codec,
        "oracle": _named(settings.oracle, "oracle", ORACLE_FORM) if settings.oracle is not None else None,
        "relations": settings.relations,
        "timeout_s": settings.timeout,
        "memory_mb": settings.memory_mb,
        "threads": settings.threads,
        "rel": settings.rel_tol,
        "abs": settings.abs_tol,
        "float_tol": settings.float_tol,
        **{name: getattr(settings, name) for name in (*PROMISES, "memory_at_most", "sanitize")},
    }
    return {key: value for key, value in said.items() if value is not None}


def relation_names(path: Path) -> list[str]:
    """The relations in a file, without running it: its public functions, which have to be generators.

    Raises:
        UserError: It is not Python, has no public function, or one that does not yield.
    """
    try:
        found = [item for item in functions_of(read_source(path)) if "." not in item.qualname and item.qualname[0] != "_"]
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 0}: {error.msg}", "mend the relations first") from None
    if not found:
        raise UserError(f"no public function in {path}", "each relation is one, such as: def name(values): first = yield (values,)")
    for item in found:
        if not item.is_generator or item.is_async:
            raise UserError(
                f"relation {item.qualname} in {path} does not yield",
                "a relation yields arguments and is sent the answer; the name of a helper begins with _",
            )
    return [item.qualname for item in found]


def _named(spec: str, flag: str, form: str) -> str:
    """Check "file.py:name" without running it."""
    file, colon, name = spec.rpartition(":")
    if not colon or not name.isidentifier():
        raise UserError(f"--{flag} {spec}", f"it has the form {form}")
    path = Path(file)
    if not path.is_file():
        raise UserError(f"no such {flag} file: {file}", f"it has the form {form}")
    try:
        found = [item for item in functions_of(read_source(path)) if item.reachable]
    except SyntaxError as error:
        raise UserError(f"{file}:{error.lineno or 0}: {error.msg}", "mend it first") from None
    match = next((item for item in found if item.qualname == name), None)
    if match is None:
        names = ", ".join(item.qualname for item in found[:8]) or "no functions"
        raise UserError(f"no function {name!r} in {file}", f"it has {names}")
    return spec
