"""Estimators over samples, each as its source defines it; tests compare every one with an enumeration of subsets."""

from __future__ import annotations

import itertools
import operator
import random
import statistics
from collections.abc import Callable, Sequence


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that at least one of k samples, drawn from n of which c are correct, is correct.

    1 - C(n - c, k) / C(n, k), in the product form that does not overflow. Source: Chen et al. 2021, section 2.1.

    Raises:
        ValueError: Unless 1 <= k <= n and 0 <= c <= n.
    """
    if not (1 <= k <= n and 0 <= c <= n):
        raise ValueError(f"pass@{k} of {n} samples, {c} correct")
    if n - c < k:
        return 1.0
    fails = 1.0
    for j in range(n - c + 1, n + 1):
        fails *= 1 - k / j
    return 1 - fails


def eff_at_k(e: Sequence[float], k: int) -> float:
    """Expected best efficiency of k samples drawn from these, without the variance of one draw.

    sum over r = k..n of C(r - 1, k - 1) / C(n, k) * e_(r), e sorted ascending; weights by the stable recurrence
    w_n = k / n, w_r = w_(r+1) * (1 - (k - 1) / r). Source: Qiu et al., ICLR 2025 (ENAMEL), equation 6 and algorithm 1.

    Args:
        e: Efficiency scores of one problem's samples, dimensionless.

    Raises:
        ValueError: Unless 1 <= k <= len(e).
    """
    n = len(e)
    if not 1 <= k <= n:
        raise ValueError(f"eff@{k} of {n} samples")
    ordered = sorted(e)
    weight = k / n
    total = weight * ordered[-1]
    for r in range(n - 1, k - 1, -1):
        weight *= 1 - (k - 1) / r
        total += weight * ordered[r - 1]
    return total


def case_time(repeats: Sequence[float]) -> float:
    """Hodges-Lehmann estimate of a case's seconds: the median of the pairwise means, i >= j. Source: ENAMEL.

    Raises:
        ValueError: No repeats.
    """
    if not repeats:
        raise ValueError("no repeats")
    means = [(repeats[i] + repeats[j]) / 2 for i in range(len(repeats)) for j in range(i + 1)]
    return statistics.median(means)


def level_efficiency(slowest: float, reference: float, limit: float) -> float:
    """f = max(0, T - t) / (T - t*) of one level; it exceeds 1 where the sample beats the reference. Source: ENAMEL.

    Args:
        slowest: Seconds of the sample's slowest case of the level.
        reference: Seconds of the reference's slowest case of the level.
        limit: T, seconds; more than `reference`.
    """
    return max(0.0, limit - slowest) / (limit - reference)


def efficiency(levels: Sequence[float], hardness: Sequence[float]) -> float:
    """e = sum of hardness * f over the levels, divided by the sum of hardness. Source: ENAMEL."""
    return sum(h * f for h, f in zip(hardness, levels, strict=True)) / sum(hardness)


def interval(
    values: Sequence[float], statistic: Callable[[Sequence[float]], float] = statistics.fmean, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a statistic over problems. Source: Efron 1979.

    Raises:
        ValueError: No values.
    """
    if not values:
        raise ValueError("no values")
    rng = random.Random(seed)
    found = sorted(statistic(rng.choices(values, k=len(values))) for _ in range(draws))
    return found[round(0.025 * (draws - 1))], found[round(0.975 * (draws - 1))]


def mean_intervals(table: Sequence[Sequence[float]], draws: int = 2000, seed: int = 0) -> list[tuple[float, float]]:
    """`interval` of the mean of each of these lists, all over the same problems: each draw serves all of them.

    Raises:
        ValueError: Lists without values, or of different lengths.
    """
    import numpy as np

    values = np.asarray(table, float)
    if values.ndim != 2 or not values.size:
        raise ValueError("no values")
    rng, problems = random.Random(seed), range(values.shape[1])
    drawn = np.array([rng.choices(problems, k=len(problems)) for _ in range(draws)])
    found = []
    for row in values:
        means = np.sort(row[drawn].mean(axis=1))
        found.append((float(means[round(0.025 * (draws - 1))]), float(means[round(0.975 * (draws - 1))])))
    return found


def paired_p(differences: Sequence[float], draws: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of the randomisation test that paired differences have mean 0: signs flip at random.

    All sign patterns where there are at most `draws`, else that many drawn ones (the observed one counts as drawn, so
    it is never 0). Source: Fisher 1935; Phipson and Smyth 2010 for the drawn ones.

    Raises:
        ValueError: No differences.
    """
    if not differences:
        raise ValueError("no differences")
    moved = [difference for difference in differences if difference]
    observed = abs(sum(moved)) - 1e-12
    if 2 ** len(moved) <= draws:
        patterns = itertools.product((-1, 1), repeat=len(moved))
        sums = [abs(sum(map(operator.mul, signs, moved))) for signs in patterns]
        return sum(one >= observed for one in sums) / len(sums)
    rng = random.Random(seed)
    reached = sum(abs(sum(one if rng.random() < 0.5 else -one for one in moved)) >= observed for _ in range(draws))
    return (reached + 1) / (draws + 1)
