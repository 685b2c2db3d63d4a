"""The exact test against brute force over all sign patterns, and against SciPy where the two are defined alike."""

import itertools
import math
import random

import pytest

from codeopt.sandbox import stats
from codeopt.sandbox.race import Clocks, Race


def brute_force_p(d):
    """P(W+ >= observed) over all sign patterns, mid-ranks, Pratt's zeros."""
    magnitudes = sorted(abs(x) for x in d)
    rank = {m: sum(i + 1 for i, v in enumerate(magnitudes) if v == m) / magnitudes.count(m) for m in magnitudes}
    observed = sum(rank[abs(x)] for x in d if x > 0)
    moving = [rank[abs(x)] for x in d if x != 0]
    if not moving:
        return 1.0
    patterns = itertools.product((0, 1), repeat=len(moving))
    hits = sum(sum(r for r, s in zip(moving, signs) if s) >= observed - 1e-9 for signs in patterns)
    return hits / 2 ** len(moving)


def test_p_value_equals_enumeration_with_ties_and_zeros():
    rng = random.Random(1)
    for _ in range(60):
        d = [rng.choice([-2, -1, -0.5, 0, 0.5, 1, 2, 3]) for _ in range(rng.randint(1, 9))]
        assert stats.signed_rank_p(d) == pytest.approx(brute_force_p(d))


def test_p_value_and_interval_agree_with_scipy():
    scipy_stats = pytest.importorskip("scipy.stats", reason="scipy is a development dependency")
    rng = random.Random(2)
    for n in (10, 15, 33, 50):
        d = [rng.gauss(0.1, 0.3) for _ in range(n)]
        theirs = scipy_stats.wilcoxon(d, alternative="greater", mode="exact").pvalue
        assert stats.signed_rank_p(d) == pytest.approx(theirs)


def test_interval_covers_the_centre_as_often_as_it_says():
    rng = random.Random(3)
    covered = 0
    for _ in range(400):
        low, high = stats.interval([rng.gauss(0.2, 1) for _ in range(20)])
        covered += low <= 0.2 <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_a_simpler_program_passes_where_it_is_as_fast_and_rarely_where_it_is_slower():
    rng = random.Random(6)

    def passed(centre, spread):
        d = []
        while stats.not_slower(d) is stats.Decision.CONTINUE:
            d.append(rng.gauss(centre, spread))
        return stats.not_slower(d) is stats.Decision.NOT_SLOWER

    assert sum(passed(0.0, 0.04) for _ in range(200)) >= 180
    assert sum(passed(stats.TOLERATED, 0.04) for _ in range(200)) <= 18  # 5 in 100, and luck
    assert sum(passed(math.log(0.95), 0.04) for _ in range(200)) <= 2
    assert stats.not_slower([-0.8, -0.6]) is stats.Decision.CONTINUE
    assert stats.not_slower([-0.8, -0.7]) is stats.Decision.SLOWER


def test_identical_programs_are_rarely_accepted_and_real_gains_mostly_are():
    rng = random.Random(4)

    def outcome(centre, spread):
        d = []
        while True:
            d.append(rng.gauss(centre, spread))
            decision = stats.look(d)
            if decision is not stats.Decision.CONTINUE:
                return decision

    quiet = sum(outcome(0.0, 0.05) is stats.Decision.FASTER for _ in range(300))
    noisy = sum(outcome(0.0, 0.15) is stats.Decision.FASTER for _ in range(600))
    true = sum(outcome(math.log(1.08), 0.05) is stats.Decision.FASTER for _ in range(200))
    assert quiet <= 2
    assert noisy <= 14  # alpha is 1 % over all looks: six expected at most
    assert true >= 190


def test_four_slower_pairs_end_the_measurement():
    assert stats.look([-0.1, -0.2, -0.1, -0.3]) is stats.Decision.NOT_FASTER
    assert stats.look([-0.1, -0.2, 0.1, -0.3]) is stats.Decision.CONTINUE


def test_empty_sequences_are_an_error():
    with pytest.raises(ValueError):
        stats.hodges_lehmann([])


@pytest.mark.parametrize(
    ("whole", "cpu_s", "floor_s", "clock"),
    [
        (True, 0.024, 0.002, "cpu"),
        (True, 0.024, 0.006, "wall"),
        (True, 0.010, 0.002, "wall"),
        (True, 0.010, 0.0004, "cpu"),
        (False, 0.024, 0.002, "wall"),
        (False, 0.024, 0.001, "cpu"),
    ],
)
def test_which_clock_decides(whole: bool, cpu_s: float, floor_s: float, clock: str) -> None:
    """By the wall-clock of a busy machine a program gains that splits itself into more processes: 1.24x was seen."""
    race = Race(cpu=[0.0] * 12, wall=[0.2] * 12, baseline_s=[(cpu_s, 0.024)] * 12, candidate_s=[(cpu_s, 0.02)] * 12)
    clocks = Clocks(cpu_s=floor_s, wall_s=0.002, threads=1, whole=whole)
    assert race.clock(clocks) == clock
    assert race.measurement(clocks).speedup == pytest.approx(1.0 if clock == "cpu" else math.exp(0.2))


@pytest.mark.parametrize(("spread", "whole", "clock"), [(1.0, True, "cpu"), (0.02, True, "wall"), (1.0, False, "wall")])
def test_on_a_busy_machine_the_steadier_clock_decides(spread: float, whole: bool, clock: str) -> None:
    """Between 5 and 20 floors: honest programs of 1.8x by CPU time had wall ratios from 0.6 to 6, and were refused."""
    wiggle = [(-1) ** i * i / 12 for i in range(12)]
    wall, cpu = [0.6 + spread * w for w in wiggle], [0.5 + 0.05 * w for w in wiggle]
    race = Race(cpu=cpu, wall=wall, baseline_s=[(0.006, 0.013)] * 12, candidate_s=[(0.0035, 0.004)] * 12)
    assert race.clock(Clocks(cpu_s=0.0004, wall_s=0.0002, threads=1, whole=whole)) == clock
