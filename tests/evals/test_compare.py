"""Two scored runs, paired, and leaderboards of several: from rows that a person can check by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.evals import compare
from codeopt.evals.enamel import Score
from codeopt.types import Status
from tests.commandline import codeopt


def write(folder: Path, rows: dict[int, list[float]]) -> Path:
    """A scored run whose samples have these e; 0 did not pass."""
    folder.mkdir()
    lines = [
        Score(
            task_id=f"T/{problem}", sample=sample, passed=e > 0, levels=(0, e, e, e), e=e, e_capped=min(1, e), seconds=(),
            status=Status.OK, evidence="", reference_s=0.1,
        ).model_dump_json()
        for problem, group in rows.items()
        for sample, e in enumerate(group)
    ]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "config.json").write_text('{"kind": "efficiency"}')
    return folder


def test_the_difference_is_paired_by_problem(tmp_path: Path) -> None:
    # Between problems e differs by far more than between the runs: only pairs show the gain.
    a = compare.read(write(tmp_path / "a", {number: [number / 30] for number in range(1, 21)}))
    b = compare.read(write(tmp_path / "b", {number: [number / 30 + 0.02] for number in range(1, 26)}))
    shared, found = compare.compare(a, b, [1, 5])
    assert shared == [f"T/{number}" for number in range(1, 21)]
    passes, eff, _ = found
    assert (passes.metric, passes.mean, passes.p) == ("pass@1", 0.0, 1.0)
    assert eff.metric == "eff@1" and eff.mean == pytest.approx(0.02) and eff.low > 0.019 and eff.p < 0.001
    assert eff.b - eff.a == pytest.approx(eff.mean)
    _, back = compare.compare(b, a, [1])
    assert back[1].mean == pytest.approx(-0.02) and back[1].p == eff.p


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    a = compare.read(write(tmp_path / "a", {1: [0.5]}))
    b = compare.read(write(tmp_path / "b", {2: [0.5]}))
    with pytest.raises(UserError, match="share no problem"):
        compare.compare(a, b, [1])
    with pytest.raises(UserError, match="only 1 samples"):
        compare.compare(a, a, [5])


def test_compare_and_table_as_a_person_runs_them(tmp_path: Path) -> None:
    write(tmp_path / "weak", {1: [0.0, 0.2], 2: [0.4, 0.0], 3: [0.2, 0.2]})
    write(tmp_path / "strong|1", {1: [0.9, 1.2], 2: [0.8, 1.0], 3: [1.1, 0.9]})
    with open(tmp_path / "weak/rows.jsonl", "a") as torn:
        torn.write('{"task_id": "T/3", "sam')
    said = json.loads(codeopt("eval", "compare", "weak", "strong|1", "--json", "-k", "1,2", cwd=tmp_path).stdout)
    assert said["problems"] == 3 and set(said["metrics"]) == {f"{name}@{k}{end}" for k in (1, 2) for name, end in (("pass", ""), ("eff", ""), ("eff", "_capped"))}
    assert said["metrics"]["eff@2"]["a"] == pytest.approx((0.2 + 0.4 + 0.2) / 3) and said["metrics"]["eff@1"]["difference"][0] > 0.7
    shown = codeopt("eval", "compare", "weak", "strong|1", cwd=tmp_path).stdout
    assert "3 problems that both have" in shown and "eff@1_capped" in shown
    lines = codeopt("eval", "table", "weak", "strong|1", "--markdown", "-k", "1,2,3", cwd=tmp_path).stdout.splitlines()
    assert len(lines) == 4 and lines[2].startswith("| strong\\|1 | 3 | 6 | 0.98") and lines[3].startswith("| weak | 3 | 6 | 0.16")
    assert lines[3].count("|") == 10 and "|  |" in lines[3], "no sample count allows eff@3"
    assert "strong|1" in codeopt("eval", "table", "weak", "strong|1", cwd=tmp_path).stdout


@pytest.mark.parametrize("words", [("compare", "nowhere", "nowhere"), ("table", "empty"), ("table", "broken"), ("compare", "a", "a", "-k", "x")])
def test_bad_input_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    write(tmp_path / "a", {1: [0.5]})
    for name, text in (("empty", ""), ("broken", "{}\n")):
        write(tmp_path / name, {})
        (tmp_path / name / "rows.jsonl").write_text(text)
    done = codeopt("eval", *words, cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr, done.stderr
