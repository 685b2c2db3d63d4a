"""Thompson sampling over measured gains per cost: which family of plans, proposer, model or parent is tried next.

An arm's gains are taken as normal with unknown mean and variance, under the conjugate normal-inverse-gamma prior
(Murphy 2007, "Conjugate Bayesian analysis of the Gaussian distribution", section 3; Thompson 1933). A draw from the
posterior of the mean, divided by what a try of that arm costs on average, is its score; the highest score is tried. So
what is unknown is tried now and then, and what pays is tried often.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

PRIOR_GAIN = 0.1  # log-speedup that is expected of what was never tried
PRIOR_TRIES = 1.0  # how many tries the prior counts for
PRIOR_SHAPE, PRIOR_SCALE = 1.5, 0.2


@dataclass
class Arm:
    """What came of one choice: log-speedups (0 for a failure), and their costs in one unit for all arms."""

    gains: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


class Bandit:
    """Arms by name. The same seed and the same results give the same choices, so a resumed run repeats them."""

    def __init__(self, seed: int) -> None:
        self.arms: dict[str, Arm] = {}
        self._random = random.Random(seed)

    def learn(self, name: str, gain: float, cost: float) -> None:
        """Note a try. `gain` is a log-speedup, at least 0; `cost` is above 0."""
        arm = self.arms.setdefault(name, Arm())
        arm.gains.append(gain)
        arm.costs.append(cost)

    def score(self, name: str, prior: float = PRIOR_GAIN) -> float:
        """A draw of the arm's mean gain per cost; costs are seen from the mean of all arms."""
        arm = self.arms.get(name, Arm())
        count = len(arm.gains)
        mean = statistics.fmean(arm.gains) if count else 0.0
        weight = PRIOR_TRIES + count
        centre = (PRIOR_TRIES * prior + count * mean) / weight
        squares = sum((gain - mean) ** 2 for gain in arm.gains)
        scale = PRIOR_SCALE + squares / 2 + PRIOR_TRIES * count * (mean - prior) ** 2 / (2 * weight)
        variance = scale / self._random.gammavariate(PRIOR_SHAPE + count / 2, 1.0)
        drawn = self._random.gauss(centre, (variance / weight) ** 0.5)
        every = [cost for other in self.arms.values() for cost in other.costs]
        usual = statistics.fmean(every) if every else 1.0
        relative = (1.0 + sum(arm.costs) / usual) / (1.0 + count)
        return drawn / relative

    def choose(self, priors: Mapping[str, float]) -> str:
        """The name to try next, of those that have a prior gain. Raises ValueError for none."""
        return max(priors, key=lambda name: self.score(name, priors[name]))
