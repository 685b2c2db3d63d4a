"""How two datasets differ, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from codeopt.datasets.store import Dataset, batches_of

_COLUMNS = ("id", "language", "origin", "problem_id", "speedup", "low", "high")


@dataclass
class Difference:
    """What only one of two datasets has, and what they say differently.

    Attributes:
        both: Pairs in both.
        only_old, only_new: Pairs by "language, origin".
        changed: Pairs whose intervals do not meet.
        moved: Pairs in another split.
        problems_gone, problems_new: Problems with a pair in one only.
    """

    both: int = 0
    only_old: dict[str, int] = field(default_factory=dict)
    only_new: dict[str, int] = field(default_factory=dict)
    changed: list[dict[str, Any]] = field(default_factory=list)
    moved: int = 0
    problems_gone: int = 0
    problems_new: int = 0

    @property
    def same(self) -> bool:
        return not (self.only_old or self.only_new or self.changed or self.moved)


def difference(old: Dataset, new: Dataset) -> Difference:
    """Compare the pairs of two datasets by id. Memory holds the figures of the old one's pairs, not their programs."""
    told = Difference()
    left: dict[str, tuple[str, dict[str, Any]]] = {}
    for shard in old.shards("pairs"):
        for batch in batches_of(shard, _COLUMNS):
            left.update({row["id"]: (shard.split, row) for row in batch.to_pylist()})
    before = {row["problem_id"] for _, row in left.values()}
    after: set[str] = set()
    for shard in new.shards("pairs"):
        for batch in batches_of(shard, _COLUMNS):
            for row in batch.to_pylist():
                after.add(row["problem_id"])
                split, known = left.pop(row["id"], ("", None))
                if known is None:
                    _count(told.only_new, row)
                    continue
                told.both += 1
                told.moved += split != shard.split
                if _apart(known, row):
                    told.changed.append({"id": row["id"], "old": known["speedup"], "new": row["speedup"]})
    for _, row in left.values():
        _count(told.only_old, row)
    told.problems_gone, told.problems_new = len(before - after), len(after - before)
    return told


def _count(counts: dict[str, int], row: dict[str, Any]) -> None:
    kind = f"{row['language']}, {row['origin']}"
    counts[kind] = counts.get(kind, 0) + 1


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both were measured and their intervals do not meet."""
    if None in (one["low"], one["high"], other["low"], other["high"]):
        return bool(one["speedup"] != other["speedup"])
    return bool(one["high"] < other["low"] or other["high"] < one["low"])
