"""What is in a dataset, counted in one pass over each of its configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from codeopt.datasets.store import Dataset, batches_of

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
MOST_RULES = 15
_PAIR = ("problem_id", "language", "kind", "origin", "proof", "rule", "source", "speedup", "low", "code_v0_loc", "code_v1_loc")


def stats(dataset: Dataset) -> dict[str, Any]:
    """Counts and quantiles, as plain data.

    Returns:
        "rows" (configuration -> split -> rows), "pairs": how many, "verified" (the interval above 1), "problems" and
        "at_least_1.1" (speedup), counts "by" language, kind, origin, proof, source and split, "rules" (the most frequent
        ones), quantiles of "speedup" and "lines" of the slow side, "failures" (by status) and "events" (by kind).
    """
    by: dict[str, Counter[str]] = {name: Counter() for name in ("language", "kind", "origin", "proof", "source", "split")}
    rules: Counter[str] = Counter()
    problems: set[str] = set()
    speedups: list[np.ndarray[Any, np.dtype[np.float64]]] = []
    lines: list[np.ndarray[Any, np.dtype[np.int64]]] = []
    verified = 0
    for shard in dataset.shards("pairs"):
        for batch in batches_of(shard, _PAIR):
            table = batch.to_pydict()
            by["split"][shard.split] += batch.num_rows
            for name in by.keys() - {"split"}:
                by[name].update(table[name])
            rules.update(table["rule"])
            problems.update(table["problem_id"])
            speedups.append(np.array(table["speedup"], dtype=float))
            lines.append(np.array(table["code_v0_loc"], dtype=int))
            verified += sum((low or 0) > 1 for low in table["low"])
    gained = np.concatenate(speedups) if speedups else np.array([])
    return {
        "rows": dataset.manifest.rows,
        "pairs": len(gained),
        "verified": verified,
        "problems": len(problems),
        "at_least_1.1": int((gained >= 1.1).sum()),
        "by": {name: dict(counter.most_common()) for name, counter in by.items()},
        "rules": dict(rules.most_common(MOST_RULES)),
        "speedup": _quantiles(speedups),
        "lines": _quantiles(lines),
        "failures": _counted(dataset, "failures", "status"),
        "events": _counted(dataset, "trajectories", "event"),
        "left_out": dataset.manifest.left_out,
    }


def _counted(dataset: Dataset, config: str, column: str) -> dict[str, int]:
    counter: Counter[str] = Counter()
    for batch in dataset.batches(config, columns=(column,)):
        counter.update(batch.column(0).to_pylist())
    return dict(counter.most_common())


def _quantiles(parts: Sequence[np.ndarray[Any, Any]]) -> dict[str, float]:
    """Quantile -> value; empty where there is nothing."""
    if not parts:
        return {}
    values = np.quantile(np.concatenate(parts), QUANTILES)
    return {f"{quantile:g}": round(float(value), 4) for quantile, value in zip(QUANTILES, values, strict=True)}
