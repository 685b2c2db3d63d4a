"""Whether a dataset is what it says: its schema, its counts, its pairs and its splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codeopt.columns import schema_of
from codeopt.datasets.card import card
from codeopt.datasets.forms import NAMES, schema
from codeopt.datasets.records import RECORDED
from codeopt.datasets.runs import diff, loc, pair_id
from codeopt.datasets.store import Dataset, Shard, batches_of
from codeopt.errors import UserError

OTHERS = ("sft_anonymised",)
ROUNDING = 1e-9


@dataclass(frozen=True)
class Finding:
    """Something that is not right: the file, the 1-based row (0 for the file as a whole), and what."""

    file: str
    row: int
    what: str


def findings(dataset: Dataset) -> Iterator[Finding]:
    """Everything that is not right, as it is found; memory holds the ids of pairs and the problems' splits."""
    manifest = dataset.manifest
    if not (dataset.folder / "README.md").is_file() or (dataset.folder / "README.md").read_text("utf-8") != card(manifest):
        yield Finding("README.md", 0, "is not the card of this manifest")
    split: dict[str, str] = {}
    ids: set[str] = set()
    for config in dataset.configs():
        counted: dict[str, int] = {}
        for shard in dataset.shards(config):
            name = str(shard.file.relative_to(dataset.folder))
            try:
                yield from _file(shard, name, manifest.chat)
                counted[shard.split] = counted.get(shard.split, 0) + shard.rows
                yield from _rows(shard, name, split, ids)
            except (UserError, pa.ArrowException, OSError) as error:
                yield Finding(name, 0, str(error).splitlines()[0])
        if counted != manifest.rows.get(config, {}):
            yield Finding("dataset.json", 0, f"{config}: it says {manifest.rows.get(config, {})}, there are {counted}")
    for config in manifest.rows.keys() - set(dataset.configs()):
        yield Finding("dataset.json", 0, f"{config}: there are no files")


def _file(shard: Shard, name: str, chat: bool) -> Iterator[Finding]:
    kinds = {kind.config: kind for kind in RECORDED}
    found = pq.read_schema(shard.file)
    if shard.config in kinds:
        wanted = schema_of(kinds[shard.config])
    elif shard.config in NAMES:
        wanted = schema(shard.config, chat)
    elif shard.config in OTHERS:
        return
    else:
        yield Finding(name, 0, f"there is no configuration {shard.config}")
        return
    if not found.equals(wanted):
        other = sorted({f"{one.name}: {one.type}" for one in wanted} ^ {f"{one.name}: {one.type}" for one in found})
        yield Finding(name, 0, f"its columns differ: {', '.join(other) or 'their order'}")


def _rows(shard: Shard, name: str, split: dict[str, str], ids: set[str]) -> Iterator[Finding]:
    whole = shard.config == "pairs"
    row = 0
    for batch in batches_of(shard, None if whole else ("problem_id",)):
        for record in batch.to_pylist():
            row += 1
            problem = record["problem_id"]
            if split.setdefault(problem, shard.split) != shard.split:
                yield Finding(name, row, f"problem {problem} is in {split[problem]} as well")
            if whole:
                for what in _pair(record, ids):
                    yield Finding(name, row, what)


def _pair(pair: dict[str, Any], ids: set[str]) -> Iterator[str]:
    """What is not right with a pair."""
    if pair["id"] in ids:
        yield f"pair {pair['id']} is there twice"
    ids.add(pair["id"])
    if pair["id"] != pair_id(pair["language"], pair["flags"], pair["input"], pair["target"]):
        yield "its id is not that of its programs"
    if pair["input"] == pair["target"] and not pair["flags"]:
        yield "its two programs are the same"
    if pair["diff"] != diff(pair["input"], pair["target"]):
        yield "its diff is not that of its programs"
    if (pair["code_v0_loc"], pair["code_v1_loc"]) != (loc(pair["input"]), loc(pair["target"])):
        yield "its lines of code are not those of its programs"
    if not pair["speedup"] > 0:
        yield f"a speedup of {pair['speedup']}"
    if pair["proof"] == "claimed":
        if pair["measured_pairs"] or pair["claimed_speedup"] is None:
            yield "a claim with measured pairs, or with no figure"
    elif pair["low"] is None or pair["high"] is None or not pair["measured_pairs"]:
        yield "measured, and without an interval"
    elif not pair["low"] <= pair["speedup"] * (1 + ROUNDING) or not pair["speedup"] <= pair["high"] * (1 + ROUNDING):
        yield f"a speedup of {pair['speedup']} outside of its interval {pair['low']} to {pair['high']}"
