"""Wrap functions, named by (file, qualified name), wherever they are bound or will be defined.

Three roads, because a function can meet its callers in three ways: it is in a module that is already imported
(and copied by `from x import f`), in a module that will be imported, perhaps under a second name, or in the
script that runs as `__main__`. The first is a sweep over namespaces; the other two put a decorator in front of the
definition while the text is compiled, so line numbers stay as they are.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.abc
import importlib.machinery
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

HOOK = "__codeopt_defined__"
Wrap = Callable[[Any], Any]


class Hooks:
    """What to wrap: `targets[real path][qualified name]` is applied to the function object."""

    def __init__(self) -> None:
        self.targets: dict[str, dict[str, Wrap]] = {}
        self.applied = 0

    def add(self, file: str, qualname: str, wrap: Wrap) -> None:
        self.targets.setdefault(os.path.realpath(file), {})[qualname] = wrap

    def install(self) -> None:
        """Wrap what is loaded and watch what will be."""
        setattr(builtins, HOOK, self._defined)
        sys.meta_path.insert(0, _Finder(self))
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            names = self.targets.get(os.path.realpath(file)) if isinstance(file, str) else None
            for qualname, wrap in (names or {}).items():
                self._replace(module, qualname, wrap)

    def compile(self, text: Any, path: str) -> Any:
        """Compile a file's text with the decorators that the targets ask for."""
        tree = ast.parse(text, path)
        real = os.path.realpath(path)
        wanted = self.targets.get(real, {})
        for qualname, node in definitions(tree):
            if qualname in wanted:
                place = node.decorator_list[0] if node.decorator_list else node
                call = ast.Call(
                    func=ast.Name(id=HOOK, ctx=ast.Load()),
                    args=[ast.Constant(value=real), ast.Constant(value=qualname)],
                    keywords=[],
                )
                for part in ast.walk(call):
                    ast.copy_location(part, place)
                node.decorator_list.insert(0, call)
        return compile(tree, path, "exec", dont_inherit=True)

    def _defined(self, real: str, qualname: str) -> Wrap:
        def decorate(raw: Any) -> Any:
            self.applied += 1
            return wrap_raw(raw, self.targets[real][qualname])

        return decorate

    def _replace(self, module: ModuleType, qualname: str, wrap: Wrap) -> None:
        owner: Any = module
        *path, last = qualname.split(".")
        for part in path:
            owner = vars(owner).get(part) if owner is not None else None
        raw = vars(owner).get(last) if owner is not None else None
        if raw is None:
            return
        new = wrap_raw(raw, wrap)
        if new is raw:
            self.applied += 1
            return
        setattr(owner, last, new)
        self.applied += 1
        for other in list(sys.modules.values()):
            if isinstance(other, ModuleType):
                _sweep(other, raw, new)


def _sweep(module: ModuleType, raw: Any, new: Any) -> None:
    """Replace `raw` in a module's names, in its classes, and in its top-level tables of functions."""
    for name, value in list(vars(module).items()):
        if value is raw:
            setattr(module, name, new)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for attribute, member in list(vars(value).items()):
                if member is raw:
                    setattr(value, attribute, new)
        elif type(value) is dict and not name.startswith("__"):
            for key, member in list(value.items()):
                if member is raw:
                    value[key] = new
        elif type(value) is list and any(member is raw for member in value):
            value[:] = [new if member is raw else member for member in value]


def wrap_raw(raw: Any, wrap: Wrap) -> Any:
    """Apply `wrap` to the function inside what a class or module dictionary holds."""
    if isinstance(raw, staticmethod):
        return staticmethod(wrap(raw.__func__))
    if isinstance(raw, classmethod):
        return classmethod(wrap(raw.__func__))
    if isinstance(raw, property):
        return raw if raw.fget is None else property(wrap(raw.fget), raw.fset, raw.fdel, raw.__doc__)
    return wrap(raw)


def like(function: Any, wrapper: Any) -> Any:
    """functools.wraps, and the methods that a cache puts on the functions it wraps."""
    functools.update_wrapper(wrapper, function)
    for name in ("cache_clear", "cache_info", "cache_parameters"):
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    return wrapper


def plain_function(function: Any) -> Any:
    """The Python function under decorators that used functools.wraps; the object itself where there is none."""
    seen = 0
    while not isinstance(function, FunctionType) and hasattr(function, "__wrapped__") and seen < 20:
        function, seen = function.__wrapped__, seen + 1
    return getattr(function, "__func__", function)


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(qualified name, node) of every function of a module, nested ones included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
            yield from definitions(node, prefix + node.name + ".<locals>.")
        elif isinstance(node, ast.ClassDef):
            yield from definitions(node, prefix + node.name + ".")
        else:
            yield from definitions(node, prefix)


def is_classmethod(context: Any) -> bool:
    if context.owner is None:
        return False
    name = context.function_name.rsplit(".", 1)[-1]
    return isinstance(inspect.getattr_static(context.owner, name, None), classmethod)


def takes_instance(context: Any) -> bool:
    """Whether args[0] of a call is the instance: a plain method, taken through its class."""
    if context.owner is None:
        return False
    name = context.function_name.rsplit(".", 1)[-1]
    raw = inspect.getattr_static(context.owner, name, None)
    return not isinstance(raw, (staticmethod, classmethod)) and callable(plain_function(raw))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, hooks: Hooks, inner: Any) -> None:
        super().__init__(name, path)
        self._hooks, self._inner = hooks, inner

    def get_data(self, path: str) -> bytes:
        data: bytes = self._inner.get_data(path)
        return data

    def get_code(self, fullname: str) -> Any:
        return self._hooks.compile(self.get_data(self.path), self.path)


class _Finder(importlib.abc.MetaPathFinder):
    """Gives the modules with targets a loader that decorates; every other module is left alone."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._asking: set[str] = set()

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname in self._asking:
            return None
        self._asking.add(fullname)
        try:
            return self._others(fullname, path, target)
        finally:
            self._asking.discard(fullname)

    def _others(self, fullname: str, path: Any, target: Any) -> Any:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None) if finder is not self else None
            spec = find(fullname, path, target) if find else None
            if spec is None:
                continue
            origin = spec.origin if isinstance(spec.origin, str) else ""
            if os.path.realpath(origin) in self._hooks.targets and isinstance(
                spec.loader, importlib.machinery.SourceFileLoader
            ):
                spec.loader = _Loader(fullname, origin, self._hooks, spec.loader)
            return spec
        return None


def module_text(context: Any) -> str:
    """The text that was loaded, which need not be the text on disk (a candidate is laid over its file)."""
    loader = getattr(context.module, "__loader__", None)
    if loader is not None and hasattr(loader, "get_source"):
        text = loader.get_source(context.module.__name__)
        if text is not None:
            return str(text)
    with open(context.file, encoding="utf-8") as file:
        return file.read()
