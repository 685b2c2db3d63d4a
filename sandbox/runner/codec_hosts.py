"""What a type really is: read through the interpreter's own descriptors, so that no override of a class is asked.

A class may redefine `__class__`, `__dict__`, `__eq__` or its metaclass's `__hash__`; none of them decides here.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from .codec_wire import Unencodable, Unresolvable

_mro = type.__dict__["__mro__"].__get__
_namespace = type.__dict__["__dict__"].__get__
_module = type.__dict__["__module__"].__get__
_qualname = type.__dict__["__qualname__"].__get__
_basicsize = type.__dict__["__basicsize__"].__get__
_dictoffset = type.__dict__["__dictoffset__"].__get__
_weakrefoffset = type.__dict__["__weakrefoffset__"].__get__
_flags = type.__dict__["__flags__"].__get__
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)

HEAP_TYPE = 1 << 9
POINTER = object.__basicsize__ // 2
# Types that live in no module under their own name (NoneType, generator, function …).
_UNNAMED = {t.__qualname__: t for t in vars(types).values() if type(t) is type and t.__module__ == "builtins"}
_UNNAMED.update({type(x).__qualname__: type(x) for x in (None, Ellipsis, NotImplemented)})

_main: list[types.ModuleType] = []


def use_main(module: types.ModuleType) -> None:
    """Resolve names of `__main__` in this module: the program under test, not the runner."""
    _main[:] = [module]


def mro(cls: type) -> tuple[type, ...]:
    """Method resolution order, whatever the metaclass says."""
    found: tuple[type, ...] = _mro(cls)
    return found


def namespace(cls: type) -> Any:
    """The class's own namespace, whatever the metaclass says."""
    return _namespace(cls)


def class_ref(cls: type) -> str:
    """ "module:qualname" of a class."""
    module, name = _module(cls), _qualname(cls)
    return f"{module if type(module) is str else '?'}:{name}"


def type_name(cls: type) -> str:
    """ "module.qualname" as a person writes it."""
    return class_ref(cls).replace("builtins:", "").replace(":", ".")


def resolve(ref: str) -> Any:
    """The object that "module:qualname" names, imported where needed.

    Raises:
        Unresolvable: No such module or attribute.
    """
    module_name, _, qualname = ref.partition(":")
    if module_name == "builtins" and qualname in _UNNAMED:
        return _UNNAMED[qualname]
    if module_name == "__main__" and _main:
        value: Any = _main[0]
    else:
        try:
            value = sys.modules.get(module_name) or importlib.import_module(module_name)
        except ImportError as error:
            raise Unresolvable(f"{ref}: {error}") from None
    for part in qualname.split(".") if qualname else ():
        try:
            value = getattr(value, part)
        except AttributeError:
            raise Unresolvable(f"{ref} cannot be imported") from None
    return value


def importable(ref: str, value: object) -> bool:
    """Whether `ref` leads to this very object among the modules that are loaded."""
    module_name = ref.partition(":")[0]
    if module_name not in sys.modules:
        return False
    try:
        return resolve(ref) is value
    except Unresolvable:
        return False


def loaded(module: str, attribute: str) -> Any:
    """`module.attribute` if the module is loaded, else None."""
    value: Any = sys.modules.get(module)
    for part in attribute.split("."):
        value = getattr(value, part, None)
    return value


def python_state(cls: type) -> tuple[Any, tuple[tuple[str, Any], ...]]:
    """How to read an instance's state: the descriptor of its `__dict__` (or None) and of its slots by name.

    Raises:
        Unencodable: The class hides its `__dict__`.
    """
    slots: dict[str, Any] = {}
    getter = None
    for base in reversed(mro(cls)):
        for name, entry in namespace(base).items():
            if name == "__dict__" and type(entry) in _DESCRIPTORS:
                getter = entry
            elif type(entry) is types.MemberDescriptorType and "__slots__" in namespace(base):
                slots[name] = entry
    if getter is None and _dictoffset(cls):
        raise Unencodable("", type_name(cls))
    return getter, tuple(slots.items())


def only_python_state(cls: type) -> bool:
    """Whether `__dict__` and `__slots__` are all that an instance holds (the rule by which copyreg judges)."""
    room = object.__basicsize__ + POINTER * bool(_dictoffset(cls)) + POINTER * bool(_weakrefoffset(cls))
    return bool(_basicsize(cls) <= room + POINTER * len(python_state(cls)[1]))


def read_state(instance: object, getter: Any, slots: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The attributes of an instance, unset slots left out."""
    state = dict(getter.__get__(instance)) if getter is not None else {}
    for name, slot in slots:
        try:
            state[name] = slot.__get__(instance)
        except AttributeError:
            continue
    return state


_places: dict[int, tuple[type, Any, dict[str, Any]]] = {}


def write_state(instance: Any, state: dict[str, Any]) -> None:
    """Set attributes past any `__setattr__`, as for frozen dataclasses."""
    cls = type(instance)
    if id(cls) not in _places:
        getter, slots = python_state(cls)
        _places[id(cls)] = (cls, getter, dict(slots))
    _, getter, by_name = _places[id(cls)]
    if getter is not None and not by_name:
        getter.__get__(instance).update(state)
        return
    rest = {}
    for name, value in state.items():
        if name in by_name:
            by_name[name].__set__(instance, value)
        else:
            rest[name] = value
    if rest:
        if getter is None:
            raise Unresolvable(f"{class_ref(cls)} has no place for {', '.join(rest)}")
        getter.__get__(instance).update(rest)


def c_attributes(cls: type) -> Iterator[tuple[str, Any]]:
    """Readable fields of the C classes that an exception derives from (errno, filename, lineno …)."""
    skipped = {"args", "obj", "exceptions", "message"}
    for base in mro(cls):
        if _flags(base) & HEAP_TYPE:
            continue
        for name, entry in namespace(base).items():
            if type(entry) in _DESCRIPTORS and not name.startswith("_") and name not in skipped:
                yield name, entry
