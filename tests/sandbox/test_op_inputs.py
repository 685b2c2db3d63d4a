"""Inputs that are guessed, grown and mutated inside a real session, for functions as people write them."""

import runpy
from pathlib import Path

import pytest

_helpers = runpy.run_path(str(Path(__file__).with_name("opsession.py")))
encoded, opened, plain = _helpers["encoded"], _helpers["opened"], _helpers["plain"]

WORDS = """
def top(text, k):
    out = {}
    for w in text.split():
        w = w.lower().strip(".,")
        out[w] = out.get(w, 0) + 1
    return sorted(out.items(), key=lambda p: (-p[1], p[0]))[:k]
"""
HINTED = '''
def close(numbers: list[float], threshold: float) -> bool:
    """Are two closer than the threshold?

    >>> close([1.0, 2.0, 3.0], 0.5)
    False
    >>> xs = [1.0, 2.8, 3.0]
    >>> close(xs, 0.3)
    True
    """
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            if i != j and abs(a - b) < threshold:
                return True
    return False
'''
RECORDS = """
def total(rows):
    out = {}
    for row in rows:
        if row["region"] not in out:
            out[row["region"]] = 0
        out[row["region"]] += row["price"] * row["count"]
    return out
"""
TREE = """
class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right

def depth(t):
    return 0 if t is None else 1 + max(depth(t.left), depth(t.right))
"""
KIND = """
def apply(a, b, kind):
    if kind == "add":
        return a + b
    if kind == "mul":
        return a * b
    raise ValueError(kind)
"""


def inputs(folder, source, function, **request):
    with opened(folder, source, function) as session:
        return session.op("inputs", {"count": 24, "seed": 1, "seconds": 8.0, **request}, 30)


def test_use_alone_tells_a_text_from_a_number(tmp_path):
    reply = inputs(tmp_path, WORDS, "top")
    assert reply["error"] == ""
    args = [plain(call)[0] for call in reply["calls"]]
    assert len(args) == 24
    assert all(type(text) is str and type(k) is int for text, k in args)
    assert any(text == "" for text, _ in args) and any(k < 0 for _, k in args)


def test_docstring_examples_come_first_with_the_names_that_they_use(tmp_path):
    reply = inputs(tmp_path, HINTED, "close")
    found = [plain(call)[0] for call in reply["calls"] if call["kind"] == "doctest"]
    assert sorted(found) == [[[1.0, 2.0, 3.0], 0.5], [[1.0, 2.8, 3.0], 0.3]]
    kinds = {call["kind"] for call in reply["calls"]}
    assert {"doctest", "edge", "mutated"} <= kinds and kinds & {"hypothesis", "generated"}
    assert [] in [plain(call)[0][0] for call in reply["calls"]]


def test_string_keys_make_records(tmp_path):
    reply = inputs(tmp_path, RECORDS, "total")
    rows = [row for call in reply["calls"] for row in plain(call)[0][0]]
    assert rows and all(set(row) == {"region", "price", "count"} for row in rows)


def test_a_string_that_is_compared_with_constants_is_one_of_them_or_raises(tmp_path):
    reply = inputs(tmp_path, KIND, "apply")
    fine = [plain(call)[0][2] for call in reply["calls"] if not call["raised"]]
    assert set(fine) == {"add", "mul"}
    raising = [call for call in reply["calls"] if call["raised"]]
    assert raising and len(raising) <= 0.2 * len(reply["calls"])


def test_objects_of_the_users_own_classes(tmp_path):
    reply = inputs(tmp_path, TREE, "depth")
    assert "Tree" in reply["guess"] and len(reply["calls"]) > 10


def test_a_method_gets_an_instance_from_its_constructor(tmp_path):
    source = """
class Sum:
    def __init__(self, start: int):
        self.start = start
    def add(self, xs: list[int]) -> int:
        for x in xs:
            self.start += x
        return self.start
"""
    reply = inputs(tmp_path, source, "Sum.add")
    assert len(reply["calls"]) == 24 and reply["error"] == ""


def test_the_same_seed_gives_the_same_inputs_and_another_seed_others(tmp_path):
    first, again, other = (inputs(tmp_path, WORDS, "top", seed=seed) for seed in (5, 5, 6))
    blobs = [[call["blob"] for call in reply["calls"]] for reply in (first, again, other)]
    assert blobs[0] == blobs[1] != blobs[2]


def test_nothing_survives_is_said_in_one_line(tmp_path):
    reply = inputs(tmp_path, "def f(x):\n    return x.no_such_thing.at_all\n", "f", seconds=3.0)
    assert reply["calls"] == [] and "survived none" in reply["error"] and "\n" not in reply["error"]


def test_endless_and_crashing_calls_are_left_out(tmp_path):
    source = """
import os
def f(n: int):
    while n == 3:
        pass
    if n < 0:
        os.abort()
    return n
"""
    reply = inputs(tmp_path, source, "f", call_s=0.2)
    values = [plain(call)[0][0] for call in reply["calls"]]
    assert values and 3 not in values and min(values) >= 0


def test_answers_that_cannot_cross_are_counted(tmp_path):
    reply = inputs(tmp_path, "def f(n: int):\n    return open('/dev/null')\n", "f", seconds=3.0)
    assert reply["calls"] == [] and reply["not_encodable"] > 0 and reply["not_encodable_why"]


# --- growing ------------------------------------------------------------------------------------------------------


def generated(folder, source, function, **request):
    with opened(folder, source, function) as session:
        # Growing ends when the target is met; a busy machine needs most of the seconds.
        asked = {"count": 3, "seed": 1, "seconds": 20.0, "target_s": 0.02, **request}
        return session.op("generate", asked, 90)


def test_a_list_grows_until_the_call_takes_time(tmp_path):
    source = """
def pairs(xs):
    n = 0
    for i in range(len(xs)):
        for j in range(i):
            n += xs[i] == xs[j]
    return n
"""
    reply = generated(tmp_path, source, "pairs")
    assert reply["grew"] and len(reply["calls"]) == 3
    assert all(len(plain(call)[0][0]) >= 16 for call in reply["calls"])
    assert len({call["blob"] for call in reply["calls"]}) == 3


def test_an_exponential_function_is_not_overrun(tmp_path):
    reply = generated(tmp_path, "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n", "fib")
    assert reply["grew"] and all(12 < plain(call)[0][0] < 35 for call in reply["calls"])


def test_early_exits_are_avoided_by_values_far_apart(tmp_path):
    reply = generated(tmp_path, HINTED, "close")
    assert reply["grew"] and all(len(plain(call)[0][0]) > 50 for call in reply["calls"])


def test_a_function_that_does_not_grow_says_so(tmp_path):
    reply = generated(tmp_path, "def first(xs):\n    return xs[0] + len(xs)\n", "first", seconds=4.0)
    assert not reply["grew"] and reply["why"] and reply["calls"]


def test_grown_examples_keep_what_held(tmp_path):
    source = """
import bisect
def reach(n, edges, order, ranks):
    assert ranks == sorted(ranks) and sorted(order) == list(range(len(order)))
    seen = [[] for _ in range(n)]
    for a, b in edges:
        seen[a].append(b)
        bisect.bisect_left(ranks, a)
    return [sorted(row) for row in seen]
"""
    example = encoded(5, [(0, 1), (1, 2), (4, 0), (2, 4), (3, 3)], [2, 0, 1, 4, 3], [1, 3, 3, 7, 9])
    reply = generated(tmp_path, source, "reach", examples=[example])
    assert reply["grew"] and reply["why"].startswith("examples grown")
    n, edges, _, _ = plain(reply["calls"][0])[0]
    assert n > 50 and len(edges) > 50


def test_a_generator_of_the_users_is_grown(tmp_path):
    (tmp_path / "gen.py").write_text("def make(size, seed):\n    return ['ab %d' % seed] * size, size\n")
    source = "def f(xs, n):\n    assert len(xs) == n\n    return sum(len(x.split()) for x in xs)\n"
    reply = generated(tmp_path, source, "f", file=str(tmp_path / "gen.py"), name="make")
    assert reply["grew"] and all(len(plain(call)[0][0]) == plain(call)[0][1] for call in reply["calls"])


def test_arrays_and_frames_are_resampled(tmp_path):
    pandas = pytest.importorskip("pandas")
    source = """
import numpy as np
def by_key(frame, weights):
    assert list(frame.columns) == ["key", "x"] and weights.dtype == np.float32
    return [sum(float(row.x) * w for row in frame.itertuples()) for w in weights[:50]]
"""
    import numpy

    frame = pandas.DataFrame({"key": ["a", "b", "a"], "x": [1.0, 2.0, 3.0]})
    example = encoded(frame, numpy.array([1, 2, 3], dtype="float32"))
    reply = generated(tmp_path, source, "by_key", examples=[example])
    assert reply["size"] > 3 and len(reply["calls"]) == 3 and reply["why"].startswith("examples grown")


# --- mutating -----------------------------------------------------------------------------------------------------


def test_mutants_keep_types_and_lengths_of_rows(tmp_path):
    source = """
def shape(rows, name):
    assert len({len(row) for row in rows}) == 1 and type(name) is str
    return [sum(row) for row in rows], name
"""
    visible = [encoded([[1, 2, 3], [4, 5, 6]], "abc"), encoded([[7, 8], [9, 1], [2, 3]], "Xy z")]
    with opened(tmp_path, source, "shape") as session:
        reply = session.op("mutate", {"blobs": visible, "count": 20, "seed": 3, "seconds": 5.0}, 20)
    assert len([call for call in reply["calls"] if not call["raised"]]) == 20
    assert not {call["blob"] for call in reply["calls"]} & set(visible)


def test_one_common_answer_does_not_fill_the_inputs(tmp_path):
    source = """
def balanced(brackets):
    depth = 0
    for b in brackets:
        depth += 1 if b == "(" else -1
        if depth < 0:
            return False
    return depth == 0
"""
    reply = inputs(tmp_path, source, "balanced")
    texts = [plain(call)[0][0] for call in reply["calls"]]
    assert reply["distinct_answers"] == 2 and any("(" in text for text in texts)
