"""rows.parquet says what rows.jsonl says, with the same schema whatever the rows hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from codeopt.columns import schema_of
from codeopt.evals import parquet
from codeopt.evals.enamel import Score
from codeopt.evals.rows import Row
from codeopt.evals.speed import Gain
from codeopt.types import Measurement, Status
from tests.commandline import codeopt, codeopt_without

MEASURED = Measurement(pairs=9, speedup=2.5, low=2.0, high=3.0, p_value=0.001, clock="cpu", wall_speedup=2.4, baseline_s=0.5, candidate_s=0.2)
WRONG = "def rolling_max(numbers:\n"


def gain(sample: int, measured: Measurement | None) -> Gain:
    speedup = measured.speedup if measured else 0.0
    return Gain(
        task_id="a task", sample=sample, passed=measured is not None, status=Status.OK, evidence="line\u2028'; \"…", verified=True,
        speedup=speedup, measured=measured,
    )


def efficiency(sample: int, seconds: tuple[tuple[float, ...], ...]) -> Score:
    return Score(
        task_id="T/1", sample=sample, passed=True, status=Status.OK, evidence="", levels=(0, 1, 1, 0.5), e=0.8, e_capped=0.8,
        seconds=seconds, reference_s=0.1,
    )


@pytest.mark.parametrize(
    "rows",
    [
        [gain(0, None), gain(1, None)],
        [gain(0, MEASURED), gain(1, None)],
        [efficiency(0, ()), efficiency(1, ((0.1, 0.2), (0.3,)))],
        [efficiency(0, ())],
    ],
)
def test_rows_come_back_as_they_were(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / parquet.NAME
    config = {"suite": "é", "kind": rows[0].kind}
    assert parquet.write(file, type(rows[0]), rows, config)
    table = pq.read_table(file)
    assert table.to_pylist() == [json.loads(row.model_dump_json()) for row in rows]
    assert json.loads(table.schema.metadata[b"codeopt.config"]) == config
    assert table.schema.equals(schema_of(type(rows[0]))), "it does not hang on what the rows hold"
    frame = pd.read_parquet(file)
    assert list(frame.columns) == list(type(rows[0]).model_fields) and list(frame["sample"]) == list(range(len(rows)))
    assert [path.name for path in tmp_path.iterdir()] == [parquet.NAME]


def test_a_column_that_is_all_null_keeps_its_type(tmp_path: Path) -> None:
    parquet.write(tmp_path / "a", Gain, [gain(0, None)], {})
    measured = pq.read_schema(tmp_path / "a").field("measured").type
    assert [field.name for field in measured] == list(Measurement.model_fields) and str(measured.field("pairs").type) == "int64"


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA is not set")
def test_each_end_of_a_run_writes_it(tmp_path: Path) -> None:
    (tmp_path / "samples.json").write_text(json.dumps({"9": [WRONG, ""], "10": [WRONG]}))
    words = ("eval", "score", "enamel", "--samples-from", "samples.json", "--sandbox", "process", "--out", "out", "--json")
    for more, count in ((("--ids", "9"), 2), ((), 3)):
        done = codeopt(*words, *more, cwd=tmp_path)
        assert done.returncode == 0 and not done.stderr, done.stderr
        lines = [json.loads(line) for line in (tmp_path / "out/rows.jsonl").read_text().splitlines()]
        table = pq.read_table(tmp_path / "out/rows.parquet")
        assert table.to_pylist() == lines and len(lines) == count
    config = json.loads(table.schema.metadata[b"codeopt.config"])
    assert config == json.loads((tmp_path / "out/config.json").read_text()) and config["suite"] == "enamel"
    frame = pd.read_parquet(tmp_path / "out/rows.parquet")
    assert list(frame["status"]) == [line["status"] for line in lines]
    lacks = codeopt_without("pyarrow", *words, cwd=tmp_path)
    assert lacks.returncode == 0 and lacks.stderr.splitlines() == [parquet.MISSING], lacks.stderr
