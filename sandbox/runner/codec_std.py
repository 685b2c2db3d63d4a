"""The kinds of the standard library: how each is written, and how the sandbox builds it again.

An encoder gets the value and the running `Encoding`, uses base-class accessors only, and returns the wire list.
"""

from __future__ import annotations

import collections
import datetime
import functools
import importlib
import itertools
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

from .codec_hosts import c_attributes, class_ref, importable, loaded, mro, namespace, read_state, resolve
from .codec_wire import MARKS, Unencodable, Unresolvable

ITEMS = 1000
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

Encoder = Callable[[Any, Any], Any]


def wire(kind: str, name: str, value: object) -> list[Any]:
    """A marked value of a named kind."""
    return [MARKS[kind], name, value]


# --- containers -----------------------------------------------------------------------------------------------


def _set_encoder(base: Any) -> Encoder:
    """Items in an order that does not depend on hashing, so that equal sets give equal bytes."""
    mark = MARKS[base.__name__]

    def encode(o: Any, enc: Any) -> list[Any]:
        # Kept, because the items of a set of sets are written twice: once to be sorted.
        if id(o) not in enc.kept:
            items = [*base.__iter__(o)]
            if len(items) > 1:
                kinds = set(map(id, map(type, items)))
                sortable = len(kinds) == 1 and type(items[0]) in (int, str, bytes)
                items.sort(key=None if sortable else enc.nested)
            enc.kept[id(o)] = (o, [mark, *items])
        payload: list[Any] = enc.kept[id(o)][1]
        return payload

    return encode


def _deque(o: Any, enc: Any) -> list[Any]:
    deque = collections.deque
    return wire("deque", "", [deque.__dict__["maxlen"].__get__(o), [*deque.__iter__(o)]])


def _default_dict(o: Any, enc: Any) -> list[Any]:
    factory = collections.defaultdict.__dict__["default_factory"].__get__(o)
    if factory is not None and not enc.encodable(factory):
        factory = enc.opaque(factory)
    return wire("default_dict", "", [factory, dict(dict.items(o))])


def view_encoder(kind: str) -> Encoder:
    return lambda o, enc: wire(kind, "", [*o])


def iterator(o: Any, enc: Any) -> list[Any]:
    """The first items, then True (ended), False (goes on) or the exception it raised. The items are consumed."""
    if id(o) not in enc.kept:
        items: list[Any] = []
        ended: Any = False
        try:
            for item in itertools.islice(o, ITEMS + 1):
                items.append(item)
            ended = len(items) <= ITEMS
        except Exception as error:
            ended = error
        enc.kept[id(o)] = (o, wire("iterator", type(o).__name__, [items[:ITEMS], ended]))
    payload: list[Any] = enc.kept[id(o)][1]
    return payload


def _replay(name: str, value: Any) -> Iterator[Any]:
    items, ended = value
    yield from items
    if isinstance(ended, Exception):
        raise ended
    if not ended:
        raise RuntimeError(f"only the first {ITEMS} items of this iterator were kept")


def iterator_types() -> list[type]:
    samples: list[Any] = [[], (), "", "é", b"", bytearray(), range(0), range(1 << 70), set(), memoryview(b"")]
    samples += [{}, {}.values(), {}.items(), collections.deque(), collections.OrderedDict()]
    samples += [reversed([]), reversed({}), reversed({}.values()), reversed({}.items()), reversed(range(0))]
    found = {type(iter(sample)) for sample in samples}
    found |= {map, filter, zip, enumerate, reversed, types.GeneratorType, type(iter(int, 0))}
    found |= {t for t in vars(itertools).values() if isinstance(t, type) and "__next__" in vars(t)}
    found.add(type(reversed(collections.deque())))
    return list(found)


# --- references -----------------------------------------------------------------------------------------------


def _class(o: Any, enc: Any) -> list[Any]:
    ref = class_ref(o)
    if not importable(ref, o):
        raise Unencodable("", f"class {ref.replace(':', '.')} (not importable)")
    return wire("class", ref, None)


def _function(o: Any, enc: Any) -> list[Any]:
    owner = getattr(o, "__objclass__", None)
    module = getattr(owner, "__module__", None) or getattr(o, "__module__", None)
    if type(module) is not str:
        module = "numpy" if type(o).__name__ == "ufunc" else "builtins"
    name = getattr(o, "__qualname__", None) or getattr(o, "__name__", "?")
    ref = f"{module}:{name}"
    if importable(ref, o):
        return wire("function", ref, None)
    bound = getattr(o, "__self__", None)
    if bound is not None and not isinstance(bound, types.ModuleType):
        return wire("method", str(getattr(o, "__name__", "?")), bound)
    raise Unencodable("", f"function {module}.{name} (not importable)")


def _method(o: Any, enc: Any) -> list[Any]:
    return wire("method", o.__func__.__name__, o.__self__)


def _partial(o: Any, enc: Any) -> list[Any]:
    return wire("partial", "", [o.func, list(o.args), dict(o.keywords)])


def _opaque(name: str, value: None) -> Callable[..., Any]:
    def unknown(*arguments: Any) -> Any:
        raise Unresolvable(f"{name} could not be carried into the sandbox")

    unknown.__qualname__ = unknown.__name__ = name
    return unknown


# --- exceptions -----------------------------------------------------------------------------------------------


def _exception(o: Any, enc: Any) -> list[Any]:
    """Arguments, attributes and message; what cannot be encoded inside becomes its type's name."""
    cls = type(o)
    given = [_ADDRESS.sub("", a) if type(a) is str else a for a in BaseException.__dict__["args"].__get__(o)]
    args = [a if enc.encodable(a) else enc.opaque(a) for a in given]
    state = read_state(o, BaseException.__dict__["__dict__"], ())
    for name, descriptor in c_attributes(cls):
        try:
            value = descriptor.__get__(o)
        except (AttributeError, TypeError):  # unset, as BlockingIOError.characters_written
            continue
        if value is not None:
            state[name] = value
    state = {k: v if enc.encodable(v) else enc.opaque(v) for k, v in state.items()}
    # The message by the interpreter's own class: a user's __str__ is computed from the state that is kept anyway.
    printer = next(
        namespace(c)["__str__"] for c in mro(cls) if "__str__" in namespace(c) and not c.__flags__ & 512
    )
    try:
        message = _ADDRESS.sub("", printer(o))
    except Exception as error:
        message = f"<{type(error).__name__} while printing>"
    return wire("exception", class_ref(cls), [args, state, message])


def _live_exception(ref: str, value: Any) -> BaseException:
    args, state, _ = value
    cls = resolve(ref)
    if not (isinstance(cls, type) and issubclass(cls, BaseException)):
        raise Unresolvable(f"{ref} is not an exception")
    error = cls.__new__(cls, *args)
    error.args = tuple(args)
    for name, item in state.items():
        try:
            setattr(error, name, item)
        except (AttributeError, TypeError):
            error.__dict__[name] = item
    return error


# --- values ---------------------------------------------------------------------------------------------------


def _datetime(o: Any, enc: Any) -> list[Any]:
    d = datetime.datetime
    clock = [getattr(d, part).__get__(o) for part in ("year", "month", "day", "hour", "minute", "second")]
    return wire("datetime", "", [*clock, d.microsecond.__get__(o), d.fold.__get__(o), d.tzinfo.__get__(o)])


def _live_datetime(name: str, value: Any) -> datetime.datetime:
    *clock, fold, tz = value
    return datetime.datetime(*clock, tz, fold=fold)  # type: ignore[misc]


def _date(o: Any, enc: Any) -> list[Any]:
    d = datetime.date
    return wire("date", "", [d.year.__get__(o), d.month.__get__(o), d.day.__get__(o)])


def _time(o: Any, enc: Any) -> list[Any]:
    parts = ("hour", "minute", "second", "microsecond", "fold", "tzinfo")
    return wire("time", "", [getattr(datetime.time, part).__get__(o) for part in parts])


def _live_time(name: str, value: Any) -> datetime.time:
    *clock, fold, tz = value
    return datetime.time(*clock, tz, fold=fold)  # type: ignore[misc]


def _timedelta(o: Any, enc: Any) -> list[Any]:
    d = datetime.timedelta
    return wire("timedelta", "", [d.days.__get__(o), d.seconds.__get__(o), d.microseconds.__get__(o)])


def _timezone(o: Any, enc: Any) -> list[Any]:
    return wire("timezone", o.tzname(None), o.utcoffset(None))


def _live_timezone(name: str, offset: datetime.timedelta) -> datetime.timezone:
    plain = datetime.timezone(offset)
    if plain.tzname(None) != name:
        return datetime.timezone(offset, name)
    return plain


def _memoryview(o: Any, enc: Any) -> list[Any]:
    return wire("memoryview", o.format, [list(o.shape or ()), o.readonly, o.tobytes()])


def _live_memoryview(name: str, value: Any) -> memoryview:
    shape, readonly, raw = value
    view = memoryview(raw if readonly else bytearray(raw))
    return view if name == "B" and len(shape) == 1 else view.cast(name, shape)  # type: ignore[call-overload,no-any-return]


def _live_array(name: str, raw: bytes) -> Any:
    return resolve("array:array")(name, raw)


def _random(o: Any, enc: Any) -> list[Any]:
    return wire("random", "", loaded("random", "Random").getstate(o))


def _live_random(name: str, state: Any) -> Any:
    import random

    generator = random.Random()
    generator.setstate(state)
    return generator


def _slot(cls: Any, name: str, o: Any) -> Any:
    return namespace(cls)[name].__get__(o)


def _fraction(o: Any, enc: Any) -> list[Any]:
    fraction = loaded("fractions", "Fraction")
    return wire("fraction", "", [_slot(fraction, "_numerator", o), _slot(fraction, "_denominator", o)])


def _path(o: Any, enc: Any) -> list[Any]:
    import pathlib  # whose object is here: it is loaded

    name = next(kind for kind in _PATHS if getattr(pathlib, kind) in mro(type(o)))
    return wire("path", name, pathlib.PurePath.__str__(o))


def _complex(o: Any, enc: Any) -> list[Any]:
    return wire("complex", "", [complex.real.__get__(o), complex.imag.__get__(o)])  # type: ignore[attr-defined]


def _zoneinfo(o: Any, enc: Any) -> list[Any]:
    if o.key is None:
        raise Unencodable("", "zoneinfo.ZoneInfo without a key")
    return wire("zoneinfo", o.key, None)


CONTAINERS: dict[str, Encoder] = {
    "builtins:set": _set_encoder(set),
    "builtins:frozenset": _set_encoder(frozenset),
    "builtins:slice": lambda o, enc: wire("slice", "", [o.start, o.stop, o.step]),
    "types:MappingProxyType": lambda o, enc: wire("mapping_proxy", "", dict(o)),
    "collections:deque": _deque,
    "collections:defaultdict": _default_dict,
    "collections:Counter": lambda o, enc: wire("counter", "", dict(dict.items(o))),
    "collections:OrderedDict": lambda o, enc: wire(
        "ordered_dict", "", dict(collections.OrderedDict.items(o))
    ),
    "types:MethodType": _method,
    "functools:partial": _partial,
    "datetime:datetime": _datetime,
    "datetime:time": _time,
    "builtins:BaseException+": _exception,
}
"""Encoders of the types whose payload holds user values, by "module:name"."""

LEAVES: dict[str, Encoder] = {
    "builtins:type+": _class,
    "builtins:complex": _complex,
    "builtins:bytearray": lambda o, enc: wire("bytearray", "", bytes(bytearray.__getitem__(o, slice(None)))),
    "builtins:memoryview": _memoryview,
    "builtins:range": lambda o, enc: wire("range", "", [o.start, o.stop, o.step]),
    "types:ModuleType": lambda o, enc: wire("module", o.__name__, None),
    "types:FunctionType": _function,
    "types:BuiltinFunctionType": _function,
    "types:MethodDescriptorType": _function,
    "types:WrapperDescriptorType": _function,
    "types:MethodWrapperType": _function,
    "functools:_lru_cache_wrapper": _function,
    "numpy:ufunc": _function,
    "datetime:date": _date,
    "datetime:timedelta": _timedelta,
    "datetime:timezone": _timezone,
    "zoneinfo:ZoneInfo": _zoneinfo,
    "decimal:Decimal": lambda o, enc: wire("decimal", "", loaded("decimal", "Decimal").__str__(o)),
    "fractions:Fraction": _fraction,
    **{f"pathlib:{name}": _path for name in _PATHS},
    "uuid:UUID": lambda o, enc: wire("uuid", "", format(_slot(loaded("uuid", "UUID"), "int", o), "032x")),
    "re:Pattern": lambda o, enc: wire("pattern", "", [o.pattern, o.flags]),
    "array:array": lambda o, enc: wire("array", o.typecode, o.tobytes()),
    "random:Random": _random,
}
"""Encoders of the types whose payload is the codec's own."""

LIVE: dict[str, Callable[[str, Any], Any]] = {
    "complex": lambda n, v: complex(*v),
    "bytearray": lambda n, v: bytearray(v),
    "memoryview": _live_memoryview,
    "range": lambda n, v: range(*v),
    "slice": lambda n, v: slice(*v),
    "ellipsis": lambda n, v: Ellipsis,
    "not_implemented": lambda n, v: NotImplemented,
    "deque": lambda n, v: collections.deque(v[1], v[0]),
    "ordered_dict": lambda n, v: collections.OrderedDict(v),
    "default_dict": lambda n, v: collections.defaultdict(*v),
    "counter": lambda n, v: collections.Counter(v),
    "mapping_proxy": lambda n, v: types.MappingProxyType(v),
    "dict_keys": lambda n, v: dict.fromkeys(v).keys(),
    "dict_values": lambda n, v: dict(enumerate(v)).values(),
    "dict_items": lambda n, v: dict(v).items(),
    "class": lambda n, v: resolve(n),
    "function": lambda n, v: resolve(n),
    "method": lambda n, v: getattr(v, n),
    "partial": lambda n, v: functools.partial(v[0], *v[1], **v[2]),
    "module": lambda n, v: importlib.import_module(n),
    "opaque": _opaque,
    "exception": _live_exception,
    "iterator": _replay,
    "datetime": _live_datetime,
    "date": lambda n, v: datetime.date(*v),
    "time": _live_time,
    "timedelta": lambda n, v: datetime.timedelta(*v),
    "timezone": _live_timezone,
    "zoneinfo": lambda n, v: resolve("zoneinfo:ZoneInfo")(n),
    "decimal": lambda n, v: resolve("decimal:Decimal")(v),
    "fraction": lambda n, v: resolve("fractions:Fraction")(*v),
    "path": lambda n, v: resolve("pathlib:" + n)(v),
    "uuid": lambda n, v: resolve("uuid:UUID")(v),
    "pattern": lambda n, v: re.compile(*v),
    "array": _live_array,
    "random": _live_random,
}
"""Builders by kind, from name and value."""
