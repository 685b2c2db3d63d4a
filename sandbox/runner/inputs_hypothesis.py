"""Shapes as Hypothesis strategies, drawn from a seed without a database, a deadline or a search for failures."""

from __future__ import annotations

import random
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .inputs_guess import Parameter, call_of
from .inputs_random import Maker
from .inputs_shapes import Shape, from_constructor

LONGEST = 20
# Hypothesis's own alphabet takes seconds to build in a fresh sandbox. Accents, combining marks, case that changes
# length, digits of other scripts, spaces that are not " ", controls, what lies outside of 16 bits.
UNUSUAL = "éßżİıŉ漢かעم٣Ⅷ½😀👩\u0301\u200b\u200d\u2028\u0085\xa0\ufeff\x00\x1c\t\n\r\"'\\"


def available() -> bool:
    try:
        from hypothesis import given  # noqa: F401
    except ImportError:
        return False
    return True


def strategy(shape: Shape, depth: int = 0) -> Any:
    """A strategy for the values of a shape. Seen values and constants are mixed in."""
    import hypothesis.strategies as st

    base = _base(shape, depth, st)
    plain = [value for value in shape.seen if shape.kind in ("int", "float", "str", "bytes")]
    if plain and shape.order == "choice":
        return st.one_of(*[st.sampled_from(plain)] * 4, base)
    if plain:
        return st.one_of(base, st.sampled_from(plain))
    return base


def _base(shape: Shape, depth: int, st: Any) -> Any:
    kind = shape.kind
    longest = LONGEST if depth == 0 else 6
    if kind == "int":
        if shape.low is not None and shape.high is not None:
            low, high = int(shape.low), int(shape.high)
            wide = max(2, high - low)
            near = st.integers(0 if low >= 0 else low - wide, high + wide)
            return st.one_of(near, st.integers(low, high), st.integers(-1000, 1000))
        return st.one_of(st.integers(-20, 20), st.integers(0, 100), st.integers(-(10**9), 10**9))
    if kind == "any":
        return st.integers(-9, 99)
    if kind == "float":
        return st.one_of(st.floats(-1e6, 1e6), st.integers(-100, 100).map(float))
    if kind == "str":
        alphabet = sorted(set("".join(text for text in shape.seen if isinstance(text, str)))) or list("abc")
        return st.one_of(
            st.text(st.sampled_from(alphabet), max_size=longest),
            st.text(st.sampled_from("abAB01 .,-"), max_size=longest),
            st.text(st.one_of(st.sampled_from(UNUSUAL), st.integers(0, 0xD7FF).map(chr)), max_size=longest // 2),
        )
    if kind == "bytes":
        return st.binary(max_size=longest)
    if kind == "bool":
        return st.booleans()
    if kind == "none":
        return st.none()
    if kind == "complex":
        return st.complex_numbers(max_magnitude=1e6, allow_nan=False)
    if kind in ("decimal", "date", "datetime", "fraction", "timedelta"):
        return _named(kind, st)
    if kind in ("choice", "enum", "sample"):
        return st.sampled_from(shape.seen)
    if kind == "union":
        return st.one_of([strategy(part, depth) for part in shape.parts])
    if kind == "tuple":
        return st.tuples(*[strategy(part, depth + 1) for part in shape.parts])
    if kind == "record":
        return st.fixed_dictionaries({n: strategy(p, depth + 1) for n, p in zip(shape.names, shape.parts)})
    if kind == "dict":
        return st.dictionaries(
            strategy(shape.parts[0], depth + 1), strategy(shape.parts[1], depth + 1), max_size=8
        )
    if kind in ("list", "tuples", "deque", "set", "frozenset"):
        return _collection(shape, depth, longest, st)
    if kind == "object":
        fields = {n: strategy(p, depth + 1) for n, p in zip(shape.names, shape.parts)}
        return st.builds(shape.cls, **fields)
    if kind == "recur":
        return (
            st.deferred(lambda: strategy(from_constructor(shape.cls), depth + 1))
            if depth < 8
            else st.nothing()
        )
    # Arrays and frames: Hypothesis draws the size and the seed, our own maker the contents.
    return st.tuples(st.integers(0, 12), st.integers(0, 2**32)).map(
        lambda pair: Maker(random.Random(pair[1]), pair[0], "value").draw(shape, pair[0])
    )


def _named(kind: str, st: Any) -> Any:
    return {
        "decimal": lambda: st.decimals(-(10**6), 10**6, places=2),
        "date": st.dates,
        "datetime": st.datetimes,
        "fraction": lambda: st.fractions(-1000, 1000, max_denominator=1000),
        "timedelta": st.timedeltas,
    }[kind]()


def _collection(shape: Shape, depth: int, longest: int, st: Any) -> Any:
    inner = strategy(shape.parts[0], depth + 1)
    if shape.kind in ("set", "frozenset"):
        return (st.sets if shape.kind == "set" else st.frozensets)(inner, max_size=longest)
    lists = st.lists(inner, max_size=longest)
    if shape.order == "distinct" or shape.order == "permutation":
        lists = st.lists(inner, max_size=longest, unique_by=repr)
    if shape.order == "sorted":
        lists = lists.map(sorted)
    if shape.parts[0].kind == "int" and not shape.order:
        few = st.lists(st.integers(0, 4), max_size=longest)
        ordered = lists.map(sorted)
        lists = st.one_of(lists, few, ordered)
    if shape.kind == "tuples":
        return lists.map(tuple)
    if shape.kind == "deque":
        from collections import deque

        return lists.map(deque)
    return lists


def draw(
    parameters: Sequence[Parameter],
    shapes: Sequence[Shape],
    seed: int,
    count: int,
    take: Callable[[dict[str, Any]], bool],
) -> str:
    """Draw up to `count` calls and hand each to `take` until it says that it has enough.

    Returns:
        "" or one line that says why drawing stopped early.
    """
    import hypothesis
    import hypothesis.configuration
    import hypothesis.strategies as st

    hypothesis.configuration.set_hypothesis_home_dir(tempfile.gettempdir() + "/codeopt-hypothesis")
    fields: list[Any] = []
    for parameter, shape in zip(parameters, shapes):
        one = strategy(shape)
        fields.append(st.one_of(st.just(_LEFT_OUT), one) if parameter.optional else one)
    done = False

    def body(values: Any) -> None:
        nonlocal done
        if done:
            return
        chosen = {p.name: value for p, value in zip(parameters, values) if value is not _LEFT_OUT}
        done = take(call_of(parameters, chosen))

    settings = hypothesis.settings(
        max_examples=count,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    test = hypothesis.seed(seed)(settings(hypothesis.given(st.tuples(*fields))(body)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            test()
        except (
            Exception
        ) as error:  # a strategy that cannot be drawn, a constructor that refuses its own fields
            return "%s: %s" % (type(error).__name__, str(error).splitlines()[0][:200] if str(error) else "")
    return ""


class _LeftOut:
    def __repr__(self) -> str:
        return "(left out)"


_LEFT_OUT = _LeftOut()
