"""The judgement on numbers: errors against an oracle, for sums, precision, NaN, and shapes of answers."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeopt.sandbox.compare_types import Tolerance
from codeopt.sandbox.oracle import Answer, difference, fits, norm
from codeopt.sandbox.runner import codec
from codeopt.sandbox.runner.codec_wire import Tagged
from codeopt.sandbox.runner.oracle_numbers import cast, measure, nudged
from tests.sandbox.opsession import encoded, opened

NORMAL = Tolerance()
GENEROUS = Tolerance(rel=1e-3)


def region(*values):
    """The encoded outcomes of calls that returned these."""
    return codec.encode([(0, value) for value in values])


def answer_of(function, oracle, *args, near=6):
    """The same as `op_oracle` makes, in this process."""
    call = {"args": list(args), "kwargs": {}}
    eps, count, longest = measure(call)

    def pair(number):
        moved = call if number < 0 else nudged(call, number, 4 * eps)
        return codec.encode([function(*moved["args"]), None]), codec.encode([oracle(*moved["args"]), None])

    return Answer(tuple(pair(n) for n in range(-1, near)), 4 * eps, eps, count, longest)


def judged(function, oracle, candidate, *args, tolerance=NORMAL):
    """What is wrong with `candidate`'s value on one input."""
    value = candidate(*args) if callable(candidate) else candidate
    answer = answer_of(function, oracle, *args)
    return difference(tolerance, [answer], region(function(*args)), region(value))


def in_order(values):
    """A float32 sum, one term after the other."""
    total = np.float32(0)
    for value in values:
        total = np.float32(total + value)
    return total


def in_double(values):
    return np.sum(values.astype("f8"))


def exact_sum(values):
    return sum(map(Fraction, values), Fraction(0))


@pytest.mark.parametrize("signed", [False, True])
def test_reordered_float32_sums_pass_whatever_their_luck(signed):
    lucky = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = (rng.normal(0, 1, 150) if signed else rng.random(150)).astype("f4")
        permuted = rng.permutation(values)
        mine, own = (abs(float(in_order(x)) - float(in_double(values))) for x in (permuted, values))
        lucky += mine > 2 * own
        assert judged(in_order, in_double, in_order(permuted), values) == ""
    # Twice the baseline's own error alone would have refused these.
    assert lucky > 20


def test_sums_that_cancel_pass_in_any_order_although_they_differ_by_far_more_than_the_tolerance():
    far = 0
    for seed in range(50):
        rng = random.Random(seed)
        values = [rng.choice((-1, 1)) * 10 ** rng.uniform(-3, 8) for _ in range(60)]
        values += [-value * (1 + 1e-9 * rng.random()) for value in values]
        shuffled = rng.sample(values, len(values))
        far += bool(abs(sum(shuffled) - sum(values)) > 1e-9 * abs(sum(values)))
        assert judged(sum, exact_sum, sum(shuffled), values) == ""
        assert judged(sum, exact_sum, math.fsum, values) == ""
    assert far > 10


@pytest.mark.parametrize(("short", "dtype"), [("f2", "f4"), ("f4", "f8")])
@pytest.mark.parametrize("signed", [False, True])
def test_a_sum_in_half_the_precision_is_refused_with_both_errors_whatever_the_tolerance(short, dtype, signed):
    wide = "f8" if dtype == "f4" else np.longdouble
    refused = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = (rng.normal(0, 1, 500) if signed else rng.random(500)).astype(dtype)
        told = judged(
            np.sum,
            lambda x: np.sum(x.astype(wide)),
            lambda x: np.sum(x.astype(short)).astype(x.dtype),
            values,
            tolerance=GENEROUS,
        )
        refused += "its error against the oracle is" in told and "the baseline's" in told
    assert refused > 15  # by luck a sum in half the precision is right now and then


def test_a_better_program_passes_although_it_differs_from_a_bad_baseline():
    values = np.array([1e8, 1.0, -1e8, 1.0] * 50, "f4")
    assert abs(float(in_order(values)) - 100) > 10  # the baseline is that bad
    assert judged(in_order, in_double, lambda x: np.float32(math.fsum(x)), values) == ""
    assert judged(in_order, in_double, np.float32("nan"), values) != ""


def test_a_matrix_product_passes_in_blocks_and_not_in_half():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(0, 1, (48, 48)).astype("f4") for _ in range(2))
    wide = lambda x, y: x.astype("f8") @ y.astype("f8")  # noqa: E731
    blocks = sum(a[:, i : i + 8] @ b[i : i + 8] for i in range(0, 48, 8))
    assert judged(np.matmul, wide, blocks, a, b) == ""
    half = (a.astype("f2") @ b.astype("f2")).astype("f4")
    assert "error against the oracle" in judged(np.matmul, wide, half, a, b, tolerance=Tolerance(rel=0.1))


def test_a_small_number_cannot_hide_behind_a_large_one():
    def cubes(x):
        return x**3

    x = np.array([1e6, 1e-3, 2.0])
    wide = lambda x: cubes(x.astype(np.longdouble))  # noqa: E731
    off = cubes(x)
    off[1] = 2e-9 if off[1] != 2e-9 else 0
    assert "number 1 of 3" in judged(cubes, wide, off, x)
    assert judged(cubes, wide, x * x * x, x) == ""


def test_groups_are_judged_apart():
    def both(values):
        mean = sum(values) / len(values)
        return {"sum": sum(values) * 1e9, "var": sum((v - mean) ** 2 for v in values) / len(values)}

    def true(values):
        exact = [Fraction(v) for v in values]
        mean = sum(exact) / len(exact)
        return {"sum": sum(exact) * 10**9, "var": sum((v - mean) ** 2 for v in exact) / len(exact)}

    values = [1.5, 2.25, 0.125, 7.0]
    wrong = both(values)
    wrong["var"] *= 1 + 1e-8
    assert "['var']" in judged(both, true, wrong, values, tolerance=GENEROUS)
    fine = both(values)
    fine["var"] *= 1 + 2e-16
    assert judged(both, true, fine, values) == ""


def test_nested_lists_and_tuples_and_what_is_no_float():
    def table(rows):
        return [(len(row), [x / 3 for x in row]) for row in rows]

    def true(rows):
        return [(len(row), [Fraction(x) / 3 for x in row]) for row in rows]

    rows = [[1.0, 2.0], [4.0, 5.0, 10.0]]
    third = [(len(row), [x * (1 / 3) for x in row]) for row in rows]
    assert third != table(rows) and judged(table, true, third, rows) == ""
    wrong = [(n + 1, values) for n, values in third]
    assert "[0][0]" in judged(table, true, wrong, rows)
    assert "tuple" in judged(table, true, [list(row) for row in third], rows)
    assert "items" in judged(table, true, third[:1], rows)
    assert "error against the oracle" in judged(
        table, true, [(n, [float(np.float32(v)) for v in values]) for n, values in third], rows, tolerance=GENEROUS
    )


def test_complex_numbers():
    def turn(values):
        return values * np.complex64(0.6 + 0.8j)

    values = np.array([1 + 2j, 3e3 - 1j, -0.5j], "c8")
    wide = lambda x: x.astype("c16") * complex(np.complex64(0.6 + 0.8j))  # noqa: E731
    other = (values.astype("c16") * complex(np.complex64(0.6 + 0.8j))).astype("c8")
    assert judged(turn, wide, other, values) == ""
    assert "error against" in judged(turn, wide, (other * (1 + 1e-4)).astype("c8"), values, tolerance=GENEROUS)
    assert judged(lambda x: x / 3, lambda x: x / 3, 2 / 3 + 1j / 3, 2 + 1j) == ""


def test_nan_and_infinities_are_where_the_baseline_has_them():
    def logs(x):
        with np.errstate(all="ignore"):
            return np.log(x)

    x = np.array([0.0, -1.0, 2.0, 5.0], "f4")
    wide = lambda x: logs(x.astype("f8"))  # noqa: E731
    good = logs(x)
    almost = good.copy()
    almost[3] = np.nextafter(almost[3], np.float32(9))
    assert judged(logs, wide, almost, x) == ""
    for place, value in ((0, -3e38), (1, 0.0), (2, np.nan), (3, np.inf), (1, np.inf)):
        bad = good.copy()
        bad[place] = value
        assert "expected" in judged(logs, wide, bad, x), place


def test_an_overflow_of_the_baseline_is_its_answer():
    def squares(x):
        with np.errstate(all="ignore"):
            return x * x

    x = np.array([1e30, 3.0], "f4")
    bad = np.array([3e38, 9.0], "f4")
    assert "inf" in judged(squares, lambda x: squares(x.astype("f8")), bad, x)


def test_types_dtypes_and_exact_tolerances_are_as_without_an_oracle():
    x = np.array([0.1, 0.2], "f4")
    assert "dtype <f4, got" in judged(np.sum, in_double, in_double, x)
    other = np.nextafter(np.sum(x), np.float32(9))
    assert judged(np.sum, in_double, other, x) == ""
    assert "expected" in judged(np.sum, in_double, other, x, tolerance=Tolerance(0.0, 0.0))
    assert "malformed" in difference(NORMAL, [answer_of(np.sum, in_double, x)], region(np.sum(x)), b"\xc1")


@pytest.mark.parametrize(
    "forged",
    [
        ["<f4", [2], b"\0" * 7],
        ["<f4", [2, 1], b"\0" * 8],
        ["<f4", [1 << 40], b"\0" * 8],
        ["(9,9,9)f8, O", [2], b"\0" * 8],
        ["no dtype;", [2], b"\0" * 8],
        ["<f4", None, b"\0" * 8],
        ["<f4", [2], "text"],
        ["<f4"],
        [],
        7,
    ],
)
def test_forged_arrays_are_a_difference_and_no_crash(forged):
    x = np.array([0.1, 0.2], "f4")
    answer = answer_of(lambda x: x / 3, lambda x: x.astype("f8") / 3, x)
    value = codec.canonical([Tagged("tuple", "", [0, Tagged("ndarray", "", forged)])])
    assert "result" in difference(NORMAL, [answer], region(x / 3), value)
    deep: object = 0.0
    for _ in range(400):
        deep = [deep]
    assert "result" in difference(NORMAL, [answer], region(x / 3), region(deep))


def test_a_tight_tolerance_holds_against_the_oracle():
    values = [0.1 * k for k in range(100)]
    off = sum(values) * (1 + 2e-15)
    assert judged(sum, exact_sum, off, values) == ""
    assert "error against" in judged(sum, exact_sum, off, values, tolerance=Tolerance(rel=1e-16, abs_=0))


def test_a_float32_sum_that_returns_a_float_is_judged_as_float32_and_one_in_double_is_not():
    def short(x):
        return float(in_order(x))

    def double(x):
        return sum(map(float, x))

    x = np.random.default_rng(3).random(300).astype("f4")
    wide = lambda x: sum(map(float, x.astype("f8")))  # noqa: E731
    for seed in range(20):
        assert judged(short, wide, short(np.random.default_rng(seed).permutation(x)), x) == ""
    assert judged(double, wide, math.fsum, x) == ""
    assert "error against" in judged(double, wide, short, x, tolerance=GENEROUS)


def test_many_copies_of_a_call_are_judged_each():
    values = [[0.1 * k for k in range(50)], [0.7 * k for k in range(50)]]
    answers = [answer_of(sum, exact_sum, row) for row in values]
    expected = region(*(sum(row) for row in values for _ in range(3)))
    other = [math.fsum(row) for row in values for _ in range(3)]
    assert difference(NORMAL, answers, expected, region(*other)) == ""
    other[4] *= 1 + 1e-8
    assert "error against" in difference(GENEROUS, answers, expected, region(*other))


def test_an_oracle_of_another_shape_is_told_and_decides_nothing():
    x = np.array([1.0, 2.0])
    answer = answer_of(lambda x: x / 3, lambda x: [Fraction(1, 3)], x)
    assert "shape (1,) instead of (2,)" in fits(answer)
    told = difference(NORMAL, [answer], region(x / 3), region(x / 3 + 1))
    assert "2 of 2 elements differ" in told
    assert fits(answer_of(lambda x: x / 3, lambda x: [Fraction(1, 3), Fraction(2, 3)], x)) == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-(2.0**40), 2.0**40, width=32), min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_any_order_of_any_sum_passes(values, rng):
    assert judged(sum, exact_sum, sum(rng.sample(values, len(values))), values) == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.5, 2, width=32), min_size=2, max_size=40), st.floats(1e-8, 0.5))
def test_no_relative_error_beyond_rounding_passes(values, error):
    assert judged(sum, exact_sum, sum(values) * (1 + error), values, tolerance=Tolerance(rel=1)) != ""


def test_norms_do_not_overflow():
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200) and norm(np.array([0.0])) == 0


def test_casts_change_floats_and_nothing_else():
    call = {"args": [np.float32(1), [np.ones(2, "f2"), 3, "x"]], "kwargs": {"k": (np.ones(1, "i4"), 2.5)}}
    wide = cast(call, "float64")
    assert wide["args"][0].dtype == wide["args"][1][0].dtype == np.float64
    assert wide["kwargs"]["k"][0].dtype == np.int32 and wide["args"][1][1:] == [3, "x"]


DOT = "import numpy as np\ndef f(a, b):\n    return np.dot(a, b)\n"


@pytest.mark.parametrize(
    ("source", "args", "way"),
    [
        (DOT, (np.ones(3, "f4") / 3, np.ones(3, "f4")), "float64"),
        (DOT, (np.ones(3) / 3, np.ones(3)), "longdouble"),
        (DOT, (np.ones(3, "i8"), np.ones(3, "i8")), ""),
        ("def f(a, b):\n    return sum(x * y for x, y in zip(a, b))\n", ([0.1, 0.2], [0.3, 0.4]), ""),
        ("def f(a, b):\n    return float(a @ b)\n", (np.ones(3) / 3, np.ones(3)), ""),
        ("import numpy as np\ndef f(a, b):\n    return np.dot(a.astype('f4'), b.astype('f4'))\n", (np.ones(3, "f4") / 3,) * 2, ""),
        ("import numpy as np\ndef f(a, b):\n    return np.linalg.solve(a, b)\n", (np.eye(2) / 3, np.ones(2)), ""),
        ("def f(a, b):\n    a += b * b\n", (np.ones(3, "f4") / 3, np.ones(3, "f4")), "float64"),
    ],
)
def test_the_cast_that_works_is_found_by_trying(tmp_path: Path, source, args, way):
    with opened(tmp_path, source, "f") as session:
        reply = session.op("oracle", {"way": "probe", "calls": [encoded(*args)]}, 60)
    assert reply["way"] == way, reply
    assert bool(reply["why"]) == (not way)


def test_answers_of_the_operation(tmp_path: Path):
    (tmp_path / "truth.py").write_text(
        "from fractions import Fraction\ndef exact(a):\n    return sum(map(Fraction, a)) / (len(a) - 1)\n"
    )
    with opened(tmp_path, "def f(a):\n    return sum(a) / (len(a) - 1)\n", "f") as session:
        request = {"way": "given", "file": str(tmp_path / "truth.py"), "name": "exact", "calls": [encoded([0.1, 0.2, 4.0]), encoded([1.0])]}
        first, second = session.op("oracle", request, 60)["answers"]
    assert second == {"why": "", "raises": True}
    assert len(first["pairs"]) == 7 and first["count"] == first["longest"] == 3
    own, true = (codec.decode_plain(part) for part in first["pairs"][0])
    assert own[0] == (0.1 + 0.2 + 4.0) / 2 and true[0].kind == "fraction" and true[1] is None


def test_hard_inputs_cancel_keep_what_is_valid_and_are_the_same_for_the_same_seed(tmp_path: Path):
    source = "import math\ndef f(xs, ws):\n    assert ws == sorted(ws)\n    return sum(xs) + sum(map(math.sqrt, ws))\n"
    request = {"blobs": [encoded([1.0, -2.0, 3.5, 0.5], [0.5, 1.5, 2.5])], "count": 6, "seed": 5}
    with opened(tmp_path, source, "f") as session:
        one, two = (session.op("hard", request, 60)["calls"] for _ in range(2))
        other = session.op("hard", {**request, "seed": 6}, 60)["calls"]
    assert one == two and one != other and len(one) == 6
    found = [codec.decode_plain(row["blob"])["args"] for row in one]
    assert all(ws == sorted(ws) and min(ws) >= 0 for _, ws in found)
    lost = [sum(map(abs, xs)) / max(abs(math.fsum(xs)), 1e-300) for xs, _ in found]
    assert max(lost) > 100
