"""Published pairs come in whole and go out as they were; bad records are told and cost nobody else anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import codeopt, refused

from codeopt.datasets import importers
from codeopt.datasets.exporting import export
from codeopt.datasets.importers import Bad, Imported
from codeopt.datasets.importing import LEFT_OUT, Known, Outcome, Settings, bring_in
from codeopt.datasets.split import split_of
from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.types import Measurement, Status, Verdict

SUM = "n = int(input())\ns = 0\nfor i in range(n):\n    s += i\nprint(s)\n"
GAUSS = "n = int(input())\nprint(n * (n - 1) // 2)\n"
OFF = "n = int(input())\nprint(n * (n + 1) // 2)\n"
V1 = {
    "user_id": "u1", "problem_id": "p03317", "language": "python", "submission_id_v0": "s743", "submission_id_v1": "s961",
    "cpu_time_v0": 28.0, "cpu_time_v1": 17.0, "memory_v0": 3060.0, "memory_v1": 3060.0, "status_v0": "Accepted",
    "status_v1": "Accepted", "improvement_frac": 39.29, "input": SUM, "target": GAUSS, "code_v0_loc": 5.0, "code_v1_loc": 2.0,
    "code_v0_num_chars": 67, "code_v1_num_chars": 42, "code_v0_no_empty_lines": SUM, "code_v1_no_empty_lines": GAUSS,
    "code_same": False, "relative_loc_diff_percent": 60.0000000001, "diff": ["-s = 0", "+print(n * (n - 1) // 2)"],
    "diff_only_import_comment": False, "measured_runtime_v0": 0.045435272, "measured_runtime_v1": 0.0227, "runtime_lift": 2.0015538,
}  # fmt: skip
CPP = "#include <iostream>\nint main() {\n  long n, s = 0;\n  std::cin >> n;\n  for (long i = 0; i < n; i++) s += i;\n  std::cout << s;\n}\n"
GEM5 = {
    "src_id": "s1", "tgt_id": "s2", "src_agg_runtime": 1.1062872, "tgt_agg_runtime": 0.1, "src_code": CPP, "tgt_code": CPP + "// é\u2028\n",
    "src_code_runtime": {"0": 0.5, "10": 0.6062872}, "problem_id": "p02574", "fastest_agg_runtime": 0.1, "speedup": 11.062872,
    "fastest_code_len": 12, "tests": [0, 2, 10], "target_reward_updated": None, "src_status": "Accepted", "tgt_status": "Accepted",
    "target_reward_updated_pct_bin": 10, "big": 12345678901234567890123, "tiny": 1e-320, "whole": 1.0, "lone": "\ud83d", "": [[], {}],
}  # fmt: skip


def put(file: Path, *lines: dict[str, Any] | bytes) -> Path:
    file.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    return file


def brought(file: Path, form: str, out: Path, *, companion: Path | None = None, **settings: Any) -> tuple[Dataset, list[str]]:
    found, told = importers.find(form), list[str]()
    bring_in(found, found.read(file, companion), out, Settings(form, file, **settings), None, told.append)
    return Dataset(out), told


@pytest.mark.parametrize(("form", "record"), [("pie", V1), ("pie-cpp", GEM5)])
def test_records_go_out_as_they_came_in(tmp_path: Path, form: str, record: dict[str, Any]) -> None:
    other = {**record, "problem_id": "p1", "more": {"b": 1, "a": [True, 1, 1.0, None]}}
    source = put(tmp_path / "in.jsonl", record, other)
    data, _ = brought(source, "pie", tmp_path / "out", shares=(1.0, 0.0, 0.0))
    assert export(data, form, tmp_path / "back.jsonl") == 2
    # Byte for byte: the same fields in the same order with the same types.
    assert (tmp_path / "back.jsonl").read_bytes() == source.read_bytes()


def test_a_claim_is_a_claim(tmp_path: Path) -> None:
    data, _ = brought(put(tmp_path / "in.jsonl", V1, GEM5, {**V1, "measured_runtime_v0": -100.0, "language": "C++", "input": "a", "target": "b"}), "pie", tmp_path / "out")
    rows = {(row["language"], row["input"][:1]): row for row in data.rows("pairs")}
    python, cpp, unmeasured = rows["python", "n"], rows["cpp", "#"], rows["cpp", "a"]
    assert python["claimed_speedup"] == python["speedup"] == pytest.approx(0.045435272 / 0.0227)
    assert cpp["claimed_speedup"] == cpp["speedup"] == 11.062872
    assert unmeasured["claimed_speedup"] == pytest.approx(28 / 17) and unmeasured["measured_runtime_v0"] is None
    assert {(row["proof"], row["origin"], row["low"], row["measured_pairs"]) for row in rows.values()} == {("claimed", "imported", None, 0)}
    assert (python["code_v0_loc"], python["code_v1_loc"], python["submission_id_v0"]) == (5, 2, "s743") and "-s = 0" in python["diff"]
    assert "PIE" in python["source"] and "Apache-2.0" in python["licence"] and data.manifest.filters == ()
    assert not data.count("sft")  # a claim is nobody's example


def test_pairs_of_one_problem_are_in_one_split(tmp_path: Path) -> None:
    records = [{**V1, "problem_id": f"p{n % 40}", "target": f"{GAUSS}# {n}\n"} for n in range(120)]
    data, _ = brought(put(tmp_path / "in.jsonl", *records), "pie", tmp_path / "out", seed=3, shares=(0.5, 0.25, 0.25))
    for split in ("train", "validation", "test"):
        names = {row["problem_id"] for row in data.rows("pairs", split)}
        assert names and all(split_of(name, 3, (0.5, 0.25, 0.25)) == split for name in names)
    assert data.count("pairs") == 120


BAD: list[tuple[bytes, str]] = [
    (b'{"input": "a", "tar', "not JSON"),
    (b'{"input": "\xff\xfe", "target": "b", "problem_id": "p"}', "not UTF-8"),
    (b"[1, 2]", "not an object"),
    (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deep"),
    (b'{"input": "a", "target": "b", "problem_id": "p", "deep": ' + b"[" * 150 + b"]" * 150 + b"}", "nested too deep"),
    (b'{"input": "a\\u0000", "target": "b", "problem_id": "p"}', "NUL byte"),
    (b'{"input": "a\\ud800", "target": "b", "problem_id": "p"}', "lone surrogate"),
    (b'{"input": 5, "target": "b", "problem_id": "p"}', "wrong type"),
    (b'{"input": "a", "target": "b", "problem_id": "p", "measured_runtime_v0": "fast"}', "wrong type"),
    (b'{"input": "a", "target": "b"}', "missing field"),
    (b'{"input": "  ", "target": "b", "problem_id": "p"}', "no program"),
    (b'{"input": "a", "target": "b", "problem_id": "p", "language": "cobol"}', "language"),
    (b'{"input": "a", "input": "c", "target": "b", "problem_id": "p"}', "field twice"),
    (b'{"something": "else"}', "another form"),
    (b'{"src_code": "a", "tgt_code": "b", "problem_id": "p", "tests": [1e999]}', "wrong type"),
    (b'{"x": "' + b"x" * (17 << 20) + b'"}', "too long"),
    (b'{"input": "' + b"x" * (2 << 20) + b'", "target": "b", "problem_id": "p"}', "too long"),
]


def test_bad_records_are_told_and_lose_nobody_else(tmp_path: Path) -> None:
    lines: list[dict[str, Any] | bytes] = []
    for bad, _ in BAD:
        lines += [bad + b"\n", V1]
    source = put(tmp_path / "in.jsonl", *lines, b'{"input": "cut o')
    done = codeopt("data", "import", "pie", source, "--out", tmp_path / "out", "--no-remeasure", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Dataset(tmp_path / "out").count("pairs") == len(BAD)
    left = [json.loads(line) for line in (tmp_path / "out" / LEFT_OUT).read_text().splitlines()]
    assert [(one["file"], one["line"], one["why"]) for one in left] == [
        *((str(source), 2 * at + 1, why) for at, (_, why) in enumerate(BAD)),
        (str(source), 2 * len(BAD) + 1, "truncated"),
    ]
    assert f"left out: {source}:1: not JSON" in done.stderr and "left out, wrong type: 3" in done.stdout
    assert Dataset(tmp_path / "out").manifest.left_out["too long"] == 2


def test_the_first_twenty_are_shown(tmp_path: Path) -> None:
    _, told = brought(put(tmp_path / "in.jsonl", V1, *[b"{}\n"] * 50), "pie", tmp_path / "out")
    assert sum("another form" in line for line in told) == 20 and any("50 records in all" in line for line in told)
    assert len((tmp_path / "out" / LEFT_OUT).read_text().splitlines()) == 50


def test_what_cannot_be_imported_is_one_line(tmp_path: Path) -> None:
    def said(*args: str | Path) -> Any:
        return codeopt("data", "import", *args, "--out", tmp_path / "out", "--no-remeasure", cwd=tmp_path)

    refused(said("nothing", tmp_path), "no form 'nothing' to import.*pie")
    refused(said("pie", tmp_path / "none.jsonl"), "there is no .*none.jsonl")
    refused(said("codenet", tmp_path), "is no CodeNet")
    refused(said("pie", put(tmp_path / "e.jsonl", b"")), "no pair of the form pie")
    # Nothing is left that stands in the way of the right one.
    assert said("pie", put(tmp_path / "f.jsonl", V1)).returncode == 0


def test_an_export_of_other_pairs_has_the_forms_fields(tmp_path: Path) -> None:
    source = put(tmp_path / "in.jsonl", {"slow": SUM, "fast": GAUSS, "speedup": 4, "mine": [1]})
    brought(source, "jsonl", tmp_path / "out")
    done = codeopt("data", "export", tmp_path / "out", "--form", "pie", "--out", tmp_path / "pie.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = map(json.loads, (tmp_path / "pie.jsonl").read_text().splitlines())
    assert record["mine"] == [1] and record["input"] == SUM and record["improvement_frac"] == 75.0
    again, _ = brought(tmp_path / "pie.jsonl", "pie", tmp_path / "again")
    assert again.count("pairs") == 1
    refused(codeopt("data", "export", tmp_path / "out", "--form", "pie", "--out", tmp_path / "pie.jsonl", cwd=tmp_path), "pie.jsonl exists")
    refused(codeopt("data", "export", tmp_path / "out", "--form", "xml", "--out", tmp_path / "x", cwd=tmp_path), "jsonl, pie, pie-cpp")


def test_codenets_pairs_are_one_users_next_programs(tmp_path: Path) -> None:
    root = tmp_path / "net"
    header = "submission_id,problem_id,user_id,date,language,original_language,filename_ext,status,cpu_time,memory,code_size,accuracy\n"
    rows = [("s1", "u1", 3, "Accepted", 100), ("s2", "u1", 5, "Accepted", 50), ("s3", "u1", 9, "Accepted", 49), ("s4", "u2", 6, "Accepted", 9), ("s5", "u1", 4, "Wrong Answer", 1)]
    (root / "metadata").mkdir(parents=True)
    text = "".join(f"{name},p00001,{user},{date},Python,Python (3.8),py,{status},{cpu},9000,50,4/4\n" for name, user, date, status, cpu in rows)
    (root / "metadata" / "p00001.csv").write_text(header + text + "torn,line\n")
    place = root / "data" / "p00001" / "Python"
    place.mkdir(parents=True)
    for name, *_ in rows:
        (place / f"{name}.py").write_text(f"{SUM}# {name}\n")
    found = list(importers.find("codenet").read(root, None))
    pairs = [one for one in found if isinstance(one, Imported)]
    assert [(one.names, one.claimed, one.problem_id) for one in pairs] == [(("s1", "s2"), 2.0, "p00001")]
    assert [(one.line, one.why) for one in found if isinstance(one, Bad)] == [(7, "truncated")]


def test_effibench_and_kernelbench(tmp_path: Path) -> None:
    solution = "class Solution:\n    def f(self, x):\n        return x\n"
    effi = {"problem_idx": 1, "canonical_solution": solution, "completion": f"Here:\n```python\n{solution}```", "test_case": "solution = Solution()\nassert solution.f(1) == 1\n"}
    file = tmp_path / "effi.json"
    file.write_text(json.dumps([effi, {"instruction": "a", "output": "b"}], indent=1))
    one, other = importers.find("effi").read(file, None)
    assert isinstance(one, Imported) and one.function == "Solution.f" and "assert solution.f(1) == 1" in one.tests
    assert isinstance(other, Bad) and other.why == "one program only"
    problems = tmp_path / "kb"
    (problems / "level1").mkdir(parents=True)
    (problems / "level1" / "2_Relu.py").write_text("class Model: pass\n")
    wrong = {"level": 1, "problem_id": 2, "kernel": "class ModelNew: pass\n", "eval_result": {"eval_0": {"compiled": True, "correctness": False}}}
    samples = put(tmp_path / "samples.jsonl", wrong, {**wrong, "problem_id": 3})
    one, other = importers.find("kernelbench-samples").read(samples, problems)
    assert isinstance(one, Imported) and one.slow == "class Model: pass\n" and one.kind == "kernel" and "differ" in one.wrong
    assert isinstance(other, Bad) and other.why == "no reference"
    data, _ = brought(samples, "kernelbench-samples", tmp_path / "out", companion=problems)
    assert [row["status"] for row in data.rows("failures")] == ["wrong_output"] and not data.count("pairs")


class Stopped(Exception):
    pass


def test_interrupted_work_goes_on_with_what_was_measured(tmp_path: Path) -> None:
    source = put(tmp_path / "in.jsonl", *({**V1, "target": f"{GAUSS}# {n}\n"} for n in range(6)))
    form, out, asked = importers.find("pie"), tmp_path / "out", list[int]()
    measured = Measurement(speedup=2.0, wall_speedup=2.0, low=1.9, high=2.1, baseline_s=0.2, candidate_s=0.1, pairs=12, clock="cpu", p_value=0.0001)

    def run(stop: int) -> Any:
        def again(known: Sequence[Known]) -> Iterator[tuple[int, Outcome]]:
            for one in known:
                if len(asked) == stop:
                    raise Stopped
                asked.append(one.number)
                if one.number == 4:
                    yield one.number, "there is no compiler"
                else:
                    yield one.number, Verdict(status=Status.OK, holdout=measured)

        return bring_in(form, form.read(source, None), out, Settings("pie", source), again, lambda _: None)

    with pytest.raises(Stopped):
        run(3)
    journal = out / ".import" / "unit-00000.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"number": 5, "ver')
    with pytest.raises(UserError, match="begun from another input"):
        bring_in(form, form.read(source, None), out, Settings("pie", source, seed=9), None, print)
    manifest, counted = run(100)
    assert asked == [0, 1, 2, 3, 4, 5] and (counted.measured, counted.failed) == (5, {"refused": 1})
    data = Dataset(out)
    assert {(row["proof"], row["speedup"], row["claimed_speedup"]) for row in data.rows("pairs")} == {("holdout", 2.0, 0.045435272 / 0.0227)}
    (failed,) = data.rows("failures")
    assert failed["evidence"] == "there is no compiler" and failed["target"] == f"{GAUSS}# 4\n"
    # What was never run is nobody's bad example.
    assert all(row["label"] for row in data.rows("unpaired")) and data.count("unpaired") == 5
    assert not (out / ".import").exists() and manifest.filters[0].after == 5


def test_records_are_run_again_here(tmp_path: Path) -> None:
    def cases(*sizes: int) -> list[dict[str, str]]:
        return [{"input": f"{n}\n", "output": f"{n * (n - 1) // 2}\n"} for n in sizes]

    record = {"slow": SUM, "fast": GAUSS, "speedup": 99.5, "cases": cases(3_000_000, 5), "problem_id": "sum"}  # long beside the start of Python
    broken = {**record, "slow": "int main( {\n", "language": "cpp"}
    source = put(tmp_path / "in.jsonl", record, {**record, "fast": OFF}, broken)
    done = codeopt("data", "import", "jsonl", source, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "measured ≥1.1: 1 of 1 verified; wrong here: 1; no verified gain: 0; could not be run: 1" in done.stdout
    data = Dataset(tmp_path / "out")
    (row,) = data.rows("pairs")
    assert row["proof"] == "holdout" and row["claimed_speedup"] == 99.5 and 1 < row["low"] <= row["speedup"] < 50
    assert row["measured_pairs"] >= 10 and json.loads(row["machine"])["python"] and row["measured_runtime_v0"] > row["measured_runtime_v1"]
    failed = {row["status"]: row["evidence"] for row in data.rows("failures")}
    assert set(failed) == {"wrong_output", "refused"} and "expected" in failed["wrong_output"] and "does not build" in failed["refused"]
    assert export(data, "jsonl", tmp_path / "back.jsonl") == 1
    assert json.loads((tmp_path / "back.jsonl").read_text()) == record
