"""A dataset as a folder that `datasets.load_dataset(FOLDER, CONFIG)` reads with no code of ours.

    README.md                               the card, with `configs` and `data_files` in its front matter
    dataset.json                            the manifest: sources, licences, filters, parameters, counts
    data/CONFIG/SPLIT-00007.parquet         the rows; one number holds the same runs in every configuration

A shard appears whole or not at all. A change of a dataset (a filter, a new split) is a new folder, written shard by
shard, so memory does not grow with the data.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from codeopt.datasets.card import card
from codeopt.errors import UserError
from codeopt.types import Record

MANIFEST = "dataset.json"
SPLITS = ("train", "validation", "test")
_NAME = re.compile(r"(train|validation|test)-(\d{5,})\.parquet")
_BATCH_ROWS = 1024


class Filter(Record):
    """One change that was made to a dataset after it was built.

    Attributes:
        name: The command ("dedup", "decontaminate", …).
        parameters: What it was told.
        before, after: Pairs.
        told: What it found, in a line.
    """

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    before: int
    after: int
    told: str = ""


class Manifest(Record):
    """What a dataset is made of.

    Attributes:
        version: Of this form.
        title: Heading of the card.
        codeopt: Version that built it.
        chat: The trainers' forms are conversational.
        seed, shares: Of the split by problem.
        sources: Source -> its licence.
        machines: JSON fingerprints of the machines that measured -> pairs.
        origins: Origin -> pairs.
        left_out: Why records were left out -> how many.
        filters: Changes since, in order.
        rows: Configuration -> split -> rows.
        problems: Split -> problems with a pair.
    """

    version: int = 1
    title: str = "Pairs of slow and fast programs"
    codeopt: str = ""
    chat: bool = False
    seed: int = 0
    shares: tuple[float, ...] = (0.9, 0.05, 0.05)
    sources: dict[str, str] = Field(default_factory=dict)
    machines: dict[str, int] = Field(default_factory=dict)
    origins: dict[str, int] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    rows: dict[str, dict[str, int]] = Field(default_factory=dict)
    problems: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class Shard:
    """One file of a dataset."""

    config: str
    split: str
    number: int
    file: Path

    @property
    def rows(self) -> int:
        """How many it holds, from its footer."""
        return int(pq.read_metadata(self.file).num_rows)


class Dataset:
    """A dataset that lies in a folder.

    Raises:
        UserError: There is none, or its manifest cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / MANIFEST
        if not file.is_file():
            raise UserError(f"{folder}: there is no {MANIFEST} here", "give a folder that codeopt data build or import wrote")
        try:
            self.manifest = Manifest.model_validate_json(file.read_bytes())
        except (ValidationError, OSError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise UserError(f"{file} cannot be read ({why})", "restore it from a copy, or build the dataset again") from error

    def shards(self, config: str, split: str = "") -> list[Shard]:
        """The files of a configuration, by number; all splits where none is named."""
        found = shards_of(self.folder, config)
        return [shard for shard in found if not split or shard.split == split]

    def configs(self) -> list[str]:
        """The configurations that have files."""
        return configs_of(self.folder)

    def batches(self, config: str, split: str = "", columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Rows in batches of up to a thousand, shard by shard. Raises UserError where a shard is damaged."""
        for shard in self.shards(config, split):
            yield from batches_of(shard, columns)

    def rows(self, config: str, split: str = "", columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows as plain dictionaries."""
        for batch in self.batches(config, split, columns):
            yield from batch.to_pylist()

    def count(self, config: str) -> int:
        """Rows of a configuration."""
        return sum(shard.rows for shard in self.shards(config))


def configs_of(folder: Path) -> list[str]:
    """Names of the configurations that have files in a dataset's folder."""
    data = folder / "data"
    return sorted(path.name for path in data.iterdir() if shards_of(folder, path.name)) if data.is_dir() else []


def shards_of(folder: Path, config: str) -> list[Shard]:
    """The files of a configuration in a dataset's folder, by number and split."""
    place = folder / "data" / config
    if not place.is_dir():
        return []
    named = [(found, file) for file in place.iterdir() if (found := _NAME.fullmatch(file.name))]
    shards = [Shard(config, found[1], int(found[2]), file) for found, file in named]
    return sorted(shards, key=lambda shard: (shard.number, SPLITS.index(shard.split)))


def batches_of(shard: Shard, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of one file, in batches. Raises UserError where it is damaged or has no such columns."""
    try:
        with pq.ParquetFile(shard.file) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=list(columns) if columns is not None else None)
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0]
        raise UserError(f"{shard.file} cannot be read ({why})", "restore it from a copy, or build the dataset again") from error


def write_shard(
    folder: Path, config: str, split: str, number: int, rows: Iterable[Mapping[str, Any] | pa.Table], schema: pa.Schema
) -> int:
    """Write one file; nobody sees half of it. No file where there are no rows. Returns their number.

    Args:
        rows: One by one, or as tables.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    place = folder / "data" / config
    file = place / f"{split}-{number:05}.parquet"
    part = file.with_suffix(".part")
    count = 0
    writer: pq.ParquetWriter | None = None
    try:
        for table in _tables(rows, schema):
            if writer is None:
                part.parent.mkdir(parents=True, exist_ok=True)
                writer = pq.ParquetWriter(part, schema, compression="zstd")
            writer.write_table(table)
            count += len(table)
        if writer is None:
            file.unlink(missing_ok=True)
            return 0
        writer.close()
        os.replace(part, file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return count


def _tables(rows: Iterable[Mapping[str, Any] | pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Rows as tables of up to a thousand; what is a table already stays one."""
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        if isinstance(row, pa.Table):
            yield row
            continue
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            yield pa.Table.from_pylist(batch, schema=schema)
            batch = []
    if batch:
        yield pa.Table.from_pylist(batch, schema=schema)


def finish(folder: Path, manifest: Manifest) -> Manifest:
    """Count what lies in the folder, write the manifest and the card. Returns the manifest as written."""
    rows: dict[str, dict[str, int]] = {}
    for config in configs_of(folder):
        for shard in shards_of(folder, config):
            row = rows.setdefault(config, {})
            row[shard.split] = row.get(shard.split, 0) + shard.rows
    told = tell(folder)
    written = manifest.model_copy(update={"rows": rows, **told})
    replace(folder / MANIFEST, json.dumps(written.model_dump(mode="json"), indent=1) + "\n")
    replace(folder / "README.md", card(written))
    return written


def tell(folder: Path) -> dict[str, Any]:
    """What the pairs say of themselves: sources, machines, origins and problems."""
    sources: dict[str, str] = {}
    machines: dict[str, int] = {}
    origins: dict[str, int] = {}
    problems: dict[str, set[str]] = {}
    for shard in shards_of(folder, "pairs"):
        for batch in batches_of(shard, ("source", "licence", "machine", "origin", "problem_id")):
            for row in batch.to_pylist():
                sources[row["source"]] = row["licence"] or sources.get(row["source"], "")
                machines[row["machine"]] = machines.get(row["machine"], 0) + 1
                origins[row["origin"]] = origins.get(row["origin"], 0) + 1
                problems.setdefault(shard.split, set()).add(row["problem_id"])
    return {
        "sources": sources,
        "machines": machines,
        "origins": origins,
        "problems": {split: len(names) for split, names in problems.items()},
    }


def replace(file: Path, text: str) -> None:
    """Write a text file whole."""
    part = file.with_name(file.name + ".part")
    part.write_text(text, "utf-8")
    os.replace(part, file)
