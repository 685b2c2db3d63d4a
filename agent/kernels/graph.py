"""A module's graph, as the reference's process wrote it down (sandbox/runner/kernel_graph.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeopt.sandbox.runner.kernel_graph import MOST

Dim = int | str
"""A size: a number, or an expression of the graph's symbols as Python text ("8*s0")."""


@dataclass(frozen=True)
class Ref:
    """Another node's answer."""

    name: str


@dataclass(frozen=True)
class Expr:
    """A number that depends on sizes."""

    text: str


@dataclass(frozen=True)
class Symbol:
    """A size that is left open.

    Attributes:
        hint: What it was when the module was traced.
        low, high: The least and the most that the trace holds for; None is no end.
    """

    hint: int
    low: int = 0
    high: int | None = None


@dataclass(frozen=True)
class Node:
    """One operation or one given tensor.

    Attributes:
        kind: CALL, USER_INPUT, PARAMETER, BUFFER or CONSTANT_TENSOR.
        op: "aten.mul.Tensor".
        args, kwargs: Numbers, text, lists, Ref, Expr, {"dtype": name}, {"device": kind}.
        dtype, shape: Of its tensor; "" where it is none.
        path: Of a parameter or buffer: its attribute.
        position: Of an input: which argument it is.
        value: Of an input that is no tensor, and of a constant that is no attribute: the value.
    """

    name: str
    kind: str
    op: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = ""
    shape: tuple[Dim, ...] = ()
    path: str = ""
    position: int = -1
    value: Any = None


@dataclass(frozen=True)
class Graph:
    """All nodes in order.

    Attributes:
        outputs: What the module answers with: one Ref for each tensor.
        single: It answers with a tensor, not with a tuple of them.
        training: The module's mode when it was traced.
        dynamic: Sizes of inputs and weights are symbols where the module lets them.
        facts: Plain attributes of the module that its forward reads: the trace holds for these values.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[Ref, ...]
    symbols: Mapping[str, Symbol]
    single: bool = True
    training: bool = False
    dynamic: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> tuple[Node, ...]:
        """Parameters and buffers."""
        return tuple(node for node in self.nodes if node.kind in ("PARAMETER", "BUFFER") and node.path)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The module's arguments, in order."""
        return tuple(sorted((node for node in self.nodes if node.kind == "USER_INPUT"), key=lambda node: node.position))


class Unsupported(Exception):
    """This graph, or this part of it, is beyond the rules."""


def too_large() -> Unsupported:
    """What is said of more than `MOST` operations."""
    return Unsupported(f"a graph of more than {MOST} operations: a loop over many steps is better written as operations on whole tensors")


def read(plain: Mapping[str, Any]) -> Graph:
    """The graph from plain data. Raises Unsupported where it is too large, or an output is no tensor."""
    if plain.get("large"):
        raise too_large()
    nodes = []
    for row in plain["nodes"]:
        own = row.get("own", True)
        nodes.append(
            Node(
                name=row["name"],
                kind=row["kind"],
                op=row.get("op", ""),
                args=tuple(_value(item) for item in row.get("args", ())),
                kwargs={key: _value(item) for key, item in row.get("kwargs", {}).items()},
                dtype=row["dtype"],
                shape=tuple(row["shape"]),
                path=row.get("path", "") if own else "",
                position=row.get("position", -1),
                value=row.get("value"),
            )
        )
    outputs = tuple(_value(item) for item in _flat(plain["outputs"]))
    if not outputs or not all(isinstance(item, Ref) for item in outputs):
        raise Unsupported("an answer that is no tensor")
    if not plain["flat"]:
        raise Unsupported("an answer that is neither a tensor nor a tuple of them")
    facts = {str(path): _value(value) for path, value in plain.get("facts", ())}
    symbols = {name: Symbol(int(row["hint"]), int(row["low"]), row["high"]) for name, row in plain["symbols"].items()}
    return Graph(tuple(nodes), outputs, symbols, bool(plain["single"]), bool(plain["training"]), bool(plain["dynamic"]), facts)


def _flat(outputs: Any) -> Sequence[Any]:
    return [item for part in outputs for item in _flat(part)] if isinstance(outputs, list | tuple) else [outputs]


def _value(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return [_value(part) for part in item]
    if isinstance(item, Mapping):
        if set(item) == {"ref"}:
            return Ref(item["ref"])
        if set(item) == {"expr"}:
            return Expr(item["expr"])
        return {key: _value(part) for key, part in item.items()}
    return item
