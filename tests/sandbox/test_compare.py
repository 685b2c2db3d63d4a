"""The comparator: the same values pass, every other one is found, whatever bytes come back."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import itertools
import math
import random
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeopt.sandbox.compare import Mismatch, compare, compare_text
from codeopt.sandbox.runner.codec import MARKS, Malformed, encode

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.binary(max_size=9)
)
KEYS = st.one_of(
    st.booleans(), st.integers(), st.text(max_size=4), st.tuples(st.integers(), st.text(max_size=2))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(SCALARS, max_size=4),
        st.lists(inner, max_size=3).map(collections.deque),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(collections.OrderedDict),
    ),
    max_leaves=12,
)
Pair = collections.namedtuple("Pair", "x y")


@dataclasses.dataclass
class Order:
    total: object
    lines: object = None


def differ(a: Any, b: Any, **options: Any) -> Mismatch | None:
    return compare(encode(a), encode(b), **options)


def shuffled(value: Any) -> Any:
    """The same value with its dicts filled in another order."""
    if type(value) is dict:
        items = [(k, shuffled(v)) for k, v in value.items()]
        random.Random(0).shuffle(items)
        return dict(items)
    if type(value) in (list, tuple):
        return type(value)(map(shuffled, value))
    return value


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_a_value_is_itself_and_its_dicts_have_no_order(value: Any) -> None:
    assert differ(value, value) is None
    assert differ(value, shuffled(value)) is None


def altered(value: Any, draw: Any) -> Any:
    """The same structure with one leaf, length or type changed for certain."""
    if isinstance(value, (list, tuple, collections.deque)) and value:
        i = draw(st.integers(0, len(value) - 1))
        items = list(value)
        items[i] = altered(items[i], draw)
        return type(value)(items)
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(list(value)))
        return type(value)({**value, key: altered(value[key], draw)})
    if isinstance(value, set) and value:
        return set(list(value)[1:])
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return draw(st.sampled_from([value + 1, -value - 1, float(value) if abs(value) < 2**53 else None]))
    if isinstance(value, float):
        return 0.5 if not math.isfinite(value) else draw(st.sampled_from([math.nan, value * 2 + 1, None]))
    if isinstance(value, str):
        return draw(st.sampled_from([value + "x", value.encode("utf-8", "surrogatepass")]))
    if isinstance(value, bytes):
        return draw(st.sampled_from([value + b"\0", bytearray(value)]))
    return {1} if value is None else [value]


@settings(max_examples=150, deadline=None)
@given(VALUES, st.data())
def test_every_change_is_found(value: Any, data: st.DataObject) -> None:
    found = differ(value, altered(value, data.draw))
    assert found is not None
    assert found.path.startswith("result")
    text = str(found)
    assert "\n" not in text and len(text) < 600
    assert differ(altered(value, data.draw), value) is not None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, 1.0),
        (0, False),
        ([1], (1,)),
        ({1: "a"}, {True: "a"}),
        ({1}, frozenset({1})),
        ({1}, {1.0}),
        (b"a", bytearray(b"a")),
        ("a", b"a"),
        (Pair(1, 2), (1, 2)),
        (Order(1), Order(1.0)),
        ({}, collections.OrderedDict()),
        (collections.Counter("a"), {"a": 1}),
        (collections.defaultdict(int), collections.defaultdict(list)),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
        (collections.deque([1], maxlen=1), collections.deque([1])),
        (math.nan, None),
        (math.nan, 0.0),
        (math.inf, -math.inf),
        (math.inf, 1.7e308),
        (0.1, 0.1 + 1e-7),
        (1e-3, 0.0),
        ({0.1, 0.2}, {0.1, 0.3}),
        ({(1, 2): 3}, {(1, 2): 4}),
        ({(1, 2): 3}, {(1, 3): 3}),
        (2**70, 2**70 + 1),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
        (datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)),
        (datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)),
        (ValueError("a"), ValueError("b")),
        (ValueError("a"), TypeError("a")),
        (ValueError("1"), ValueError(1)),
        (int, float),
        (range(3), [0, 1, 2]),
        (np.float64(1), 1.0),
        (np.float32(1), np.float64(1)),
        (np.arange(3), [0, 1, 2]),
        (np.arange(3), np.arange(3.0)),
        (np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2)),
        (np.arange(3), np.arange(3, dtype="i4")),
        (np.array([1.0, np.nan]), np.array([1.0, 1.0])),
        (np.array([1.0, 1.0]), np.array([1.0, np.nan])),
        (np.array([1.0]), np.array([1.0 + 1e-7])),
        (np.array([1.0], "f4"), np.array([1.001], "f4")),
        (np.array([1j]), np.array([1.1j])),
        (np.array(["a"]), np.array(["b"])),
        (np.array([1, "a"], dtype=object), np.array([1, "b"], dtype=object)),
        (np.array([(1, 2.0)], dtype="i4,f8"), np.array([(1, 2.5)], dtype="i4,f8")),
        (np.array(["2024-01-01"], "M8[D]"), np.array(["NaT"], "M8[D]")),
        (np.zeros((0, 3)), np.zeros((3, 0))),
    ],
)
def test_values_that_differ(a: Any, b: Any) -> None:
    assert differ(a, b) is not None
    assert differ(b, a) is not None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.1 + 0.2, 0.3),
        (-0.0, 0.0),
        (math.nan, -math.nan),
        ([math.nan, math.inf], [math.nan, math.inf]),
        ({0.1 + 0.2, 1.0}, {0.3, 1.0}),
        ({0.1 + 0.2: "a"}, {0.3: "a"}),
        ({(0.1 + 0.2, 1): "a"}, {(0.3, 1): "a"}),
        (complex(0.1 + 0.2, math.nan), complex(0.3, math.nan)),
        ({"a": 1, "b": {2: 3, 1: 1}}, {"b": {1: 1, 2: 3}, "a": 1}),
        ((x for x in "ab"), iter(["a", "b"])),
        (map(abs, [-1, 2]), (x for x in (1, 2))),
        (itertools.count(), itertools.count()),
        ({1: 2, 3: 4}.keys(), {3: 4, 1: 2}.keys()),
        (np.array([0.1 + 0.2, np.nan]), np.array([0.3, np.nan])),
        (np.array([0.0]), np.array([-0.0])),
        (np.array([1.0], "f4"), np.array([1.000001], "f4")),
        (np.array([1.0], "f2"), np.array([1.001], "f2")),
        (np.array([1 + 1j], "c8"), np.array([1 + 1.000001j], "c8")),
        (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0).reshape(2, 3)),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 3], mask=[0, 1])),
        (ValueError("<object object at 0x7f0001>"), ValueError("<object object at 0x7f0002>")),
    ],
)
def test_values_that_count_as_the_same(a: Any, b: Any) -> None:
    assert differ(a, b) is None


def test_a_reordered_sum_passes_and_a_wrong_one_does_not() -> None:
    draw = random.Random(1)
    numbers = [draw.uniform(0, 1) * 10 ** (i % 5) for i in range(5_000)]
    assert sum(numbers) != sum(sorted(numbers))
    assert differ(sum(numbers), sum(sorted(numbers))) is None
    assert differ(sum(numbers), sum(sorted(numbers)), rel=0, abs_=0) is not None
    assert differ(sum(numbers), sum(numbers[:-1])) is not None
    assert differ(np.float32(1), np.nextafter(np.float32(1), np.float32(2)), rel=0, abs_=0) is not None


def test_evidence_names_the_place() -> None:
    long = list(range(10_000))
    changed = [*long[:9_000], -1, *long[9_001:]]
    assert str(differ(long, changed)) == "result[9000]: expected 9000, got -1"
    assert (
        str(differ(Order(1, {"a": (1, 2)}), Order(1, {"a": (1, 3)})))
        == "result.lines['a'][1]: expected 2, got 3"
    )
    assert str(differ(1, True)) == "result: expected 1 (int), got True (bool)"
    assert str(differ([1, 2], [1])) == "result: expected 2 items, got 1 items, first missing at the end: 2"
    text = str(differ("a" * 5000 + "b", "a" * 5000 + "c" * 5000))
    assert "position 5000" in text and len(text) < 250
    matrix = np.zeros((3, 4))
    other = matrix.copy()
    other[1, 2] = other[2, 0] = 0.5
    assert str(differ(matrix, other)) == (
        "result[1, 2]: expected 0.0, got 0.5 (2 of 12 elements differ, by up to 0.5)"
    )
    assert str(differ(ValueError("bad"), KeyError("bad"), root="call 3")).startswith(
        "call 3: expected ValueError: bad"
    )
    assert "10**5" not in str(differ(10**5000, 1)) and len(str(differ(10**5000, 1))) < 120


def test_exceptions_by_type_alone_when_asked() -> None:
    assert differ(ValueError("a"), ValueError("b"), ignore_message=True) is None
    assert differ(ValueError("a"), TypeError("a"), ignore_message=True) is not None


def test_generators_must_end_alike() -> None:
    def fails(error: Exception) -> Any:
        yield 1
        raise error

    assert differ(fails(KeyError("a")), fails(KeyError("a"))) is None
    assert differ(fails(KeyError("a")), fails(ValueError("a"))) is not None
    assert differ(fails(KeyError("a")), iter([1])) is not None
    assert differ(iter(range(1000)), itertools.count()) is not None
    assert differ(iter([1, 2]), iter([1])) is not None


def test_a_malformed_answer_is_a_mismatch_and_a_malformed_expectation_is_not() -> None:
    with pytest.raises(Malformed):
        compare(b"\xc1", encode(1))
    array = MARKS["ndarray"]
    answers = [
        b"",
        b"\xc1",
        b"\x91" * 1020 + b"\x01",
        msgpack.packb([array, "", ["<f8", [2], b"short"]]),
        msgpack.packb([array, "", ["<f8", [10**12], b""]]),
        msgpack.packb([array, "", ["|O", [2], b"x" * 16]]),
        msgpack.packb([array, "", ["no such", [2], b"x" * 16]]),
        msgpack.packb([array, "", None]),
        msgpack.packb([array, "", ["<f8", "xy", 3]]),
        msgpack.packb([MARKS["frame"], "", {"columns": 1}]),
        msgpack.packb([MARKS["range_index"], "", {"name": None, "range": [0, 2**63, 1]}]),
        msgpack.packb([MARKS["set"], [MARKS["set"]]]),
        msgpack.packb([MARKS["exception"], "builtins:ValueError", [1, 2]]),
    ]
    for expected in (np.zeros(2), ValueError("a"), {1}, [1], None):
        for answer in answers:
            found = compare(encode(expected), answer)
            assert found is not None and "\n" not in str(found)


def test_nested_sets_and_huge_answers_do_not_stop_the_judge() -> None:
    nested: Any = 1.0
    for _ in range(60):
        nested = frozenset([nested])
    other: Any = 1.0 + 1e-12
    for _ in range(60):
        other = frozenset([other])
    assert differ(nested, other) is not None
    found = compare(encode([1]), b"\xdd" + (2_000_000).to_bytes(4, "big") + b"\x90" * 2_000_000)
    assert found is not None and "bytes" in str(found)
    many = {i + 0.5 for i in range(3000)}
    assert differ(many, {x * (1 + 1e-13) for x in many}) is None


@settings(max_examples=100, deadline=3000)
@given(VALUES, st.integers(0, 10_000), st.integers(0, 255))
def test_any_answer_gets_a_verdict(value: Any, place: int, byte: int) -> None:
    data = bytearray(encode(value))
    data[place % len(data)] = byte
    found = compare(encode(value), bytes(data))
    assert found is None or "\n" not in str(found)


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        (b"1 2\n3\n", b"1 2  \n3", {}),
        (b"a\r\nb\r\n", b"a\nb\n\n", {}),
        (b"", b"\n", {}),
        (b"1.0 x\n", b"1.0000001   x", {"float_tol": 1e-6}),
        (b"2", b"1.9999999999", {"float_tol": 1e-6}),
        (b"nan inf", b"NaN inf", {"float_tol": 1e-6}),
    ],
)
def test_texts_that_are_the_same(a: bytes, b: bytes, options: dict[str, float]) -> None:
    assert compare_text(a, b, **options) is None


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        (b" 1\n", b"1\n", {}),
        (b"1  2\n", b"1 2\n", {}),
        (b"1\n\n2\n", b"1\n2\n", {}),
        (b"1.0\n", b"1.00\n", {}),
        (b"1\n2\n", b"1\n", {}),
        (b"1\n", b"1\n2\n", {}),
        (b"1 2", b"1", {"float_tol": 1.0}),
        (b"1", b"1 1", {"float_tol": 1.0}),
        (b"100000001", b"100000002", {"float_tol": 1e-3}),
        (b"1.0", b"1.1", {"float_tol": 1e-3}),
        (b"nan", b"1.0", {"float_tol": 1e9}),
        (b"inf", b"1e308", {"float_tol": 1e-3}),
        (b"1e999", b"2e999", {"float_tol": 1e-3}),
        (b"a1.0", b"a1.00000001", {"float_tol": 1e-3}),
        (b"1_0.0", b"10.0", {"float_tol": 1e-3}),
    ],
)
def test_texts_that_differ(a: bytes, b: bytes, options: dict[str, float]) -> None:
    found = compare_text(a, b, **options)
    assert found is not None and "\n" not in str(found)


def test_text_evidence() -> None:
    assert str(compare_text(b"1\n2\n3\n", b"1\n2\n4\n")) == "line 3: expected '3', got '4'"
    assert str(compare_text(b"1\n2\n", b"1\n")) == "line 2: expected '2' (2 lines), got the end (1 lines)"
    assert str(compare_text(b"1.5 2", b"1.5 3", float_tol=0.1)) == "token 2: expected '2', got '3'"
