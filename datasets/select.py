"""Fewer and better pairs: a threshold, and a choice by complexity, quality and diversity.

After DEITA (Liu et al. 2024, "What Makes Good Data for Alignment?", section 3): pairs are taken in the order of complexity ×
quality, each one only where it is far enough from all that were taken before. Their scores come from a trained model; here
both are measured. Complexity is the logarithm of the slow program's tokens times one and its deepest block; quality is the
log-speedup that is sure (log of the interval's lower end), so that a gain which may be luck counts little; and distance is
one less the Jaccard similarity of the changes' MinHash sketches, where DEITA has a cosine of embeddings.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from codeopt.datasets.dedup import ADDED
from codeopt.datasets.lexing import CLOSE, OPEN, lex, shingles
from codeopt.datasets.records import Pair
from codeopt.datasets.rewrite import fresh, rewrite
from codeopt.datasets.sketch import PERMUTATIONS, Sketcher
from codeopt.datasets.store import Dataset, Filter, Manifest, Shard, batches_of
from codeopt.errors import UserError

MOST_ALIKE = 0.9
"""Similarity of two changes from which the later one adds nothing."""
MOST_GAIN = 3.0
"""Log-speedup from which more is not better: a thousandfold gain is no better an example than a twentyfold one."""
_COLUMNS = ("language", "input", "target", "speedup", "low", "problem_id", "proof")


class Scored(NamedTuple):
    """The pairs of a dataset, in the order of their shards."""

    score: npt.NDArray[np.float64]
    problem: list[str]
    sketch: npt.NDArray[np.uint8]
    shard: list[tuple[Path, int]]


def at_least(source: Dataset, out: Path, least: float) -> Manifest:
    """Write a dataset of the pairs that are verified and have at least that speedup.

    Raises:
        UserError: `out` is not empty.
    """

    def mask(shard: Shard, table: pa.Table) -> list[bool]:
        if shard.config != Pair.config:
            return [True] * len(table)
        rows = table.select(["speedup", "low", "proof"]).to_pylist()
        return [row["speedup"] >= least and (row["low"] or 0.0) > 1.0 and row["proof"] != "claimed" for row in rows]

    done = Filter(name="select", parameters={"least": least}, before=source.count(Pair.config), after=0)
    return rewrite(source, out, done=done, mask=mask)


def select(source: Dataset, out: Path, budget: int, most_of_problem: int) -> Manifest:
    """Write a dataset of the best pairs. Memory: about 300 bytes a pair.

    Args:
        source: The dataset.
        out: Folder of the new one; it must not exist, or be empty.
        budget: Pairs.
        most_of_problem: Pairs of one problem, at most.

    Raises:
        UserError: `out` is not empty.
    """
    fresh(out)
    found = scored(source)
    chosen = choose(found, budget, most_of_problem)
    kept: dict[Path, set[int]] = {}
    for at in chosen:
        file, row = found.shard[at]
        kept.setdefault(file, set()).add(row)

    def mask(shard: Shard, table: pa.Table) -> list[bool]:
        own = kept.get(shard.file, set())
        return [shard.config != Pair.config or row in own for row in range(len(table))]

    parameters = {"by": "deita", "budget": budget, "per_problem": most_of_problem, "most_alike": MOST_ALIKE}
    told = f"{len({found.problem[at] for at in chosen})} problems."
    done = Filter(name="select", parameters=parameters, before=len(found.score), after=0, told=told)
    return rewrite(source, out, done=done, mask=mask)


def scored(source: Dataset) -> Scored:
    """The verified pairs with their scores and sketches; others have a score of 0."""
    sketcher = Sketcher(MOST_ALIKE)
    score: list[float] = []
    problem: list[str] = []
    sketches: list[npt.NDArray[np.uint8]] = []
    shards: list[tuple[Path, int]] = []
    for shard in source.shards(Pair.config):
        row = 0
        for batch in batches_of(shard, _COLUMNS):
            sets = []
            for pair in batch.to_pylist():
                slow, fast = (lex(pair[side], pair["language"]).tokens for side in ("input", "target"))
                before, after = shingles(slow), shingles(fast)
                sets.append([*before - after, *(one ^ ADDED for one in after - before)])
                score.append(complexity(slow) * quality(pair["low"], pair["proof"]))
                problem.append(pair["problem_id"])
                shards.append((shard.file, row))
                row += 1
            sketches.append(sketcher.sketch(sets).bytes)
    joined = np.concatenate(sketches) if sketches else np.zeros((0, PERMUTATIONS), np.uint8)
    return Scored(np.array(score), problem, joined, shards)


def complexity(tokens: list[str]) -> float:
    """Of a program: log2 of its tokens, times one and the depth of its deepest block."""
    depth = deepest = 0
    for token in tokens:
        depth += (token in (OPEN, "{")) - (token in (CLOSE, "}"))
        deepest = max(deepest, depth)
    return math.log2(1 + len(tokens)) * (1 + deepest)


def quality(low: float | None, proof: str) -> float:
    """Of a gain: the log-speedup that is sure, up to `MOST_GAIN`; 0 where nothing is."""
    return min(MOST_GAIN, math.log(low)) if low and low > 1 and proof != "claimed" else 0.0


def choose(found: Scored, budget: int, most_of_problem: int) -> list[int]:
    """Rows, the best first: greedy, by score, each unlike all before it."""
    order = np.lexsort((np.arange(len(found.score)), -found.score))
    taken: list[int] = []
    sketches = np.zeros((min(budget, len(order)), PERMUTATIONS), np.uint8)
    of: Counter[str] = Counter()
    for at in order.tolist():
        if len(taken) == budget or found.score[at] <= 0:
            break
        if of[found.problem[at]] == most_of_problem:
            continue
        if taken and (sketches[: len(taken)] == found.sketch[at]).mean(axis=1).max() >= MOST_ALIKE:
            continue
        sketches[len(taken)] = found.sketch[at]
        of[found.problem[at]] += 1
        taken.append(at)
    return taken


def checked(budget: int, least: float) -> None:
    """Raises UserError where neither or both are said."""
    if (budget > 0) == (least > 0):
        raise UserError("what is to be selected?", "give --budget N (the best N pairs) or --least X (pairs of X-fold speedup and more)")
