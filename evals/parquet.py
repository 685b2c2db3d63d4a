"""The rows of a run as a Parquet file, with one schema per kind of row: a column that is all null keeps its type."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codeopt.columns import schema_of
from codeopt.evals.rows import Row
from codeopt.machine import library_version

NAME = "rows.parquet"
CONFIG = b"codeopt.config"
"""Key of the run's configuration, JSON, in the file's metadata."""
MISSING = f'no {NAME}: pip install "codeopt[data]", and the same command with the same --out writes it'


def write(file: Path, kind: type[Row], rows: Sequence[Row], config: Mapping[str, Any]) -> bool:
    """Write all rows in this order; a reader never sees half a file. False where pyarrow is not installed.

    Raises:
        OSError: The file cannot be written.
    """
    if not library_version("pyarrow"):
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = schema_of(kind).with_metadata({CONFIG: json.dumps(config).encode()})
    table = pa.Table.from_pylist([row.model_dump(mode="json") for row in rows], schema=schema)
    part = file.with_name(file.name + ".part")
    pq.write_table(table, part)
    os.replace(part, file)
    return True
