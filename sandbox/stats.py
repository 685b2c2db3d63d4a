"""The statistics behind "faster": the exact paired signed-rank test, and how it is looked at in sequence.

Sources: Wilcoxon 1945; Pratt 1959 (zeros keep their ranks and lose their votes); Hodges and Lehmann 1963 (the
estimate and, by inverting the test, its interval). Looks at fixed sample sizes share alpha by Bonferroni's rule.
All inputs are 1-D sequences of paired log-ratios d = log(t_baseline / t_candidate), dimensionless.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

LOOKS = (10, 15, 22, 33, 50, 75)
ALPHA = 0.01
MARGIN = math.log(1.05)
TOLERATED = math.log(0.98)  # of a simpler program
DOUBT = 0.05


def signed_rank_p(d: Sequence[float]) -> float:
    """One-sided exact p-value of the signed-rank test that `d` is centred above 0.

    Ties get mid-ranks; zeros are ranked and then dropped (Pratt). Returns 1.0 where nothing differs from zero.
    """
    order = sorted(range(len(d)), key=lambda i: abs(d[i]))
    doubled = [0] * len(d)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and abs(d[order[end + 1]]) == abs(d[order[start]]):
            end += 1
        for position in range(start, end + 1):
            doubled[order[position]] = start + end + 2  # twice the mid-rank, an integer
        start = end + 1
    ranks = [r for r, value in zip(doubled, d) if value != 0]
    if not ranks:
        return 1.0
    observed = sum(r for r, value in zip(doubled, d) if value > 0)
    ways = _ways(tuple(sorted(ranks)))
    return sum(ways[observed:]) / 2 ** len(ranks)


@lru_cache(maxsize=256)
def _ways(ranks: tuple[int, ...]) -> list[int]:
    """ways[w]: in how many of the 2^n sign patterns the positive ranks add up to w."""
    ways = [1]
    for rank in ranks:
        longer = ways + [0] * rank
        for total, count in enumerate(ways):
            longer[total + rank] += count
        ways = longer
    return ways


def walsh_averages(d: Sequence[float]) -> list[float]:
    """The n(n+1)/2 pairwise means (i <= j), ascending."""
    return sorted((d[i] + d[j]) / 2 for i in range(len(d)) for j in range(i, len(d)))


def hodges_lehmann(d: Sequence[float]) -> float:
    """Median of the Walsh averages. Raises ValueError for an empty sequence."""
    if not d:
        raise ValueError("no pairs")
    averages = walsh_averages(d)
    middle = len(averages) // 2
    return averages[middle] if len(averages) % 2 else (averages[middle - 1] + averages[middle]) / 2


def interval(d: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of the centre of `d` by inverting the two-sided exact signed-rank test.

    With too few pairs for the level, the whole range of the Walsh averages (its actual coverage is then lower).
    """
    n = len(d)
    averages = walsh_averages(d)
    ways = _ways(tuple(range(1, n + 1)))
    target = (1 - level) / 2 * 2**n
    cumulated, quantile = 0, 0
    for w, count in enumerate(ways):
        cumulated += count
        if cumulated >= target:
            quantile = w
            break
    quantile = max(quantile, 1)
    return averages[quantile - 1], averages[len(averages) - quantile]


class Decision(Enum):
    """What a look at the pairs says."""

    FASTER = "faster"
    NOT_FASTER = "not faster"
    NOT_SLOWER = "not slower"
    SLOWER = "slower"
    CONTINUE = "continue"
    UNDECIDED = "undecided"


def look(d: Sequence[float], looks: Sequence[int] = LOOKS) -> Decision:
    """The sequential rule, to be asked after each pair.

    At each of the planned sample sizes: FASTER when p < alpha/looks against 0 and the Hodges-Lehmann estimate
    exceeds log 1.05; NOT_FASTER when the pairs lie significantly below log 1.05; UNDECIDED after the last look.
    Three rules of futility can only lose acceptances: four pairs that are all slower, an estimate below -0.02 at the
    second look, and one below a third of the margin from the third on. (With the pairs of a full machine, deviation
    10 % and heavy tails, these and the look at 75 see 95 % of gains of 1.08x; half the margin and 50 pairs saw 88 %.)
    """
    n = len(d)
    if n == 4 and max(d) < 0:
        return Decision.NOT_FASTER
    if n not in looks:
        return Decision.CONTINUE
    share = ALPHA / len(looks)
    estimate = hodges_lehmann(d)
    if estimate > MARGIN and signed_rank_p(d) < share:
        return Decision.FASTER
    if signed_rank_p([MARGIN - x for x in d]) < share * 2:
        return Decision.NOT_FASTER
    hopeless = -0.02 if n < looks[min(2, len(looks) - 1)] else MARGIN / 3
    if n > looks[0] and estimate < hopeless:
        return Decision.NOT_FASTER
    return Decision.UNDECIDED if n >= looks[-1] else Decision.CONTINUE


def not_slower(d: Sequence[float], looks: Sequence[int] = LOOKS) -> Decision:
    """The sequential rule for a simpler program, to be asked after each pair: is it as fast but for 2 %?

    A test of non-inferiority (Wellek 2010, section 2.2; the interval's lower end above the margin) at each of the planned
    sample sizes: NOT_SLOWER when p < 0.05/looks that the pairs lie above log 0.98; SLOWER when they lie significantly
    below it, the first four all do, or the first two both show half the speed; UNDECIDED after the last look.
    """
    n = len(d)
    if (n == 2 and max(d) < -math.log(2)) or (n == 4 and max(d) < TOLERATED):
        return Decision.SLOWER
    if n not in looks:
        return Decision.CONTINUE
    share = DOUBT / len(looks)
    if signed_rank_p([x - TOLERATED for x in d]) < share:
        return Decision.NOT_SLOWER
    if signed_rank_p([TOLERATED - x for x in d]) < share:
        return Decision.SLOWER
    return Decision.UNDECIDED if n >= looks[-1] else Decision.CONTINUE
