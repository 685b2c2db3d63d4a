"""Other splits for a dataset, and several datasets as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from codeopt.columns import schema_of
from codeopt.datasets.records import RECORDED, Pair, Row
from codeopt.datasets.rewrite import fresh, rewrite, write_kept
from codeopt.datasets.split import split_of
from codeopt.datasets.store import Dataset, Filter, Manifest, batches_of, finish
from codeopt.errors import UserError


def resplit(source: Dataset, out: Path, shares: Sequence[float], seed: int) -> Manifest:
    """Write a dataset with other splits, by problem. Raises UserError where `out` is not empty."""
    before = source.count(Pair.config)
    done = Filter(name="split", parameters={"shares": list(shares), "seed": seed}, before=before, after=0)
    return rewrite(source, out, done=done, split=lambda problem: split_of(problem, seed, shares), seed=seed, shares=tuple(shares))


def merge(sources: Sequence[Dataset], out: Path, title: str = "") -> Manifest:
    """Write several datasets as one; a problem that is in several of them is in the split of the first that has it.

    Equal pairs stay once, as the first one has them. Memory holds the problems, the pairs' ids, and a shard.

    Args:
        sources: In order.
        out: Folder of the new one; it must not exist, or be empty.
        title: Of its card; by default the first one's.

    Raises:
        UserError: `out` is not empty; some are conversational and others are not.
    """
    if len({source.manifest.chat for source in sources}) > 1:
        raise UserError("some of these are conversational and others are not", "build all of them with --chat, or none")
    fresh(out)
    first = sources[0].manifest
    place: dict[str, str] = {}
    known: set[str] = set()
    before = number = 0
    for source in sources:
        before += source.count(Pair.config)
        for old in sorted({shard.number for config in source.configs() for shard in source.shards(config)}):
            kept: dict[str, list[tuple[str, pa.Table]]] = {}
            for kind in RECORDED:
                for shard in (one for one in source.shards(kind.config) if one.number == old):
                    table = pa.Table.from_batches(batches_of(shard), None if shard.rows else schema_of(kind))
                    for problem in set(table["problem_id"].to_pylist()):
                        place.setdefault(problem, shard.split)
                    kept.setdefault(kind.config, []).extend(_placed(_new(table, kind, known), place))
            write_kept(out, number, kept, first.chat)
            number += 1
    after = len(known)
    names = [source.folder.name for source in sources]
    left_out: dict[str, int] = {}
    for source in sources:
        for why, count in source.manifest.left_out.items():
            left_out[why] = left_out.get(why, 0) + count
    done = Filter(name="merge", parameters={"of": names}, before=before, after=after, told=f"{before - after} pairs were in several of them.")
    filters = [one for source in sources for one in source.manifest.filters]
    manifest = first.model_copy(update={"title": title or first.title, "filters": (*filters, done), "left_out": left_out})
    return finish(out, manifest)


def _new(table: pa.Table, kind: type[Row], known: set[str]) -> pa.Table:
    """The rows without the pairs that are known; they are known from here on."""
    if kind is not Pair:
        return table
    mask = []
    for name in table["id"].to_pylist():
        mask.append(name not in known)
        known.add(name)
    return table.filter(pa.array(mask, pa.bool_()))


def _placed(table: pa.Table, place: dict[str, str]) -> list[tuple[str, pa.Table]]:
    splits = [place[problem] for problem in table["problem_id"].to_pylist()]
    return [(name, table.filter(pa.array([one == name for one in splits], pa.bool_()))) for name in dict.fromkeys(splits)]
