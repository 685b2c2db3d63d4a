"""Choose among the possible shapes by asking the baseline: the first combination that it survives wins."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from typing import Any

from .inputs_guess import Parameter, call_of
from .inputs_random import Maker
from .inputs_shapes import Shape
from .inputs_trial import Trials

COMBINATIONS = 200
SAMPLES = 5


def choose(parameters: Sequence[Parameter], trials: Trials, seed: int, seconds: float) -> tuple[list[Shape], float]:
    """The shapes (one a parameter) that the baseline survives best, and the share of samples that it survived.

    Combinations are tried in order of their distance from the best guess, until one survives nearly always.
    """
    until = time.monotonic() + seconds
    best: tuple[float, list[Shape]] = (-1.0, [parameter.shapes[0] for parameter in parameters])
    for number, combination in enumerate(combinations(parameters)):
        score = survival(parameters, combination, trials, seed)
        if score > best[0]:
            best = (score, list(combination))
        if score >= 0.8 or number >= COMBINATIONS or time.monotonic() > until:
            break
    return best[1], best[0]


def combinations(parameters: Sequence[Parameter]) -> list[tuple[Shape, ...]]:
    ranks = [range(len(parameter.shapes)) for parameter in parameters]
    if not ranks:
        return [()]
    total = 1
    for rank in ranks:
        total *= len(rank)
    if total > 20000:
        ranks = [range(min(3, len(rank))) for rank in ranks[:8]] + [range(1) for _ in ranks[8:]]
    order = sorted(itertools.product(*ranks), key=lambda choice: (sum(choice), choice))
    return [tuple(p.shapes[index] for p, index in zip(parameters, choice)) for choice in order[:COMBINATIONS]]


def survival(parameters: Sequence[Parameter], shapes: Sequence[Shape], trials: Trials, seed: int) -> float:
    """Share of a few small random calls that return without raising."""
    good = 0.0
    for index in range(SAMPLES):
        blob = trials.encode(random_call(parameters, shapes, "%s/%s" % (seed, index), index + 1))
        outcome = trials.run(blob) if blob else None
        if outcome is not None and outcome.ok:
            good += 0.5 if outcome.raised else 1.0
        if index == 1 and good == 0:
            break
    return good / SAMPLES


def random_call(parameters: Sequence[Parameter], shapes: Sequence[Shape], seed: Any, size: int) -> Any:
    """One call with values of about `size`; optional parameters are left out half of the time."""
    rng = random.Random(str(seed))
    maker = Maker(rng, size)
    values = {}
    for parameter, shape in zip(parameters, shapes):
        if not (parameter.optional and rng.random() < 0.5):
            try:
                values[parameter.name] = maker.top(shape)
            except (ValueError, TypeError, ArithmeticError):
                # The class refuses these fields; the call without them is judged by the baseline.
                continue
    return call_of(parameters, values)
