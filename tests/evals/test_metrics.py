"""Every estimator against an enumeration of all subsets."""

from __future__ import annotations

from itertools import combinations, product
from statistics import fmean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeopt.evals import metrics

SCORES = st.lists(st.floats(0, 2), min_size=1, max_size=8)


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_pass_at_k(passed: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(passed)))
    drawn = fmean(any(subset) for subset in combinations(passed, k))
    assert metrics.pass_at_k(len(passed), sum(passed), k) == pytest.approx(drawn)


@given(SCORES, st.data())
def test_eff_at_k(scores: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(scores)))
    drawn = fmean(max(subset) for subset in combinations(scores, k))
    assert metrics.eff_at_k(scores, k) == pytest.approx(drawn)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=7))
def test_case_time(repeats: list[float]) -> None:
    pairs = [(a + b) / 2 for i, a in enumerate(repeats) for j, b in enumerate(repeats) if i >= j]
    assert metrics.case_time(repeats) == pytest.approx(median(pairs))


def test_efficiency() -> None:
    assert metrics.level_efficiency(1.0, 1.0, 2.0) == 1 and metrics.level_efficiency(3.0, 1.0, 2.0) == 0
    assert metrics.level_efficiency(0.5, 1.0, 2.0) == 1.5, "it is not capped"
    assert metrics.efficiency([9, 1, 0.5, 0], [0, 3, 3, 4]) == pytest.approx(0.45), "level 0 does not count"


@given(SCORES)
def test_an_interval_holds_what_was_drawn(scores: list[float]) -> None:
    low, high = metrics.interval(scores, draws=200)
    assert min(scores) - 1e-9 <= low <= high <= max(scores) + 1e-9
    assert metrics.interval(scores, draws=200) == (low, high)


@settings(deadline=None)  # the first one imports numpy
@given(SCORES)
def test_intervals_of_several_means_are_those_of_each(scores: list[float]) -> None:
    table = [scores, [score * 2 + 1 for score in scores]]
    for values, found in zip(table, metrics.mean_intervals(table, draws=200), strict=True):
        assert found == pytest.approx(metrics.interval(values, draws=200))


def test_an_interval_of_many_narrows() -> None:
    few, many = metrics.interval([0.0, 1.0] * 10), metrics.interval([0.0, 1.0] * 1000)
    assert few[0] < 0.4 < many[0] < 0.5 < many[1] < 0.6 < few[1]


@pytest.mark.parametrize("call", [lambda: metrics.pass_at_k(3, 4, 1), lambda: metrics.pass_at_k(3, 1, 4), lambda: metrics.eff_at_k([1.0], 2), lambda: metrics.case_time([]), lambda: metrics.interval([]), lambda: metrics.mean_intervals([]), lambda: metrics.mean_intervals([[1.0], [1.0, 2.0]])])
def test_what_makes_no_sense(call: object) -> None:
    with pytest.raises(ValueError):
        call()  # type: ignore[operator]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=7))
def test_paired_p(differences: list[int]) -> None:
    patterns = list(product((-1, 1), repeat=len(differences)))
    reached = [abs(sum(s * d for s, d in zip(signs, differences))) >= abs(sum(differences)) for signs in patterns]
    assert metrics.paired_p(differences) == pytest.approx(sum(reached) / len(patterns))
    assert 0 < metrics.paired_p([1.0] * 40, draws=500) <= 0.01, "drawn ones are never 0"
