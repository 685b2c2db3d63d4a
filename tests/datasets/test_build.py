"""Traces become a dataset that load_dataset reads: every row is what the trace says, and nothing is lost to what is damaged."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("datasets")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import runs_made
from commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, command, environment, refused

from codeopt.datasets.build import Settings, build
from codeopt.datasets.store import Dataset
from codeopt.trace import CandidateMade, RunStarted, TraceWriter, VerdictReached
from codeopt.types import Candidate, Proposal, Status

PLAIN = Settings("t", 0, (0.8, 0.1, 0.1), False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "runs"
    for number in range(40):
        runs_made.write(folder / f"{number:03}", number)
    return folder


@pytest.fixture(scope="module")
def built(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("built") / "set"
    build([runs], out, PLAIN)
    return Dataset(out)


def rows(dataset: Dataset, config: str, **equal: Any) -> list[dict[str, Any]]:
    return [row for row in dataset.rows(config) if all(row[name] == value for name, value in equal.items())]


def test_a_pair_of_a_model_and_one_of_an_inverse_rule(built: Dataset) -> None:
    model, inverse = (rows(built, "pairs", problem_id="made/7", origin=origin) for origin in ("model", "inverse rule"))
    (one,), (other,) = model, inverse
    slow, fast = runs_made.SLOW.format(n=7), runs_made.FAST.format(n=7)
    assert (one["input"], one["target"], one["proof"]) == (slow, fast, "holdout")
    assert one["low"] < one["speedup"] < one["high"] and 2 < one["speedup"] < 3
    assert one["plan"] == "a dict keeps order: O(n)" and one["rule"] == "m" and one["note"] == "dict.fromkeys"
    assert (one["visible"], one["hidden"], one["code_v0_loc"], one["code_v1_loc"]) == (20, 30, 6, 2)
    assert "-    seen = []" in one["diff"] and json.loads(one["machine"])["cpu"] == "Some CPU"
    # A slower program that does the same is the slow side of a pair whose fast side is the original.
    assert other["target"] == slow and "int(x)" in other["input"]
    assert other["speedup"] == pytest.approx(2) and other["low"] == pytest.approx(2 / 1.05) and other["p_value"] is None
    assert other["measured_runtime_v0"] == pytest.approx(0.01) and other["measured_runtime_v1"] == pytest.approx(0.005)


def test_failures_by_status_observations_and_the_whole_tree(built: Dataset) -> None:
    failed = rows(built, "failures", problem_id="made/7")
    assert {(row["status"], row["origin"], row["rule"]) for row in failed} == {("wrong_output", "rule", "wrong"), ("not_faster", "rule", "same")}
    assert next(row for row in failed if row["rule"] == "wrong")["evidence"] == "expected [1], got []"
    (seen,) = rows(built, "observations", problem_id="made/7")
    assert seen["claim"] == "membership in a list" and seen["lines"] == [4] and json.loads(seen["profile"])["rows"][0]["share"] == 0.9
    steps = rows(built, "trajectories", problem_id="made/7")
    assert [step["seq"] for step in steps] == list(range(len(steps))) and len(steps) == 16
    texts = {step["event"]: step["text"] for step in steps}
    assert "make it faster" in texts["proposal_intent"] and "dict.fromkeys" in texts["proposal_answer"]
    made = next(step for step in steps if step["candidate"] == "c1" and step["event"] == "candidate")
    assert made["text"] == runs_made.FAST.format(n=7) and made["plan"] == "p1" and "source" not in json.loads(made["body"])["candidate"]["proposal"]


def test_load_dataset_reads_every_configuration(built: Dataset, tmp_path: Path) -> None:
    code = (
        "import sys, datasets\n"
        "for name in sys.argv[2:]:\n"
        "    found = datasets.load_dataset(sys.argv[1], name)\n"
        "    print(name, {split: len(rows) for split, rows in found.items()}, found['train'].column_names)\n"
        "assert not [name for name in sys.modules if name.startswith('codeopt')]\n"
        "rows = datasets.load_dataset(sys.argv[1], 'pairs', streaming=True)['train']\n"
        "assert min(row['speedup'] for row in rows) > 1\n"
    )
    env = environment(HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    words = [sys.executable, "-c", code, str(built.folder), *built.manifest.rows]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == 9
    for line in done.stdout.splitlines():
        name, _, rest = line.partition(" ")
        assert str({split: count for split, count in sorted(built.manifest.rows[name].items(), key=lambda item: ("train", "validation", "test").index(item[0]))}) in rest


def test_trainers_forms(built: Dataset, runs: Path, tmp_path: Path) -> None:
    (row,) = [row for row in rows(built, "sft", problem_id="made/7") if "fromkeys" in row["completion"]]
    assert row["prompt"].count(runs_made.SLOW.format(n=7).strip()) == 1 and "`f7`" in row["prompt"]
    assert row["completion"] == f"```python\n{runs_made.FAST.format(n=7).strip()}\n```"
    better = rows(built, "preference", problem_id="made/7")
    assert len(better) == 2 and all("fromkeys" in row["chosen"] and row["margin"] > 0.5 for row in better)
    labels = rows(built, "unpaired", problem_id="made/7")
    assert sorted(row["label"] for row in labels) == [False, False, True, True]
    asked = rows(built, "prompts", problem_id="made/7")
    assert len(asked) == 2 and {row["task_id"] for row in asked} == {"made/7"}
    assert sorted((row["tried"], row["right"], row["profile"]) for row in asked) == [(0, 0, ""), (1, 1, "line 4: 90% of the time")]
    assert (row["plan"], row["profile"]) == ("a dict keeps order: O(n)", "line 4: 90% of the time")
    (undone,) = [row for row in rows(built, "sft", problem_id="made/7") if "fromkeys" not in row["completion"]]
    assert undone["plan"] == "", "what made a program slower is no plan"
    (ranked,) = rows(built, "ranked", problem_id="made/7")
    assert ranked["scores"] == sorted(ranked["scores"], reverse=True) and ranked["scores"][1:] == [0.0, -1.0]
    assert "fromkeys" in ranked["completions"][0] and "list()" in ranked["completions"][1] and "not in" not in ranked["completions"][2]
    build([runs], tmp_path / "chat", Settings("t", 0, (1, 0, 0), True))
    row = next(Dataset(tmp_path / "chat").rows("preference"))
    assert [message["role"] for key in ("prompt", "chosen", "rejected") for message in row[key]] == ["user", "assistant", "assistant"]


def test_splits_are_by_problem(built: Dataset) -> None:
    where: dict[str, set[str]] = {}
    for config in built.configs():
        for split in ("train", "validation", "test"):
            for row in built.rows(config, split):
                where.setdefault(row["problem_id"], set()).add(split)
    assert len(where) == 40 and all(len(splits) == 1 for splits in where.values())
    assert {split for splits in where.values() for split in splits} == {"train", "validation", "test"}


def test_runs_of_equal_programs_are_one_problem(tmp_path: Path) -> None:
    runs_made.write(tmp_path / "runs" / "a", 3, problem="")
    runs_made.write(tmp_path / "runs" / "b", 3, problem="")
    runs_made.write(tmp_path / "runs" / "c", 4, problem="")
    done = build([tmp_path / "runs"], tmp_path / "out", PLAIN)
    assert sum(done.manifest.problems.values()) == 2
    assert len(rows(Dataset(tmp_path / "out"), "pairs")) == 4, "the pairs of a and b are the same two"


def test_what_came_before_a_step_is_not_in_its_search_pair(tmp_path: Path) -> None:
    """A search measures against the parent, a holdout against the baseline."""
    with TraceWriter(tmp_path / "runs" / "r") as trace:
        trace.add(RunStarted(task=runs_made.task("p/1"), machine=runs_made.MACHINE))
        from codeopt.trace import Baseline

        trace.add(Baseline(status=Status.OK, source="a = 1\n"))
        first = Proposal(source="a = 2\n", proposer="rules", rule="one", note="first")
        second = Proposal(source="a = 3\n", proposer="llm", rule="m", note="second")
        trace.add(CandidateMade(candidate=Candidate(id="c1", parent="c0", proposal=first)))
        trace.add(VerdictReached(candidate="c1", verdict=runs_made.verdict(search=1.5)))
        trace.add(CandidateMade(candidate=Candidate(id="c2", parent="c1", proposal=second)))
        trace.add(VerdictReached(candidate="c2", verdict=runs_made.verdict(search=2.0)))
        trace.add(VerdictReached(candidate="c2", verdict=runs_made.verdict(holdout=3.0)))
    build([tmp_path / "runs"], tmp_path / "out", PLAIN)
    found = {(row["submission_id_v0"], row["submission_id_v1"]): row for row in Dataset(tmp_path / "out").rows("pairs")}
    assert {key: (row["proof"], row["origin"], row["rule"]) for key, row in found.items()} == {
        ("c0", "c1"): ("search", "rule", "one"),
        ("c0", "c2"): ("holdout", "model", "one+m"),
    }
    assert found["c0", "c2"]["note"] == "first; second"


def test_damaged_runs_cost_nothing_but_themselves(runs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(runs, copy)
    good = sum(1 for _ in Dataset(_built(runs, tmp_path / "good")).rows("pairs"))
    lines = (copy / "000" / "trace.jsonl").read_bytes().splitlines(keepends=True)
    hostile = [b"\xff\xfe not utf-8\n", b"[" * 200_000 + b"\n", b"7\n", b'{"event": "verdict", "candidate": 3}\n', b'{"event": "nonsense"}\n', b'"' + b"x" * (17 << 20) + b'"\n', b"\x00\n"]
    (copy / "000" / "trace.jsonl").write_bytes(b"".join(lines[:3] + hostile + lines[3:]) + b'{"event": "no')
    newer = (copy / "001" / "trace.jsonl").read_text().replace('"version":2', '"version":99')
    (copy / "001" / "trace.jsonl").write_text(newer)
    (copy / "002" / "trace.jsonl").write_bytes(b"")
    for body in (copy / "003" / "bodies").iterdir():
        body.write_text("something else")
    surrogate = (copy / "004" / "trace.jsonl").read_text().replace("seen = list()", "seen = list()  # \\ud800")
    (copy / "004" / "trace.jsonl").write_text(surrogate)
    done = codeopt("data", "build", copy, "--out", "out", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    left = [json.loads(line) for line in (tmp_path / "out" / "left-out.jsonl").read_text().splitlines()]
    first = {one["line"]: one["kind"] for one in left if one["file"] == "runs/000/trace.jsonl"}
    assert [first[line] for line in range(4, 11)] == ["not JSON", "not JSON", "not an event", "not an event", "not an event", "too long", "not JSON"]
    assert first[max(first)] == "torn line"
    assert [one["kind"] for one in left if "001" in one["file"]] == ["unreadable run"] and "update codeopt" in str(left)
    assert [one["kind"] for one in left if "002" in one["file"]] == ["no beginning"]
    assert {one["kind"] for one in left if "004" in one["file"]} == {"not Unicode"}
    assert sum(told["rows"]["pairs"].values()) == good - 2 * 2, "of 001 and 002; 000 and 004 lost none of theirs"
    assert "left out: runs/000/trace.jsonl:4: not JSON" in codeopt("data", "build", copy, "--out", "out", cwd=tmp_path).stderr


def _built(runs: Path, out: Path) -> Path:
    build([runs], out, PLAIN)
    return out


def test_a_killed_build_goes_on_and_a_grown_run_is_read_again(runs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    for number in range(8):
        shutil.copytree(runs, copy / str(number))
    words = command("data", "build", copy, "--out", "out", "--workers", "1")
    child = subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    log = tmp_path / "out" / ".build.jsonl"
    while child.poll() is None and not (log.is_file() and len(log.read_bytes().splitlines()) > 1):
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (tmp_path / "out" / "data" / "pairs").mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / "data" / "pairs" / "train-00077.parquet").write_bytes(b"half of it")
    again = build([copy], tmp_path / "out", Settings("Pairs of slow and fast programs", 0, (0.9, 0.05, 0.05), False))
    assert again.runs == 320 and 0 < again.read < 320
    whole = build([copy], tmp_path / "whole", Settings("Pairs of slow and fast programs", 0, (0.9, 0.05, 0.05), False))
    assert again.manifest.rows == whole.manifest.rows
    with TraceWriter(copy / "0" / "005") as trace:
        trace.note("later")
    grown = build([copy], tmp_path / "out", Settings("Pairs of slow and fast programs", 0, (0.9, 0.05, 0.05), False))
    assert 0 < grown.read < 320 and grown.runs == 320
    assert sum(grown.manifest.rows["trajectories"].values()) == sum(whole.manifest.rows["trajectories"].values()) + 1


def test_memory_does_not_grow_with_the_runs(runs: Path, tmp_path: Path) -> None:
    """Ten times as many runs in one process: its peak stays where it was, within what an allocator leaves about."""
    code = (
        "import sys, resource; from pathlib import Path; from codeopt.datasets.runs import rows_of\n"
        "import codeopt.datasets.build as b\n"
        "if __name__ == '__main__':\n"
        "    b.build([Path(sys.argv[1])], Path(sys.argv[2]), b.Settings('t', 0, (1, 0, 0), False))\n"
        "    print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))\n"
    )
    (tmp_path / "measure.py").write_text(code)
    peaks = []
    for copies in (4, 40):
        for number in range(copies):
            target = tmp_path / f"runs{copies}" / str(number)
            target.parent.mkdir(exist_ok=True)
            shutil.copytree(runs, target)
        words = [sys.executable, tmp_path / "measure.py", tmp_path / f"runs{copies}", tmp_path / f"out{copies}"]
        done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        peaks.append(int(done.stdout) * 1024)
    assert resource.getpagesize() and peaks[1] < 1.25 * peaks[0], peaks


def test_a_real_run_and_what_is_said_of_the_dataset(tmp_path: Path) -> None:
    (tmp_path / "basket.py").write_text(SLOW_DEDUPE)
    (tmp_path / "make.py").write_text(MAKE)
    more = ("--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair", "--time", "60", "--max-candidates", "1", "--run", "runs/one")
    done = codeopt("optimize", "basket.py", *more, cwd=tmp_path, seconds=200)
    assert done.returncode == 0, done.stderr
    done = codeopt("data", "build", "runs", "--out", "set", cwd=tmp_path)
    assert done.returncode == 0 and "1 runs (1 read now), 1 problems" in done.stdout, done.stdout + done.stderr
    pairs = list(Dataset(tmp_path / "set").rows("pairs"))
    assert {row["proof"] for row in pairs} == {"holdout"} and all(row["input"] == SLOW_DEDUPE and row["speedup"] > 1.1 for row in pairs)
    assert "dict.fromkeys" in pairs[0]["target"] or pairs[0]["target"] != FAST_DEDUPE
    counted = json.loads(codeopt("data", "stats", "set", "--json", cwd=tmp_path).stdout)
    assert counted["pairs"] == counted["verified"] == 1 and counted["by"]["origin"] == {"rule": 1} and counted["events"]["verdict"] >= 2
    assert "holdout" in codeopt("data", "stats", "set", cwd=tmp_path).stdout
    assert codeopt("data", "validate", "set", cwd=tmp_path).returncode == 0


def test_validate_finds_what_was_changed(built: Dataset, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    copy = tmp_path / "set"
    shutil.copytree(built.folder, copy)
    file = copy / "data" / "pairs" / "train-00000.parquet"
    table = pq.read_table(file)
    column = table.column("speedup").to_pylist()
    pq.write_table(table.set_column(table.schema.get_field_index("speedup"), table.schema.field("speedup"), [[9.0, *column[1:]]]), file)
    shutil.copy(copy / "data" / "pairs" / "train-00000.parquet", copy / "data" / "pairs" / "test-00009.parquet")
    (copy / "data" / "failures" / "train-00000.parquet").write_bytes(b"PAR1")
    done = codeopt("data", "validate", copy, "--json", cwd=tmp_path)
    assert done.returncode == 1
    found = " ".join(one["what"] for one in json.loads(done.stdout))
    for what in ("outside of its interval", "there twice", "is in train as well", "it says", "footer"):
        assert what in found, (what, found[:2000])


def test_diff_names_what_only_one_has(runs: Path, built: Dataset, tmp_path: Path) -> None:
    for name in ("003", "004"):
        shutil.copytree(runs / name, tmp_path / "runs" / name)
    build([tmp_path / "runs"], tmp_path / "few", Settings("t", 0, (0.8, 0.1, 0.1), False))
    assert codeopt("data", "diff", "few", "few", cwd=tmp_path).returncode == 0
    done = codeopt("data", "diff", built.folder, "few", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["both"] == 4 and told["problems_gone"] == 38
    assert told["only_old"] == {"python, model": 38, "python, inverse rule": 38} and not told["only_new"]


def test_bad_input_is_one_line(runs: Path, tmp_path: Path) -> None:
    refused(codeopt("data", "build", "gone", "--out", "out", cwd=tmp_path), "gone: no such folder")
    (tmp_path / "empty").mkdir()
    refused(codeopt("data", "build", "empty", "--out", "out", cwd=tmp_path), "no run is in there")
    refused(codeopt("data", "build", runs, "--out", tmp_path, cwd=tmp_path), "exists and no build")
    refused(codeopt("data", "build", runs, "--out", "out", "--shares", "1,2", cwd=tmp_path), "shares")
    refused(codeopt("data", "stats", "empty", cwd=tmp_path), "no dataset.json here")
    assert codeopt("data", "build", runs, "--out", "out", cwd=tmp_path).returncode == 0
    refused(codeopt("data", "build", runs, "--out", "out", "--seed", "4", cwd=tmp_path), "built with other settings")
