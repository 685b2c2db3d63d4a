"""A dataset made anew from another one, shard by shard: with fewer pairs, other splits, another form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from codeopt.columns import schema_of
from codeopt.datasets.forms import NAMES, READ_BY_FORMS, forms, schema
from codeopt.datasets.records import RECORDED, Failure, Pair
from codeopt.datasets.store import (
    SPLITS,
    Dataset,
    Filter,
    Manifest,
    Shard,
    batches_of,
    finish,
    shards_of,
    write_shard,
)
from codeopt.errors import UserError

Row = Mapping[str, Any]


def write_unit(
    folder: Path, number: int, rows: Mapping[str, list[dict[str, Any]]], split: Mapping[str, str], chat: bool
) -> dict[str, int]:
    """Write all shards of one number: the recorded rows, and the forms made from them. Returns rows by configuration.

    Args:
        folder: The dataset's.
        number: Of the shards.
        rows: Recorded rows by configuration, of whole runs.
        split: Problem -> its split.
        chat: The forms are conversational.
    """
    made = {kind.config: (rows.get(kind.config, []), schema_of(kind)) for kind in RECORDED}
    derived = forms(rows.get(Pair.config, []), rows.get(Failure.config, []), chat)
    made |= {name: (derived[name], schema(name, chat)) for name in NAMES}
    counts = {}
    for config, (own, columns) in made.items():
        for name in SPLITS:
            write_shard(folder, config, name, number, (row for row in own if split[row["problem_id"]] == name), columns)
        counts[config] = len(own)
    return counts


def rewrite(
    source: Dataset,
    out: Path,
    *,
    done: Filter,
    keep: Callable[[Row], bool] | None = None,
    mask: Callable[[Shard, pa.Table], Sequence[bool]] | None = None,
    split: Callable[[str], str] | None = None,
    change: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None,
    **manifest: Any,
) -> Manifest:
    """Write a dataset with a part of another one's rows; its forms are made from what is kept.

    Memory holds the rows of one shard number at a time.

    Args:
        source: The dataset.
        out: Folder of the new one; it must not exist, or be empty.
        done: What is done to it, for the manifest; its `after` is filled in here.
        keep: Whether a pair stays.
        mask: Which rows of a shard stay; faster, for it sees columns.
        split: Split of a problem, or "" for the one that it is in; by default every row keeps its own.
        change: The row as it is to be written.
        **manifest: Fields of the manifest that change.

    Raises:
        UserError: `out` is not empty.
    """
    fresh(out)
    told = source.manifest.model_copy(update=manifest)
    numbers = sorted({shard.number for config in source.configs() for shard in source.shards(config)})
    after = 0
    for number in numbers:
        kept: dict[str, list[tuple[str, pa.Table]]] = {}
        for kind in RECORDED:
            columns = schema_of(kind)
            for shard in (one for one in shards_of(source.folder, kind.config) if one.number == number):
                table = pa.Table.from_batches(batches_of(shard), None if shard.rows else columns)
                if mask is not None:
                    table = table.filter(pa.array(mask(shard, table), pa.bool_()))
                if keep is not None and kind is Pair:
                    table = table.filter(pa.array([keep(row) for row in table.to_pylist()], pa.bool_()))
                if change is not None:
                    table = pa.Table.from_pylist([change(kind.config, row) for row in table.to_pylist()], columns)
                kept.setdefault(kind.config, []).extend(_by_split(table, shard.split, split))
        write_kept(out, number, kept, told.chat)
        after += sum(len(table) for _, table in kept.get(Pair.config, ()))
    last = done.model_copy(update={"after": after})
    return finish(out, told.model_copy(update={"filters": (*told.filters, last)}))


def _by_split(table: pa.Table, own: str, split: Callable[[str], str] | None) -> list[tuple[str, pa.Table]]:
    """The rows by the split that they go to."""
    if split is None:
        return [(own, table)]
    places = [split(name) or own for name in table["problem_id"].to_pylist()]
    return [(name, table.filter(pa.array([place == name for place in places], pa.bool_()))) for name in SPLITS if name in places]


def write_kept(folder: Path, number: int, kept: Mapping[str, Sequence[tuple[str, pa.Table]]], chat: bool) -> None:
    """Write all shards of one number: the recorded rows, and the forms made from them."""
    for name in SPLITS:
        for kind in RECORDED:
            tables = [table for place, table in kept.get(kind.config, ()) if place == name and len(table)]
            write_shard(folder, kind.config, name, number, tables, schema_of(kind))
    # A form may compare what is in one split only: everything of a problem is.
    for name in SPLITS:
        rows = {
            kind.config: [
                row
                for place, table in kept.get(kind.config, ())
                if place == name
                for row in table.select([column for column in READ_BY_FORMS if column in table.column_names]).to_pylist()
            ]
            for kind in (Pair, Failure)
        }
        made = forms(rows[Pair.config], rows[Failure.config], chat)
        for form in NAMES:
            write_shard(folder, form, name, number, made[form], schema(form, chat))


def fresh(out: Path) -> None:
    """Make a folder for a new dataset. Raises UserError where there is something in it."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder", "name another one with --out")
    out.mkdir(parents=True, exist_ok=True)
