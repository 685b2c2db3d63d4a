"""`codeopt.toml`: what a person says about a file once, so that no flag has to repeat it.

The file lies beside the program or in a folder above it, up to the project's root; the nearest one counts. It wins
over what is detected, and flags win over it. It holds nothing that spends money or loosens isolation: a model, a
budget and the kind of sandbox are asked for on the command line only.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator

from codeopt.errors import UserError
from codeopt.types import Record

NAME = "codeopt.toml"
MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg", "CMakeLists.txt")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*(x|MB|GB)", re.IGNORECASE)
PATHS = ("file", "project", "tests", "cases", "stdin", "inputs", "codec", "oracle", "relations")


class Settings(Record):
    """What can be said about a task in `codeopt.toml`, and by the flag of the same name. None means "not said".

    Attributes:
        file: The program, where the folder is a task of a suite (`codeopt eval`) and holds several source files.
        kind: "program", "function" or "kernel", where detection guesses wrong.
        project: Folder whose importable sources a candidate sees, where the detected project holds more than it needs.
        function: Qualified name of the function.
        tests: Pytest files or folders.
        cases: Folder with stdin/stdout pairs.
        args: Arguments of the program.
        stdin: File that is the program's stdin.
        inputs: "file.py:name", a generator name(size, seed).
        codec: Python file that encodes and decodes values, inside the sandbox.
        oracle: "file.py:name", a function with the same arguments that computes the answer in higher precision.
        relations: Python file of relations between answers; see docs/tasks.md.
        compiler: C++ or C compiler.
        flags: Compiler flags, in place of the default ones.
        python: Interpreter.
        timeout: Seconds that one run may take.
        memory_mb: Memory of one session.
        threads: Threads that the program may use.
        rel_tol, abs_tol: Tolerance for floats in values.
        float_tol: Tolerance for numbers in printed text.
        device: "cuda" or "cpu": where a kernel runs.
        backward: Of a kernel forward and backward are checked and timed, not forward alone.
        keep_signature: Everything public in the file keeps its name and its parameters.
        no_new_imports: Nothing is imported or included that the original does not.
        pure_python: Nothing is imported but the standard library, the project, and what the original imports.
        memory_at_most: Peak memory of the result.
        sanitize: Run what is accepted in a build with sanitizers (C++, C).
    """

    file: str | None = None
    kind: Literal["program", "function", "kernel"] | None = None
    project: str | None = None
    function: str | None = None
    tests: tuple[str, ...] | None = None
    cases: str | None = None
    args: tuple[str, ...] | None = None
    stdin: str | None = None
    inputs: str | None = None
    codec: str | None = None
    oracle: str | None = None
    relations: str | None = None
    compiler: str | None = None
    flags: tuple[str, ...] | None = None
    python: str | None = None
    timeout: float | None = Field(default=None, gt=0)
    memory_mb: int | None = Field(default=None, ge=64)
    threads: int | None = Field(default=None, ge=1)
    rel_tol: float | None = Field(default=None, ge=0)
    abs_tol: float | None = Field(default=None, ge=0)
    float_tol: float | None = Field(default=None, ge=0)
    device: Literal["cuda", "cpu"] | None = None
    backward: bool | None = None
    keep_signature: bool | None = None
    no_new_imports: bool | None = None
    pure_python: bool | None = None
    memory_at_most: str | None = Field(default=None, description='a factor of the peak as it was, such as "1.2x", or a size, such as "512MB"')
    sanitize: bool | None = None

    @field_validator("memory_at_most")
    @classmethod
    def _is_memory_limit(cls, value: str | None) -> str | None:
        if value is not None:
            memory_limit(value)
        return value

    def over(self, below: Settings) -> Settings:
        """These settings, and those of `below` where these say nothing."""
        return below.model_copy(update=self.model_dump(exclude_none=True))

    def resolved(self, base: Path) -> Settings:
        """The same with the paths made absolute, seen from `base`; a bare program name stays as it is."""
        found: dict[str, Any] = {}
        for key in PATHS:
            value = getattr(self, key)
            if isinstance(value, str):
                found[key] = _absolute(base, value)
            elif value is not None:
                found[key] = tuple(_absolute(base, item) for item in value)
        for key in ("compiler", "python"):
            value = getattr(self, key)
            if value is not None and "/" in value:
                # Links stay: an interpreter finds its virtual environment by the path under which it is called.
                found[key] = os.path.abspath(base / Path(value).expanduser())
        return self.model_copy(update=found)


def described() -> dict[str, str]:
    """What each key means, in the words of the class that reads it; a key that it does not describe has "" ."""
    return meanings(Settings, Settings.model_fields)


def meanings(kind: type, names: Iterable[str]) -> dict[str, str]:
    """What the docstring of a class says of its attributes of these names; "" where it says nothing."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    found = dict.fromkeys(names, "")
    for entry in re.split(r"\n(?=    \S)", text):
        listed, _, meaning = entry.partition(":")
        for name in listed.split(","):
            if name.strip() in found:
                found[name.strip()] = " ".join(meaning.split())
    return found


def memory_limit(text: str) -> tuple[float, float]:
    """(factor of the baseline's peak, MiB), of which one is 0: "1.2x", "512MB", "2GB".

    Raises:
        ValueError: It has another form, or is nothing.
    """
    found = _MEMORY.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise ValueError(text)
    number, unit = float(found[1]), found[2].lower()
    return (number, 0.0) if unit == "x" else (0.0, number * (1024 if unit == "gb" else 1))


def is_library(folder: Path) -> bool:
    """Whether a folder is an interpreter's standard library or its site-packages."""
    named = folder.name in ("site-packages", "dist-packages")
    return named or ((folder / "os.py").is_file() and (folder / "encodings").is_dir())


def library_of(file: Path) -> Path | None:
    """The standard library or the site-packages in which a file is installed; None for any other file."""
    return next((folder for folder in file.absolute().parents if is_library(folder)), None)


def is_project(folder: Path) -> bool:
    """Whether a folder looks like a project's root; the home folder and / never do."""
    if folder in (Path.home(), Path(folder.anchor)):
        return False
    return any((folder / marker).exists() for marker in MARKERS)


def project_root(file: Path) -> Path | None:
    """The nearest folder above `file` that is a project's root; None for a loose file, or an installed library's."""
    if library_of(file) is not None:
        return None  # an installed package may bring a setup.py along
    return next((folder for folder in file.absolute().parents if is_project(folder)), None)


def find(file: Path) -> Path | None:
    """The `codeopt.toml` that speaks for `file`: beside it, or above it up to the project's root."""
    root = project_root(file)
    for folder in file.absolute().parents:
        if (folder / NAME).is_file():
            return folder / NAME
        if folder == root or root is None:
            return None
    return None


def load(file: Path) -> Settings:
    """Settings for `file` from its `codeopt.toml`; empty ones where there is none.

    Raises:
        UserError: The file is not TOML, or has an unknown key or a wrong value.
    """
    path = find(file)
    return Settings() if path is None else read(path)


def read(path: Path) -> Settings:
    """Read one `codeopt.toml`; paths in it are seen from its own folder.

    Raises:
        UserError: As for `load`.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path} is not valid TOML: {error}", 'strings need quotes; lists look like ["a", "b"]'
        ) from None
    return validated(raw, str(path)).resolved(path.parent.absolute())


def validated(raw: Mapping[str, Any], where: str) -> Settings:
    """Settings from plain data.

    Args:
        raw: Keys and values as TOML gives them; a single string stands for a list of one where a list is expected.
        where: What to name in an error.

    Raises:
        UserError: An unknown key (with the nearest known one) or a wrong value (with what is allowed).
    """
    known = Settings.model_fields
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "known keys: " + ", ".join(known)
            raise UserError(f"{where}: unknown key {key!r}", hint)
    values = {
        key: [value] if isinstance(value, str) and _is_list(key) else value for key, value in raw.items()
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        shown = repr(raw[key])
        raise UserError(f"{where}: {key} = {shown[:60]}", f"it has to be {allowed(key)}") from None


def _absolute(base: Path, value: str) -> str:
    return str((base / Path(value).expanduser()).resolve()) if value else value


def _is_list(key: str) -> bool:
    return tuple in {
        getattr(option, "__origin__", None) for option in get_args(Settings.model_fields[key].annotation)
    }


def allowed(key: str) -> str:
    """The values that a key may have, in words."""
    field = Settings.model_fields[key]
    if field.description:
        return field.description
    if _is_list(key):
        return "a list of strings"
    kind = next(option for option in get_args(field.annotation) if option is not type(None))
    if literal := get_args(kind):
        return " or ".join(repr(value) for value in literal)
    words = {str: "a string", float: "a number", int: "a whole number", bool: "true or false"}[kind]
    limits = [f"at least {rule.ge}" for rule in field.metadata if getattr(rule, "ge", None) is not None]
    limits += [f"above {rule.gt}" for rule in field.metadata if getattr(rule, "gt", None) is not None]
    return f"{words} {' and '.join(limits)}".strip()
