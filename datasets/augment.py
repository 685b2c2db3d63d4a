"""Examples without names, added to a dataset: `sft_anonymised`, an augmentation of `sft`.

Both sides of an example have one table, so that a name is the same placeholder in the prompt and in the completion; `names`
holds it as JSON, for the way back. With a seed each pair draws its numbers anew, as Tokompiler does.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from codeopt.datasets.anonymise import LANGUAGES, hidden, together
from codeopt.datasets.forms import forms, schema
from codeopt.datasets.rewrite import fresh
from codeopt.datasets.store import Dataset, Filter, Shard, batches_of, finish, write_shard

CONFIG = "sft_anonymised"
Row = Mapping[str, Any]


def augment(source: Path, out: Path, seed: int | None) -> int:
    """Write a copy of a dataset with that configuration; it appears whole or not at all. Returns the examples.

    Raises:
        UserError: There is no dataset, `out` is not empty, or a shard is damaged.
    """
    dataset = Dataset(source)
    fresh(out)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for config in dataset.configs():
            for shard in dataset.shards(config):
                if config != CONFIG:
                    place = part / "data" / config
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(shard.file, place / shard.file.name)
        columns = schema("sft", dataset.manifest.chat).append(pa.field("names", pa.string()))
        added = 0
        for shard in dataset.shards("pairs"):
            rows = examples(shard, dataset.manifest.chat, seed)
            added += write_shard(part, CONFIG, shard.split, shard.number, rows, columns)
        pairs = dataset.count("pairs")
        done = Filter(name="anonymise", parameters={"seed": seed}, before=pairs, after=pairs, told=f"{added} examples in {CONFIG}.")
        finish(part, dataset.manifest.model_copy(update={"filters": (*dataset.manifest.filters, done)}))
        os.replace(part, out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return added


def examples(shard: Shard, chat: bool, seed: int | None) -> Iterator[dict[str, Any]]:
    """The examples of a shard's pairs: of those that `sft` has."""
    for batch in batches_of(shard):
        for pair in batch.to_pylist():
            if pair["language"] not in LANGUAGES or not forms([pair], (), chat)["sft"]:
                continue
            shown, names = without_names(pair, None if seed is None else f"{seed} {pair['id']}")
            (row,) = forms([shown], (), chat)["sft"]
            yield {**row, "names": json.dumps(names)}


def without_names(pair: Row, seed: int | str | None) -> tuple[dict[str, Any], dict[str, str]]:
    """A pair with views in place of its programs, and placeholder -> name of both."""
    slow, fast = together((pair["input"], pair["target"]), pair["language"], seed)
    names = {**fast.table.names, **slow.table.names}
    return {**pair, "input": slow.text, "target": fast.text, "function": hidden(pair["function"], names)}, names
