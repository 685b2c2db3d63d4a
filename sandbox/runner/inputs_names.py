"""What a parameter's name suggests, used only where hints, values and usage leave a choice."""

from __future__ import annotations

from .inputs_shapes import Shape, of

INTS = "n k m i j num number count size index limit target total steps depth width height start end lo hi mod year"
STRINGS = "s t s1 s2 text string word name line pattern sentence path key message msg txt str st data_str prefix"
STRING_LISTS = "words strings names lines tokens strs sentences keys texts"
INT_LISTS = "nums numbers arr array lst values data items xs ys l a b seq sequence list_ heights prices weights"
MATRICES = "matrix grid board mat image table_2d rows"
PAIRS = "points edges intervals pairs segments ranges"
DICTS = "d dict mapping dct table counts"
GRAPHS = "graph adj adjacency tree_map neighbors"
FLOATS = "x y z price rate ratio alpha beta weight value tol eps temperature"
BOOLS = "flag reverse verbose strict ascending"

_BY_NAME = {}
for _names, _make in (
    (INTS, lambda: of("int")),
    (STRINGS, lambda: of("str")),
    (STRING_LISTS, lambda: of("list", of("str"))),
    (INT_LISTS, lambda: of("list", of("int"))),
    (MATRICES, lambda: of("list", of("list", of("int")))),
    (PAIRS, lambda: of("list", of("tuple", of("int"), of("int")))),
    (DICTS, lambda: of("dict", of("str"), of("int"))),
    (GRAPHS, lambda: of("dict", of("int"), of("list", of("int")))),
    (FLOATS, lambda: of("float")),
    (BOOLS, lambda: of("bool")),
):
    for _name in _names.split():
        _BY_NAME[_name] = _make


def from_name(name: str) -> list[Shape]:
    """At most one shape; is_… and has_… are flags, …s of something is a list."""
    plain = name.lower().strip("_")
    if plain in _BY_NAME:
        return [_BY_NAME[plain]()]
    if plain.startswith(("is_", "has_", "use_")):
        return [of("bool")]
    last = plain.rsplit("_", 1)[-1]
    if last in _BY_NAME and len(last) > 1:
        return [_BY_NAME[last]()]
    return []


def fallbacks() -> list[Shape]:
    """What is tried, in this order, when nothing is known."""
    return [
        of("list", of("int")),
        of("int"),
        of("str"),
        of("list", of("str")),
        of("float"),
        of("list", of("list", of("int"))),
        of("list", of("tuple", of("int"), of("int"))),
        of("dict", of("str"), of("int")),
        of("dict", of("int"), of("list", of("int"))),
        of("bool"),
        of("bytes"),
    ]
