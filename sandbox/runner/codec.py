"""The value codec: how arguments and results cross between the untrusted runner and the trusted parent.

`encode` and `decode_live` run inside the sandbox, under the user's interpreter; `decode_plain` runs in the parent
and builds nothing but plain data. The wire form is msgpack with marked arrays: docs/codec.md has the table.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import chain
from typing import Any

from msgpack import Unpacker, packb, unpackb  # type: ignore[import-untyped]

from . import codec_arrow, codec_numpy, codec_objects, codec_pandas, codec_std, codec_torch
from .codec_explain import explain
from .codec_hosts import loaded, mro, type_name, use_main
from .codec_wire import (
    BIG_INT,
    KINDS,
    MARK,
    MARKS,
    MAX_DEPTH,
    SEQUENCES,
    Malformed,
    Tagged,
    Unencodable,
    Unresolvable,
    big_int,
)

__all__ = [
    "KINDS",
    "MAX_DEPTH",
    "Malformed",
    "Tagged",
    "Unencodable",
    "Unresolvable",
    "canonical",
    "decode_live",
    "decode_plain",
    "encode",
    "load_user_codec",
    "register",
    "unregister",
    "use_main",
]

_PARTS = (codec_std, codec_numpy, codec_pandas, codec_arrow, codec_torch)
_CONTAINERS = {path: encoder for part in _PARTS for path, encoder in part.CONTAINERS.items()}
_LEAVES = {path: encoder for part in _PARTS for path, encoder in part.LEAVES.items()}
_LIVE = {kind: build for part in (*_PARTS, codec_objects) for kind, build in part.LIVE.items()}
_LIVE["user"] = codec_objects.live_user

# id(type): (the type, kept alive; its encoder; whether the payload may hold values of the user's).
_plans: dict[int, tuple[type, codec_std.Encoder, bool]] = {}
_TUPLE, _OBJECT_ARRAY = MARKS["tuple"], MARKS["object_array"]


def _reset_plans() -> None:
    _plans.clear()
    _plans[id(_Marked)] = (_Marked, lambda o, enc: o.payload, False)
    views = {"dict_keys": {}.keys(), "dict_values": {}.values(), "dict_items": {}.items()}
    for kind, view in views.items():
        _plans[id(type(view))] = (type(view), codec_std.view_encoder(kind), True)
    ellipsis, refusal = codec_std.wire("ellipsis", "", None), codec_std.wire("not_implemented", "", None)
    _plans[id(type(Ellipsis))] = (type(Ellipsis), lambda o, enc: ellipsis, False)
    _plans[id(type(NotImplemented))] = (type(NotImplemented), lambda o, enc: refusal, False)
    for cls in codec_std.iterator_types():
        _plans[id(cls)] = (cls, codec_std.iterator, True)


def _plan(cls: type) -> tuple[type, codec_std.Encoder, bool]:
    """How values of exactly this type are written; found once for each type."""
    user = codec_objects.user_encoder(cls)
    if user is not None:
        return cls, user, True
    if codec_objects.is_enum(cls):
        return cls, codec_objects.enum_encoder(cls), False
    for base in mro(cls):
        native = codec_objects.NATIVE.get(id(base))
        if native is not None:
            return cls, codec_objects.subclass_encoder(cls, native), True
        for table, container in ((_CONTAINERS, True), (_LEAVES, False)):
            for path, encoder in table.items():
                module, _, name = path.rstrip("+").partition(":")
                if loaded(module, name) is not base:
                    continue
                if base is cls or path.endswith("+"):
                    return cls, encoder, container
                return cls, codec_objects.subclass_encoder(cls, encoder), True
    return cls, codec_objects.object_encoder(cls), True


class Encoding:
    """One run of `encode`: what the encoders of the kinds may ask for."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.kept: dict[int, tuple[Any, list[Any]]] = {}

    def default(self, o: Any) -> Any:
        """What msgpack packs in the place of a value it has no type for."""
        cls = type(o)
        if cls is tuple:
            return [_TUPLE, *o]
        if cls is int:
            return big_int(o)
        plan = _plans.get(id(cls))
        if plan is None:
            plan = _plans[id(cls)] = _plan(cls)
        payload = plan[1](o, self)
        if plan[2] or payload[0] is _OBJECT_ARRAY:
            self.made.append(payload)
        return payload

    def pack(self, o: Any, default: Callable[[Any], Any]) -> bytes:
        """One pass of the C packer; text with lone surrogates takes a second one."""
        try:
            return packb(o, strict_types=True, default=default)  # type: ignore[no-any-return]
        except UnicodeEncodeError:
            return packb(o, strict_types=True, default=default, unicode_errors="surrogatepass")  # type: ignore[no-any-return]

    def nested(self, o: Any) -> bytes:
        """The encoding of a part, as a sort key."""
        return self.pack(o, self.lifting)

    def encodable(self, o: Any) -> bool:
        """Whether a part that may be left out has an encoding."""
        try:
            self.pack(o, self.default)
        except Exception:
            return False
        return True

    def opaque(self, o: Any) -> list[Any]:
        """The stand-in for a part that has no encoding: its type or, for a function or class, its name."""
        if callable(o):
            return codec_std.wire("opaque", f"{o.__module__}.{o.__qualname__}", None)
        return codec_std.wire("opaque", type_name(type(o)), None)

    def lifting(self, o: Any) -> Any:
        """`default` for values that hold bytearrays or memoryviews, which msgpack would write as bytes."""
        payload = self.default(o)
        if type(payload) is not list:
            return payload
        container = type(o) is tuple or payload[0] is _OBJECT_ARRAY or _plans[id(type(o))][2]
        return [self.lift(item) for item in payload] if container else payload

    def lift(self, o: Any) -> Any:
        """Replace bytearrays and memoryviews in native containers by their wire lists."""
        cls = type(o)
        if cls is bytearray or cls is memoryview:
            return self.default(o)
        if cls is list:
            return [self.lift(item) for item in o]
        if cls is dict:
            return {self.lift_key(key): self.lift(value) for key, value in o.items()}
        return o

    def lift_key(self, key: Any) -> Any:
        """A memoryview is hashable and may be a key; its wire list is not, so it travels in a tuple."""
        return _Marked(self.default(key)) if type(key) is memoryview else key


class _Marked:
    """A wire list that can be the key of a dict."""

    def __init__(self, payload: list[Any]) -> None:
        self.payload = payload


_reset_plans()


def encode(obj: object, root: str = "result") -> bytes:
    """The bytes of a value. Iterators in it are consumed up to their first 1001 items.

    Args:
        obj: Any value of the kinds in docs/codec.md.
        root: How an error names the value itself.

    Raises:
        Unencodable: Something inside has no encoding, is part of a cycle, or lies deeper than `MAX_DEPTH`.
    """
    run = Encoding()
    try:
        data = run.pack(obj, run.default)
        # Any of these bytes may start binary data, which is bytes or, rarely, a type that must stay apart.
        if (b"\xc4" in data or b"\xc5" in data or b"\xc6" in data) and _has_buffers([obj, *run.made]):
            lifted = run.lift(obj)
            data = run.pack(lifted, run.lifting)
    except MemoryError:
        raise
    except Exception as error:
        raise explain(run, obj, root, error) from None
    return data


_BUFFERS = {bytearray, memoryview}
_ARRAYS = {list, tuple}


def _has_buffers(level: list[Any]) -> bool:
    """Whether a bytearray or a memoryview lies in these values, level by level at the speed of C loops."""
    while level:
        try:
            types: set[Any] = set(map(type, level))
        except TypeError:  # a metaclass without a hash
            types = {list, tuple, dict} | {x for x in _BUFFERS if any(type(y) is x for y in level)}
        if not types.isdisjoint(_BUFFERS):
            return True
        lower: list[Any] = []
        if not types.isdisjoint(_ARRAYS):
            arrays = [x for x in level if type(x) is list or type(x) is tuple] if len(types) > 1 else level
            lower.extend(chain.from_iterable(arrays))
        if dict in types:
            for x in level:
                if type(x) is dict:
                    lower.extend(x.keys())
                    lower.extend(x.values())
        level = lower
    return False


class _Mark:
    """What a mark is while the array that it starts is still being read."""

    __slots__ = ("build", "kind", "sequence")

    def __init__(self, kind: str, build: Callable[..., Any]) -> None:
        self.kind = kind
        self.sequence = kind in SEQUENCES
        self.build = build


_LIVE_MARKS = [
    _Mark(kind, {"tuple": tuple, "set": set, "frozenset": frozenset}.get(kind) or _LIVE[kind])
    for kind in KINDS
]
_PLAIN_MARKS = [_Mark(kind, Tagged) for kind in KINDS]


class _Reader:
    """The hooks of one decoding, and the count of marks that have not yet found their array."""

    def __init__(self, marks: list[_Mark]) -> None:
        self.marks = marks
        self.open = 0

    def extension(self, code: int, data: bytes) -> Any:
        if code == MARK and len(data) == 1 and data[0] < len(KINDS):
            self.open += 1
            return self.marks[data[0]]
        if code == BIG_INT and len(data) >= 8:
            return int.from_bytes(data, "little", signed=True)
        raise Malformed(f"extension {code}")

    def live(self, items: list[Any]) -> Any:
        if items and type(items[0]) is _Mark:
            mark = items[0]
            self.open -= 1
            if mark.sequence:
                del items[0]
                return mark.build(items)
            _, name, value = items
            return mark.build(name, value)
        return items

    def plain(self, items: list[Any]) -> Any:
        if items and type(items[0]) is _Mark:
            mark = items[0]
            self.open -= 1
            if mark.sequence:
                del items[0]
                return Tagged(mark.kind, "", items)
            if len(items) != 3 or type(items[1]) is not str:
                raise Malformed(f"{mark.kind} of {len(items)} parts")
            return Tagged(mark.kind, items[1], items[2])
        return items


def decode_live(data: bytes) -> Any:
    """Build the real value. Only ever called inside the sandbox: it imports what the value names.

    Raises:
        Unresolvable: A class or function that the value names cannot be imported here.
    """
    reader = _Reader(_LIVE_MARKS)
    return unpackb(
        data,
        ext_hook=reader.extension,
        list_hook=reader.live,
        strict_map_key=False,
        unicode_errors="surrogatepass",
    )


def decode_plain(data: bytes) -> Any:
    """Read untrusted bytes as plain data: scalars, lists, dicts with scalar keys, and `Tagged` for all else.

    Memory is at most about 64 times the length of the data; nesting is limited to `MAX_DEPTH`.

    Raises:
        Malformed: No encoder wrote this.
    """
    reader = _Reader(_PLAIN_MARKS)
    try:
        # An array may claim more items than there are bytes; a dry run costs little and allocates nothing.
        probe = Unpacker(max_buffer_size=max(len(data), 1))
        probe.feed(data)
        probe.skip()
        value = unpackb(
            data,
            ext_hook=reader.extension,
            list_hook=reader.plain,
            object_pairs_hook=_plain_dict,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=2,
        )
    except Malformed:
        raise
    except Exception as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:200]) from None
    if reader.open:
        raise Malformed("a mark outside of its place")
    return value


_KEYS = {type(None), bool, int, float, str, bytes}


def _plain_dict(pairs: list[tuple[Any, Any]]) -> Any:
    found: dict[Any, Any] = {}
    if _KEYS.issuperset(type(key) for key, _ in pairs):
        found.update(pairs)
        if len(found) != len(pairs):
            raise Malformed("a dict with a key twice")
        return found
    return Tagged("dict", "", [[key, value] for key, value in pairs])


def canonical(value: Any) -> bytes:
    """Bytes by which plain data (of `decode_plain`) can be sorted and looked up; types stay apart.

    Raises:
        ValueError: Nested deeper than `MAX_DEPTH`.
    """

    def default(o: Any) -> Any:
        return big_int(o) if type(o) is int else [MARKS.get(o.kind), o.name, o.value]

    return packb(value, strict_types=True, default=default, unicode_errors="surrogatepass")  # type: ignore[no-any-return]


def register(type_name: str, encode_fn: Callable[[Any], Any], decode_fn: Callable[[Any], Any]) -> None:
    """Add a codec for a class of the user's and its subclasses; it goes before every built-in kind.

    Args:
        type_name: "module.Class".
        encode_fn: From an instance to a value of the kinds in docs/codec.md.
        decode_fn: From that value back to an instance.
    """
    codec_objects.USER[type_name] = (encode_fn, decode_fn)
    _reset_plans()


def unregister(type_name: str) -> None:
    """Take a registered codec back."""
    del codec_objects.USER[type_name]
    _reset_plans()


def load_user_codec(path: str) -> None:
    """Run a file that defines `CODECS = {"module.Class": (to_plain, from_plain)}` and register what it defines.

    Raises:
        ValueError: The file defines no such table.
    """
    spec = importlib.util.spec_from_file_location("codeopt_user_codec", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    codecs = getattr(module, "CODECS", None)
    if not isinstance(codecs, dict):
        raise ValueError(f"{path} defines no dict CODECS")
    for name, pair in codecs.items():
        to_plain, from_plain = pair
        register(name, to_plain, from_plain)
