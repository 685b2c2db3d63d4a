"""Instances of classes: plain ones by their `__dict__` and slots, subclasses of built-in kinds, enums, user codecs."""

from __future__ import annotations

import collections
import datetime
import enum
from collections.abc import Callable
from typing import Any

from .codec_hosts import (
    class_ref,
    mro,
    namespace,
    only_python_state,
    python_state,
    read_state,
    resolve,
    type_name,
    write_state,
)
from .codec_std import Encoder, wire
from .codec_wire import MARKS, Unencodable, Unresolvable

_SCALARS = (type(None), bool, int, float, str, bytes)

_NATIVE: dict[type, Encoder] = {
    int: lambda o, enc: int.__int__(o),
    float: lambda o, enc: float.__float__(o),
    str: lambda o, enc: str.__str__(o),
    bytes: lambda o, enc: bytes.__getitem__(o, slice(None)),
    list: lambda o, enc: list.__getitem__(o, slice(None)),
    dict: lambda o, enc: dict(dict.items(o)),
    tuple: lambda o, enc: [MARKS["tuple"], *tuple.__iter__(o)],
}
NATIVE = {id(cls): encoder for cls, encoder in _NATIVE.items()}
"""Encoders of the plain value inside an instance of a subclass of a type that msgpack knows, by id(type)."""


def object_encoder(cls: type) -> Encoder:
    """Writes an instance whose whole state is `__dict__` and slots.

    Raises:
        Unencodable: The class keeps state in C, or is abstract to us (locks, files, coroutines, metaclasses).
    """
    if not only_python_state(cls):
        raise Unencodable("", type_name(cls))
    getter, slots = python_state(cls)
    if getter is None and not slots and cls is not object and not _empty_by_design(cls):
        raise Unencodable("", type_name(cls))
    ref = class_ref(cls)
    return lambda o, enc: wire("object", ref, read_state(o, getter, slots))


def _empty_by_design(cls: type) -> bool:
    """A class statement with `__slots__ = ()` throughout, as against an opaque C type (a lock, a sentinel)."""
    return all("__slots__" in namespace(base) for base in mro(cls) if base is not object)


def subclass_encoder(cls: type, inner: Encoder) -> Encoder:
    """Writes both what the built-in base holds and the attributes of the subclass."""
    getter, slots = python_state(cls)
    ref = class_ref(cls)

    if getter is None and not slots:
        return lambda o, enc: [MARKS["subclass"], ref, [inner(o, enc), None]]

    def encode(o: Any, enc: Any) -> list[Any]:
        return wire("subclass", ref, [inner(o, enc), read_state(o, getter, slots) or None])

    return encode


def enum_encoder(cls: type) -> Encoder:
    """Writes a member by name, with its value where that is a scalar."""
    ref = class_ref(cls)

    def encode(o: Any, enc: Any) -> list[Any]:
        state = o.__dict__
        value = state["_value_"]
        return wire("enum", ref, [state.get("_name_"), value if type(value) in _SCALARS else None])

    return encode


def is_enum(cls: type) -> bool:
    """Whether the metaclass is (a subclass of) EnumMeta."""
    return enum.EnumMeta in mro(type(cls))


def _live_object(ref: str, state: Any) -> Any:
    cls = resolve(ref)
    try:
        instance = object.__new__(cls)
    except TypeError:  # a C type with a __dict__, such as types.SimpleNamespace
        instance = cls.__new__(cls)
    write_state(instance, state)
    return instance


def _live_enum(ref: str, value: Any) -> Any:
    cls = resolve(ref)
    name, number = value
    return cls.__members__[name] if name in cls.__members__ else cls(number)


def _filled(base: Any, *arguments: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Build past the subclass's own `__new__` and `__init__`, which may want other arguments."""

    def remake(cls: Any, value: Any) -> Any:
        instance = base.__new__(cls)
        base.__init__(instance, *(get(value) for get in arguments))
        return instance

    return remake


def _itself(value: Any) -> Any:
    return value


def _tuple(cls: Any, value: Any) -> Any:
    try:
        return tuple.__new__(cls, value)
    except TypeError:  # a C record such as time.struct_time
        return cls(value)


def _counter(cls: Any, value: Any) -> Any:
    instance = dict.__new__(cls)
    dict.update(instance, value)
    return instance


REMAKE: dict[type, Callable[[Any, Any], Any]] = {
    **{t: (lambda cls, v, t=t: t.__new__(cls, v)) for t in (int, float, str, bytes, frozenset)},  # type: ignore[misc]
    complex: lambda cls, v: complex.__new__(cls, v.real, v.imag),
    datetime.datetime: lambda cls, v: datetime.datetime.__new__(
        cls, v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.tzinfo, fold=v.fold
    ),
    datetime.date: lambda cls, v: datetime.date.__new__(cls, v.year, v.month, v.day),
    datetime.timedelta: lambda cls, v: datetime.timedelta.__new__(cls, v.days, v.seconds, v.microseconds),
    tuple: _tuple,
    list: _filled(list, _itself),
    dict: _filled(dict, _itself),
    set: _filled(set, _itself),
    bytearray: _filled(bytearray, _itself),
    collections.OrderedDict: _filled(collections.OrderedDict, _itself),
    collections.defaultdict: _filled(collections.defaultdict, lambda v: v.default_factory, _itself),
    collections.deque: _filled(collections.deque, _itself, lambda v: v.maxlen),
    collections.Counter: _counter,
}


def _live_subclass(ref: str, value: Any) -> Any:
    base, state = value
    cls = resolve(ref)
    if type(base).__name__ == "ndarray":
        instance = base.view(cls)
    else:
        instance = REMAKE.get(type(base), lambda cls, v: cls(v))(cls, base)
    if state:
        write_state(instance, state)
    return instance


LIVE: dict[str, Callable[[str, Any], Any]] = {
    "object": _live_object,
    "subclass": _live_subclass,
    "enum": _live_enum,
}

USER: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}
"""User codecs: "module.Class" to (to_plain, from_plain)."""


def user_encoder(cls: type) -> Encoder | None:
    """The user's codec of the class or of the first of its bases that has one."""
    for base in mro(cls):
        name = class_ref(base).replace(":", ".")
        if name in USER:
            to_plain = USER[name][0]
            return lambda o, enc: wire("user", name, to_plain(o))
    return None


def live_user(name: str, value: Any) -> Any:
    """Build a value with the user's codec.

    Raises:
        Unresolvable: No codec of that name is registered in this process.
    """
    if name not in USER:
        raise Unresolvable(f"no codec is registered for {name}")
    return USER[name][1](value)
