"""A live function as a task: the file that defines it, or, from a notebook's cell or a prompt, a file written for it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codeopt.errors import UserError

PLACE = Path(".codeopt") / "live"


def located(function: Callable[..., Any]) -> tuple[Path, str, bool]:
    """(file, qualified name, whether the file was written for it) of a function.

    Of a cell's function what it uses of the cells is written with it: imports, functions, classes, plain values.

    Raises:
        UserError: It is no Python function, is defined inside another one, has no source, or uses what cannot be written.
    """
    plain = inspect.unwrap(function)
    if not isinstance(plain, types.FunctionType):
        raise UserError(f"{function!r} is no Python function", "give a function, a path, or FILE:FUNCTION")
    name = plain.__qualname__
    if "<locals>" in name or plain.__name__ == "<lambda>":
        raise UserError(f"{name} is defined inside another function, or is a lambda", "define it at the top of a file or of a cell")
    file = Path(plain.__code__.co_filename)
    if (file.is_file() and file.suffix == ".py" and plain.__module__ != "__main__") or _is_script(plain, file):
        return file, name, False
    text = _whole(plain)
    mark = hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
    place = (PLACE / f"{plain.__name__}-{mark}").absolute()
    place.mkdir(parents=True, exist_ok=True)
    written = place / f"{plain.__name__}.py"
    written.write_text(text, "utf-8")
    return written, name, True


def _is_script(function: types.FunctionType, file: Path) -> bool:
    """Whether it comes from the script that runs, not from a notebook's cell in a file of its own."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return script is not None and file.is_file() and Path(script).resolve() == file.resolve() and function.__module__ == "__main__"


def _whole(function: types.FunctionType) -> str:
    """A file with the function and all that it needs."""
    imports: dict[str, str] = {}
    values: dict[str, str] = {}
    made: dict[str, str] = {}
    todo: list[Any] = [function]
    while todo:
        one = todo.pop()
        text = _source(one)
        made[one.__name__] = text
        home = sys.modules[one.__module__].__dict__ if isinstance(one, type) else one.__globals__
        for name in sorted({node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}):
            if name not in home or name in made or name in imports or name in values:
                continue
            value = home[name]
            if isinstance(value, types.ModuleType):
                imports[name] = f"import {value.__name__} as {name}"
            elif (owner := _importable(value)) and owner != one.__module__:
                imports[name] = f"from {owner} import {value.__name__} as {name}"
            elif isinstance(value, types.FunctionType | type) and value.__module__ == one.__module__ and value.__name__ == name:
                todo.append(value)
            else:
                values[name] = f"{name} = {_literal(name, value, function.__name__)}"
    parts = ["\n".join(sorted(imports.values())), "\n".join(values.values()), *reversed(made.values())]
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _source(one: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(one))
    except (OSError, TypeError):
        raise UserError(f"the source of {one.__name__} is not known here", "put it in a file, and import it") from None


def _importable(value: Any) -> str:
    """The module that gives this value by its own name; "" where none does."""
    owner, name = getattr(value, "__module__", None), getattr(value, "__name__", "")
    found = sys.modules.get(owner) if isinstance(owner, str) and owner != "__main__" else None
    return str(owner) if found is not None and getattr(found, name, None) is value else ""


def _literal(name: str, value: Any, user: str) -> str:
    text = repr(value)
    try:
        if ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError, TypeError, MemoryError):
        pass
    raise UserError(f"{user} uses {name}, which is no module, function, class or plain value", "put the function in a file with what it needs")
