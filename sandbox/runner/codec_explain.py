"""Finds what in a value has no encoding, after `encode` has failed: slow, exact, and never recursive."""

from __future__ import annotations

from typing import Any

from msgpack import ExtType  # type: ignore[import-untyped]

from .codec_hosts import type_name
from .codec_wire import KINDS, MARKS, MAX_DEPTH, SEQUENCES, Unencodable

_LEAVES = (type(None), bool, int, float, str, bytes)


class _Node:
    """A place in the value: the way to it is read back from its ancestors."""

    __slots__ = ("above", "depth", "piece", "value")

    def __init__(self, value: Any, piece: str, above: _Node | None) -> None:
        self.value = value
        self.piece = piece
        self.above = above
        self.depth: int = above.depth + 1 if above else 1

    def path(self) -> str:
        pieces = []
        node: _Node | None = self
        while node:
            pieces.append(node.piece)
            node = node.above
        if len(pieces) > 12:
            pieces[6:-6] = ["…"]
        return "".join(reversed(pieces))

    def in_cycle(self) -> bool:
        node = self.above
        while node:
            if node.value is self.value:
                return True
            node = node.above
        return False


def explain(run: Any, obj: object, root: str, error: Exception) -> Unencodable:
    """The first place that `run` (an `Encoding`) cannot encode, or the error itself where every place can be."""
    todo = [_Node(obj, root, None)]
    seen: dict[int, Any] = {}
    while todo:
        node = todo.pop()
        value, cls = node.value, type(node.value)
        if cls in _LEAVES or cls is ExtType:
            continue
        if node.in_cycle():
            return Unencodable(node.path(), f"{type_name(cls)} that contains itself")
        if node.depth > MAX_DEPTH:
            return Unencodable(node.path(), f"{type_name(cls)} nested too deeply")
        if id(value) in seen:
            continue
        seen[id(value)] = value
        try:
            children = _children(run, node)
        except Unencodable as found:
            return Unencodable(node.path(), found.type_name)
        except Exception as found:
            return Unencodable(node.path(), f"{type_name(cls)} ({type(found).__name__}: {str(found)[:120]})")
        todo.extend(reversed(children))
    if "recursion" in str(error):
        return Unencodable(root, f"{type_name(type(obj))} with values nested too deeply")
    return Unencodable(root, f"{type_name(type(obj))} ({type(error).__name__}: {str(error)[:120]})")


def _children(run: Any, node: _Node) -> list[_Node]:
    value, cls = node.value, type(node.value)
    if cls is list or cls is tuple:
        return [_Node(item, f"[{i}]", node) for i, item in enumerate(value)]
    if cls is dict:
        return _entries(value, node)
    if cls is set or cls is frozenset:
        return [_Node(item, "{…}", node) for item in value]
    if cls is bytearray or cls is memoryview:
        return []
    payload = run.default(value)
    if type(payload) is not list:
        return []
    kind = KINDS[payload[0].data[0]]
    if kind in SEQUENCES:
        return [_Node(item, "{…}", node) for item in payload[1:]]
    inner = payload[2]
    if kind == "object":
        return _attributes(inner, node)
    if kind == "subclass":
        base = inner[0]
        if type(base) is list and base and base[0] is MARKS["tuple"]:
            base = tuple(base[1:])
        return [_Node(base, "", node), *_attributes(inner[1] or {}, node)]
    if type(inner) is dict:
        return _entries(inner, node)
    if type(inner) is list:
        return [_Node(item, "", node) for item in inner]
    return [_Node(inner, "", node)]


def _attributes(state: dict[str, Any], node: _Node) -> list[_Node]:
    return [_Node(item, f".{name}", node) for name, item in state.items()]


def _entries(value: dict[Any, Any], node: _Node) -> list[_Node]:
    keys = [_Node(key, f" key {_short(key)}", node) for key in value if type(key) not in _LEAVES]
    return keys + [_Node(item, f"[{_short(key)}]", node) for key, item in value.items()]


def _short(key: Any) -> str:
    return repr(key)[:40] if type(key) in _LEAVES else type_name(type(key))
