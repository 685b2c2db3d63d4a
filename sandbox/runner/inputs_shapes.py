"""What values look like: a small description from which strategies, generators and edge cases are made.

A Shape comes from a type hint, from values that were seen (docstring examples, recorded calls), or from how a
parameter is used; the three are merged, values seen last, because they are the best evidence.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import inspect
import pathlib
import typing
from collections.abc import Sequence
from typing import Any

DEEP = 4
SCALARS = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    bytes: "bytes",
    complex: "complex",
    type(None): "none",
    decimal.Decimal: "decimal",
    fractions.Fraction: "fraction",
    datetime.date: "date",
    datetime.datetime: "datetime",
    datetime.timedelta: "timedelta",
    pathlib.Path: "path",
}
LISTS = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Iterator,
    collections.deque,
)
DICTS = (
    dict,
    collections.abc.Mapping,
    collections.abc.MutableMapping,
    collections.defaultdict,
    collections.OrderedDict,
)
SETS = (set, collections.abc.Set, collections.abc.MutableSet)


@dataclasses.dataclass
class Shape:
    """One kind of value.

    Attributes:
        kind: "int", "list", "record", "union", … "any" says that nothing is known.
        parts: Shapes inside: the element; key and value; the fields; the alternatives.
        names: Field names of a record, an object or a frame.
        cls: The class of an object or enum.
        seen: Values worth using again (constants of the code, examples).
        low, high: Bounds of the numbers seen.
        order: "sorted", "distinct" or "permutation": what all sequences seen had in common.
        longest: Length of the longest container or string seen.
    """

    kind: str
    parts: list[Shape] = dataclasses.field(default_factory=list)
    names: list[str] = dataclasses.field(default_factory=list)
    cls: Any = None
    seen: list[Any] = dataclasses.field(default_factory=list)
    low: float | None = None
    high: float | None = None
    order: str = ""
    longest: int = 0

    def text(self) -> str:
        """How the shape reads in a report: list[int], dict[str, list[int]]."""
        if self.kind in ("object", "enum"):
            return str(self.cls.__name__)
        if self.kind in ("record", "frame"):
            return "%s(%s)" % (self.kind, ", ".join(self.names[:4]))
        if not self.parts:
            return self.kind
        joint = " | " if self.kind == "union" else ", "
        inner = joint.join(part.text() for part in self.parts)
        return inner if self.kind == "union" else "%s[%s]" % (self.kind, inner)

    def known(self) -> bool:
        return self.kind != "any" and all(part.known() for part in self.parts)


def of(kind: str, *parts: Shape) -> Shape:
    return Shape(kind, list(parts))


def from_hint(hint: Any, depth: int = 0) -> Shape:
    """The shape that a type hint describes; "any" where it says nothing."""
    if hint is None:
        return of("none")
    if isinstance(hint, typing.TypeVar):
        if hint.__constraints__:
            return from_hint(hint.__constraints__[0], depth)
        return from_hint(hint.__bound__, depth) if hint.__bound__ else of("any")
    if hasattr(hint, "__supertype__"):
        return from_hint(hint.__supertype__, depth)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return _from_class(hint, depth)
    if origin is getattr(typing, "Annotated", None) or hasattr(hint, "__metadata__"):
        return from_hint(args[0], depth)
    if origin is typing.Literal:
        return Shape("choice", seen=list(args))
    if origin is typing.Union or getattr(origin, "__name__", "") == "UnionType":
        return Shape("union", [from_hint(arg, depth) for arg in args])
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return Shape("tuples", [from_hint(args[0], depth + 1)])
        return Shape("tuple", [from_hint(arg, depth + 1) for arg in args if arg != ()])
    inner = [from_hint(arg, depth + 1) for arg in args if isinstance(origin, type) and arg is not Ellipsis]
    if origin in LISTS:
        return Shape("list", inner[:1] or [of("any")])
    if origin in DICTS:
        return Shape("dict", inner[:2] if len(inner) >= 2 else [of("any"), of("any")])
    if origin is collections.Counter:
        return Shape("dict", [inner[0], of("int")])
    if origin in SETS or origin is frozenset:
        return Shape("frozenset" if origin is frozenset else "set", inner[:1] or [of("any")])
    return _from_class(origin, depth)


def _from_class(hint: Any, depth: int) -> Shape:
    if hint in SCALARS:
        return of(SCALARS[hint])
    if not isinstance(hint, type):
        return of("any")
    if hint in LISTS or hint in DICTS or hint in SETS or hint in (tuple, frozenset):
        if hint in DICTS:
            return of("dict", of("any"), of("any"))
        kind = {tuple: "tuples", frozenset: "frozenset"}.get(hint, "set" if hint in SETS else "list")
        return of(kind, of("any"))
    module = hint.__module__.split(".")[0]
    if module == "numpy":
        return of("array", of("float")) if hint.__name__ == "ndarray" else of("any")
    if module == "pandas" and hint.__name__ in ("DataFrame", "Series"):
        return of("frame" if hint.__name__ == "DataFrame" else "series")
    if issubclass(hint, enum.Enum):
        return Shape("enum", cls=hint, seen=list(hint))
    if hint in (object, type) or depth > DEEP or module in ("builtins", "typing", "collections"):
        return of("any")
    return from_constructor(hint, depth)


RECURSIVE_NAMES = ("left", "right", "next", "child")
_open: list[type] = []


def from_constructor(cls: type, depth: int = 0) -> Shape:
    """An object, described by the parameters of its constructor that have no default or a hint.

    A class inside itself (a tree, a linked list) is "recur": how deep it goes is decided when a value is drawn.
    """
    if cls in _open:
        return Shape("recur", cls=cls)
    _open.append(cls)
    try:
        return _constructor(cls, depth)
    finally:
        _open.pop()


def _constructor(cls: type, depth: int) -> Shape:
    try:
        parameters = list(inspect.signature(cls).parameters.values())
    except (TypeError, ValueError):
        return of("any")
    by_fields = dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")
    hints = hints_of(cls if by_fields else inspect.getattr_static(cls, "__init__"))
    names, parts = [], []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        hint = hints.get(parameter.name, inspect.Parameter.empty)
        if hint is parameter.empty and parameter.default is None and parameter.name in RECURSIVE_NAMES:
            names.append(parameter.name)
            parts.append(Shape("union", [of("none"), Shape("recur", cls=cls)]))
            continue
        if hint is inspect.Parameter.empty and parameter.default is not parameter.empty:
            continue
        part = of("any") if hint is parameter.empty else from_hint(hint, depth + 1)
        if parameter.default is not parameter.empty and not part.known():
            continue
        names.append(parameter.name)
        parts.append(part)
    return Shape("object", parts, names, cls)


def hints_of(thing: Any) -> dict[str, Any]:
    """get_type_hints, or what can be had of it when a name in an annotation does not resolve."""
    try:
        return typing.get_type_hints(thing)
    except Exception:  # an annotation can be any expression and raise anything
        found = {}
        scope = getattr(inspect.unwrap(thing), "__globals__", {}) if callable(thing) else {}
        for name, hint in dict(getattr(thing, "__annotations__", {})).items():
            if not isinstance(hint, str):
                found[name] = hint
                continue
            try:
                found[name] = eval(hint, {**vars(typing), **scope})  # the user's own annotation, in the sandbox
            except Exception:
                continue
        return found


def from_values(values: Sequence[Any], depth: int = 0) -> Shape:
    """The shape that all these values share; a union where they differ."""
    values = list(values)
    if not values or depth > DEEP + 2:
        return of("any")
    groups: dict[type, list[Any]] = {}
    for value in values:
        groups.setdefault(type(value), []).append(value)
    if int in groups and float in groups and len(groups) == 2:
        groups = {float: groups[float] + groups[int]}
    shapes = [_from_group(cls, group, depth) for cls, group in groups.items()]
    return shapes[0] if len(shapes) == 1 else Shape("union", shapes)


def _from_group(cls: type, group: list[Any], depth: int) -> Shape:
    seen = _distinct(group)
    if cls in (int, float):
        finite = [value for value in group if value == value and abs(value) != float("inf")] or [0]
        return Shape(SCALARS[cls], seen=seen, low=min(finite), high=max(finite))
    if cls in (str, bytes):
        return Shape(SCALARS[cls], seen=seen, longest=max(map(len, group)))
    if cls in SCALARS:
        return Shape(SCALARS[cls], seen=seen)
    if isinstance(group[0], pathlib.PurePath):
        return Shape("path", seen=seen)
    if cls is list or cls is collections.deque or (cls is tuple and not _fixed(group)):
        inner = from_values([item for value in group for item in list(value)[:200]], depth + 1)
        kind = "list" if cls is list else ("deque" if cls is not tuple else "tuples")
        longest = max(map(len, group))
        return Shape(kind, [inner], seen=seen, order=order_of(group), longest=longest)
    if cls is tuple:
        return Shape("tuple", [from_values(column, depth + 1) for column in zip(*group)], seen=seen)
    if cls in (set, frozenset):
        inner = from_values([item for value in group for item in value], depth + 1)
        return Shape(cls.__name__, [inner], seen=seen, longest=max(map(len, group)))
    if isinstance(group[0], dict):
        return _from_dicts(group, seen, depth)
    if issubclass(cls, enum.Enum):
        return Shape("enum", cls=cls, seen=list(cls))
    module = cls.__module__.split(".")[0]
    if module == "numpy" and hasattr(group[0], "dtype"):
        return Shape("array", [of("int" if group[0].dtype.kind in "iu" else "float")], seen=group)
    if module == "pandas" and cls.__name__ in ("DataFrame", "Series"):
        kind = "frame" if cls.__name__ == "DataFrame" else "series"
        return Shape(kind, names=[str(name) for name in getattr(group[0], "columns", [])], seen=group)
    if dataclasses.is_dataclass(cls):
        names = [field.name for field in dataclasses.fields(cls) if field.init]
        columns = [[getattr(value, name) for value in group] for name in names]
        return Shape("object", [from_values(column, depth + 1) for column in columns], names, cls, seen)
    return Shape("sample", cls=cls, seen=group)


def _from_dicts(group: list[dict[Any, Any]], seen: list[Any], depth: int) -> Shape:
    keys = [list(value) for value in group]
    common = keys[0]
    if common and all(isinstance(key, str) for key in common) and all(set(one) == set(common) for one in keys):
        kinds = {type(value) for item in group for value in item.values()}
        if len(kinds) > 1 or len(group) > 1:
            parts = [from_values([item[key] for item in group], depth + 1) for key in common]
            return Shape("record", parts, list(common), seen=seen)
    inner = [
        from_values([key for one in keys for key in one], depth + 1),
        from_values([value for item in group for value in item.values()], depth + 1),
    ]
    return Shape("dict", inner, seen=seen, longest=max(map(len, group)))


def _fixed(group: list[Any]) -> bool:
    """Tuples of one small length, seen often or of mixed types, are fields rather than a sequence."""
    lengths = {len(value) for value in group}
    if len(lengths) != 1 or not 0 < len(group[0]) <= 8:
        return False
    return len(group) > 1 or len(group[0]) <= 3 or len({type(item) for item in group[0]}) > 1


def order_of(group: Sequence[Sequence[Any]]) -> str:
    """What all sequences of at least three elements have in common."""
    long = [list(value) for value in group if len(value) >= 3]
    if not long:
        return ""
    try:
        if all(all(a <= b for a, b in zip(one, one[1:])) for one in long):  # noqa: RUF007
            return "sorted"
        if all(len(set(one)) == len(one) for one in long):
            ints = all(type(item) is int for one in long for item in one)
            if ints and all(max(one) - min(one) == len(one) - 1 for one in long):
                return "permutation"
            return "distinct" if len(long) > 2 else ""
    except (TypeError, ValueError):
        return ""
    return ""


def _distinct(values: Sequence[Any], limit: int = 30) -> list[Any]:
    kept: list[Any] = []
    texts = set()
    for value in values:
        text = repr(value)[:500]
        if text not in texts and len(kept) < limit:
            texts.add(text)
            kept.append(value)
    return kept


def merge(hint: Shape, observed: Shape) -> Shape:
    """The hint's kinds with what values add; values alone where the hint says nothing."""
    if hint.kind == "any" or observed.kind == "any":
        return observed if hint.kind == "any" else hint
    if hint.kind == "union":
        return dataclasses.replace(
            hint, parts=[merge(part, observed) if _compatible(part, observed) else part for part in hint.parts]
        )
    if not _compatible(hint, observed):
        return hint
    if hint.kind == "dict" and observed.kind == "record":
        return observed
    kept = dataclasses.replace(
        hint, seen=observed.seen, low=observed.low, high=observed.high, order=observed.order, longest=observed.longest
    )
    if hint.parts and len(hint.parts) == len(observed.parts):
        kept.parts = [merge(a, b) for a, b in zip(hint.parts, observed.parts)]
    return kept


def _compatible(hint: Shape, observed: Shape) -> bool:
    if hint.kind == observed.kind:
        return True
    return (hint.kind, observed.kind) in {("dict", "record"), ("list", "tuples"), ("list", "deque"), ("float", "int")}
