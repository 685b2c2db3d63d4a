"""Exports: a dataset's pairs as records of a published form. What was imported from it comes back as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from codeopt.datasets import importers
from codeopt.datasets.store import Dataset
from codeopt.errors import UserError

Row = Mapping[str, Any]


def exports() -> dict[str, Callable[[Row], dict[str, Any]]]:
    """The forms that pairs can be written in."""
    return {name: make for form in importers.names() for name, make in importers.find(form).exports.items()}


def record_of(row: Row, form: str, make: Callable[[Row], dict[str, Any]], columns: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A pair as a record: the very one that was imported in that form, else one made from the columns.

    Raises:
        UserError: `extra` was not written by an import.
    """
    if not row["extra"]:
        return make(row)
    try:
        kept = json.loads(row["extra"])
        fields = kept["fields"].items()
        if kept["form"] != form:
            made = make(row)
            return made | {name: value for name, value in fields if name not in made and name not in columns.get(kept["form"], {})}
        own = columns.get(form, {})
        return {name: row[value["column"]] if name in own and isinstance(value, dict) else value for name, value in fields}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"pair {row['id']}: its extra fields cannot be read ({type(error).__name__})", "import the records again") from error


def export(dataset: Dataset, form: str, out: Path) -> int:
    """Write all pairs to a file, an object on each line; nobody sees half of it. Returns their number.

    Raises:
        UserError: There is no such form, or `out` is there already.
    """
    known = exports()
    if form not in known:
        raise UserError(f"there is no form {form!r} to export", f"one of {', '.join(sorted(known))}")
    if out.exists():
        raise UserError(f"{out} exists", "name another file with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    count = 0
    try:
        with part.open("w", encoding="ascii") as file:
            for record in _records(dataset, form, known[form]):
                file.write(json.dumps(record) + "\n")
                count += 1
        os.replace(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return count


def _records(dataset: Dataset, form: str, make: Callable[[Row], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    columns = {name: held for one in importers.names() for name, held in importers.find(one).columns.items()}
    for row in dataset.rows("pairs"):
        yield record_of(row, form, make, columns)
