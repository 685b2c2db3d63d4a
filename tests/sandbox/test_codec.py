"""What goes in comes out, with its types; what cannot go in is named; what nobody wrote is refused."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import functools
import importlib.util
import itertools
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time
import types
import uuid
import zoneinfo
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeopt.sandbox.runner import codec, copies
from codeopt.sandbox.runner.codec import Malformed, Tagged, Unencodable, decode_live, decode_plain, encode


def _load_classes() -> Any:
    spec = importlib.util.spec_from_file_location(
        "codec_classes", Path(__file__).with_name("codec_classes.py")
    )
    assert spec is not None and spec.loader is not None
    module = sys.modules["codec_classes"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cc = _load_classes()

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**200), max_value=2**200),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters()),
    st.binary(max_size=20),
)
HASHABLE = st.one_of(
    SCALARS,
    st.tuples(SCALARS, SCALARS),
    st.frozensets(st.integers(), max_size=3),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
)
VALUES = st.recursive(
    st.one_of(HASHABLE, st.binary(max_size=9).map(bytearray), st.times()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(collections.deque),
        st.lists(inner, max_size=3).map(cc.MyList),
        st.sets(HASHABLE, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(collections.OrderedDict),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(
            lambda d: collections.defaultdict(list, d)
        ),
        st.builds(cc.Pair, inner, inner),
        st.builds(cc.Node, inner, inner),
    ),
    max_leaves=12,
)


def identical(a: Any, b: Any) -> bool:
    """Equality that tells types, the sign of zero and the order of dicts apart; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
    if isinstance(a, complex):
        return identical(a.real, b.real) and identical(a.imag, b.imag)
    if isinstance(a, dict):
        return (
            len(a) == len(b)
            and all(identical(x, y) for x, y in zip(a, b))
            and all(identical(x, y) for x, y in zip(a.values(), b.values()))
            and getattr(a, "default_factory", None) is getattr(b, "default_factory", None)
        )
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, (set, frozenset)):
        return sorted(map(encode, a)) == sorted(map(encode, b))
    if isinstance(a, cc.Node):
        return identical(a.value, b.value) and identical(a.next, b.next)
    return bool(a == b)


def again(value: Any) -> Any:
    return decode_live(encode(value))


@settings(max_examples=120, deadline=None)
@given(VALUES)
def test_every_value_comes_back_with_its_types(value: Any) -> None:
    data = encode(value)
    assert identical(decode_live(data), value)
    assert encode(decode_live(data)) == data
    decode_plain(data)


@pytest.mark.parametrize(
    "value",
    [
        cc.Point(1, 2.5),
        cc.Frozen(1, (2, 3)),
        cc.Slotted(1, "b"),
        cc.Plain(a=[1], b=cc.Plain()),
        cc.Colour.RED,
        cc.Colour.GREEN,
        cc.Access.READ | cc.Access.WRITE,
        cc.Level.LOW,
        cc.MyDict(a=1),
        collections.Counter("abca"),
        collections.deque([1, 2], maxlen=2),
        collections.ChainMap({1: 2}, {3: 4}),
        range(2, 10, 3),
        slice(1, None, (2, 3)),
        ...,
        NotImplemented,
        datetime.datetime(2024, 3, 31, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
        datetime.timezone(datetime.timedelta(hours=2), "somewhere"),
        decimal.Decimal("1.10"),
        decimal.Decimal("-Infinity"),
        fractions.Fraction(1, 3),
        pathlib.Path("/a/b"),
        pathlib.PureWindowsPath("c:\\a"),
        uuid.UUID(int=5),
        re.compile("a+", re.IGNORECASE),
        re.compile(b"a+"),
        array.array("d", [1.5, 2.5]),
        memoryview(b"abc"),
        memoryview(array.array("i", [1, 2])),
        types.SimpleNamespace(a=1),
        types.MappingProxyType({1: 2}),
        time.gmtime(0),
        int,
        type(None),
        types.GeneratorType,
        cc.Colour,
        len,
        str.lower,
        math.sqrt,
        math,
        os.path.join,
    ],
    ids=lambda v: type(v).__name__,
)
def test_values_of_the_standard_library(value: Any) -> None:
    back = again(value)
    assert type(back) is type(value)
    assert back == value
    decode_plain(encode(value))


def test_state_that_equality_does_not_show() -> None:
    assert not hasattr(again(cc.Half(3)), "never") and again(cc.Half(3)).set_ == 3
    noted = cc.MyList([1])
    noted.note = "kept"
    assert vars(again(noted)) == {"note": "kept"}
    assert again(collections.deque([1], maxlen=4)).maxlen == 4
    assert again(collections.defaultdict(list)).default_factory is list
    assert again(functools.partial(int, "11", base=2))() == 3
    generator = random.Random(7)
    assert again(generator).random() == generator.random()
    assert again("x,y".split)(",") == ["x", "y"]
    assert list(again({"b": 1, "a": 2})) == ["b", "a"]
    assert again({1: 2}.keys()) == {1: 2}.keys() and list(again({1: 2}.values())) == [2]


def test_bytes_and_their_lookalikes_stay_apart() -> None:
    value = {
        "a": [b"x", bytearray(b"x"), (memoryview(b"x"), {b"k": bytearray()})],
        memoryview(b"k"): cc.Node(bytearray(b"\xc4")),
    }
    back = again(value)
    assert back == value
    kinds = [type(x) for x in back["a"][:2]] + [type(back["a"][2][0]), type(back["a"][2][1][b"k"])]
    assert kinds == [bytes, bytearray, memoryview, bytearray]
    assert memoryview in map(type, back) and type(back[b"k"].value) is bytearray


def test_subclasses_keep_their_base_value_whatever_they_override() -> None:
    text, number = again(cc.MyStr("truth")), again(cc.MyInt(7))
    assert type(text) is cc.MyStr and str.__str__(text) == "truth"
    assert type(number) is cc.MyInt and int.__add__(number, 0) == 7
    assert decode_plain(encode(cc.MyStr("truth"))).value == ["truth", None]


def test_hostile_classes_are_not_asked_what_they_are() -> None:
    plain = decode_plain(encode([cc.LiesAboutItsClass(), cc.LyingType(), {cc.LiesAboutItsClass(): 1}]))
    assert [item.kind for item in plain[:2]] == ["object", "object"]
    assert plain[0].name == "codec_classes:LiesAboutItsClass"
    assert plain[2].kind == "dict"


def test_sets_have_one_order_whatever_the_hash_seed() -> None:
    program = (
        "from codeopt.sandbox.runner.codec import encode; print(encode({'a', 'b', 'c', ('d', 1), 2.5}).hex())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_exceptions_keep_type_arguments_and_attributes() -> None:
    error = again(cc.Refused(3, "no"))
    assert type(error) is cc.Refused and error.args == ("3: no",) and error.code == 3
    missing = again(FileNotFoundError(2, "nothing", "file.txt"))
    assert missing.filename == "file.txt" and str(missing) == "[Errno 2] nothing: 'file.txt'"
    with pytest.raises(UnicodeDecodeError) as caught:
        b"\xff".decode()
    assert str(again(caught.value)) == str(caught.value)
    odd = decode_plain(encode(ValueError(threading.Lock(), "kept")))
    assert odd.value[0][0] == Tagged("opaque", "_thread.lock", None) and odd.value[0][1] == "kept"


def test_iterators_are_their_first_items_and_how_they_end() -> None:
    def fails() -> Any:
        yield 1
        raise KeyError("gone")

    assert list(again(map(str, [1, 2]))) == ["1", "2"]
    assert list(again(zip("ab", (1, 2)))) == [("a", 1), ("b", 2)]
    items, ended = decode_plain(encode(itertools.count())).value
    assert items == list(range(1000)) and ended is False
    items, ended = decode_plain(encode(iter(range(1000)))).value
    assert len(items) == 1000 and ended is True
    replayed = again(fails())
    assert next(replayed) == 1
    with pytest.raises(KeyError):
        next(replayed)
    endless = again(itertools.count())
    with pytest.raises(RuntimeError, match="first 1000"):
        list(endless)
    shared = iter([1, 2])
    assert [list(x) for x in again([shared, shared])] == [[1, 2], [1, 2]]


def test_what_cannot_be_encoded_is_named(tmp_path: Path) -> None:
    def message(value: Any, **options: str) -> str:
        with pytest.raises(Unencodable) as caught:
            encode(value, **options)
        return str(caught.value)

    with open(tmp_path / "f", "w") as file:
        assert message([1, 2, 3, cc.Plain(handle=file)]) == "result[3].handle: _io.TextIOWrapper"
        assert message(cc.Node(1, file), root="arguments[0]") == "arguments[0].next: _io.TextIOWrapper"
    assert message({"a": (1, {threading.Lock()})}) == "result['a'][1]{…}: _thread.lock"
    assert message(cc.Pair(1, lambda: 0)).startswith("result[1]: function")
    assert "not importable" in message(type("Local", (), {}))
    assert message(cc.Handle(1)).startswith("result.lock: function")


def test_cycles_and_depth_are_refused() -> None:
    loop: list[Any] = []
    loop.append((1, {"x": loop}))
    node = cc.Node(1)
    node.next = [node]
    deep: Any = None
    for _ in range(100_000):
        deep = [deep]
    chain: Any = None
    for i in range(1200):
        chain = cc.Node(i, chain)
    for value, word in (
        (loop, "contains itself"),
        (node, "contains itself"),
        (deep, "too deeply"),
        (chain, "too deeply"),
    ):
        with pytest.raises(Unencodable, match=word):
            encode(value)
    assert identical(again([[], []]), [[], []])
    same: list[int] = [1]
    assert again([same, same]) == [[1], [1]]


def test_plain_data_only_in_the_parent() -> None:
    plain = decode_plain(encode({"t": (1, 2.5), "o": cc.Node(1), (1,): {3}}))
    assert plain == Tagged(
        "dict",
        "",
        [
            ["t", Tagged("tuple", "", [1, 2.5])],
            ["o", Tagged("object", "codec_classes:Node", {"value": 1, "next": None})],
            [Tagged("tuple", "", [1]), Tagged("set", "", [3])],
        ],
    )
    program = (
        "import sys; from codeopt.sandbox.runner import codec; before = set(sys.modules)\n"
        "codec.decode_plain(codec.encode([1]).replace(b'', b''))\n"
        "import msgpack; bad = msgpack.packb([codec.MARKS['object'], 'antigravity:x', {}])\n"
        "assert codec.decode_plain(bad).name == 'antigravity:x'\n"
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before}))\n"
        "print([m for m in ('numpy', 'pandas', 'torch', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x91",
        b"\x01\x02",
        b"\xa1\xff",
        b"\xd4\x01\x00",
        b"\x92\x01\xd4\x01\x00",
        b"\x81\xa1a\xd4\x01\x00",
        b"\x92\xd4\x01\xff\x01",
        b"\x93\xd4\x01\x14\x01\x02",
        b"\x82\x01\x02\x01\x03",
        b"\xd4\x63\x00",
        b"\x91" * 2000,
        (b"\xdd" + (40_000_000).to_bytes(4, "big")) * 200,
        b"\xc6\xff\xff\xff\xffabc",
    ],
)
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_plain(data)


@settings(max_examples=150, deadline=2000)
@given(st.binary(max_size=200), VALUES, st.integers(0, 10_000), st.integers(0, 255))
def test_any_bytes_give_plain_data_or_malformed(noise: bytes, value: Any, place: int, byte: int) -> None:
    broken = bytearray(encode(value))
    broken[place % len(broken)] = byte
    for data in (noise, bytes(broken), bytes(broken[: place % len(broken)])):
        try:
            found = decode_plain(data)
        except Malformed:
            continue
        assert type(found) in (type(None), bool, int, float, str, bytes, list, dict, Tagged)


def test_user_codecs_go_first(tmp_path: Path) -> None:
    file = tmp_path / "codecs.py"
    file.write_text(
        "from codec_classes import Handle\n"
        "CODECS = {'codec_classes.Handle': (lambda h: ['n', h.number], lambda v: Handle(v[1]))}\n"
    )
    with pytest.raises(Unencodable):
        encode(cc.Handle(3))
    try:
        codec.load_user_codec(str(file))
        assert decode_plain(encode([cc.Handle(3)])) == [Tagged("user", "codec_classes.Handle", ["n", 3])]
        assert again(cc.Handle(3)).number == 3
    finally:
        codec.unregister("codec_classes.Handle")
    with pytest.raises(Unencodable):
        encode(cc.Handle(3))
    (tmp_path / "none.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="CODECS"):
        codec.load_user_codec(str(tmp_path / "none.py"))


def test_names_of_main_lead_to_the_program_under_test() -> None:
    program = types.ModuleType("program")
    program.Thing = type("Thing", (), {"__module__": "__main__", "__qualname__": "Thing"})  # type: ignore[attr-defined]
    data = encode(program.Thing())
    with pytest.raises(codec.Unresolvable):
        decode_live(data)
    codec.use_main(program)
    try:
        assert type(decode_live(data)) is program.Thing
    finally:
        codec.use_main(sys.modules["__main__"])


def test_without_the_compiled_packer(tmp_path: Path) -> None:
    program = (
        "import msgpack, sys; assert 'fallback' in msgpack.Packer.__module__\n"
        "from codeopt.sandbox.runner.codec import *\n"
        "v = [1, 2**70, (1.5, 'a\\ud800'), {2: b'x'}, bytearray(b'y'), {(1, 2): {3}}, None, True]\n"
        "d = encode(v); assert decode_live(d) == v; decode_plain(d); sys.stdout.write(d.hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MSGPACK_PUREPYTHON": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    value = [1, 2**70, (1.5, "a\ud800"), {2: b"x"}, bytearray(b"y"), {(1, 2): {3}}, None, True]
    assert done.stdout == encode(value).hex()


PLAIN: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers()),
    max_leaves=12,
)


@given(PLAIN)
def test_fast_copies_are_equal_and_share_nothing_that_can_change(value: object) -> None:
    def containers(part: object) -> list[int]:
        inner = list(part.values()) if isinstance(part, dict) else list(part) if isinstance(part, list | tuple) else []
        own = [id(part)] if isinstance(part, list | dict | set) else []
        return own + [number for one in inner for number in containers(one)]

    make = copies.maker(value)
    made = [value, make(), make()]
    assert made[0] == made[1] == made[2] and type(made[1]) is type(value)
    numbers = [number for one in made for number in containers(one)]
    assert len(numbers) == len(set(numbers))


def test_what_is_not_plain_is_not_copied_fast() -> None:
    inner: list[int] = []
    for value in ([inner, inner], [object()], {1: {(1, 2): [3]}}, [type("L", (list,), {})()]):
        with pytest.raises(copies.NotPlain):
            copies.maker(value)
