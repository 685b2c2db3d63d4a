"""Filters make a dataset from another one: what they take away, what they leave, and what they say of it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("datasketch")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import runs_made
from commandline import codeopt, refused

from codeopt.datasets.build import Settings, build
from codeopt.datasets.decontaminate import Protected, find
from codeopt.datasets.dedup import dedup
from codeopt.datasets.lexing import normalised
from codeopt.datasets.records import Pair
from codeopt.datasets.rewrite import write_unit
from codeopt.datasets.runs import diff, loc, pair_id
from codeopt.datasets.store import Dataset, Manifest, finish

DATA = os.environ.get("CODEOPT_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="CODEOPT_DATA does not say where the suites' data is")


def pair(problem: str, slow: str, fast: str, low: float = 1.5, **more: object) -> dict[str, object]:
    return Pair(
        problem_id=problem, id=pair_id("python", (), slow, fast), language="python", input=slow, target=fast, speedup=low * 1.1, low=low,
        high=low * 1.2, diff=diff(slow, fast), code_v0_loc=loc(slow), code_v1_loc=loc(fast), measured_pairs=12, proof="holdout", origin="rule", source="made up", licence="CC0-1.0", **more,
    ).model_dump()  # fmt: skip


def dataset(folder: Path, rows: Iterable[dict[str, object]], split: dict[str, str] | None = None) -> Dataset:
    own = list(rows)
    names = {str(row["problem_id"]): (split or {}).get(str(row["problem_id"]), "train") for row in own}
    write_unit(folder, 0, {"pairs": own}, names, chat=False)
    finish(folder, Manifest())
    return Dataset(folder)


SLOW = "def total(values):\n    result = 0\n    for value in values:\n        if value not in seen(values, value):\n            result += value\n    return result\n"
FAST = "def total(values):\n    return sum(set(values) - {None})\n"
OTHER = "def total(values):\n    return sum({value: None for value in values if value is not None})\n"


def renamed(text: str) -> str:
    return "# other names\n" + re.sub(r"\bvalues?\b", lambda found: f"x{len(found[0])}", text).replace("    ", "  ")


def test_the_normal_form_is_the_same_under_other_names_and_layout() -> None:
    assert normalised(SLOW, "python") == normalised(renamed(SLOW), "python")
    assert normalised(SLOW, "python") != normalised(SLOW.replace("+=", "-="), "python")
    assert normalised("int f(int a){return a+1;}", "cpp") == normalised("int g(int b) // x\n{\n  return b + 1;\n}", "cpp")


def test_duplicates_at_each_level_and_the_best_proved_one_stays(tmp_path: Path) -> None:
    rows = [
        pair("a", SLOW, FAST, low=1.3),
        pair("b", renamed(SLOW), renamed(FAST), low=2.0),
        pair("c", SLOW, OTHER),
        pair("d", SLOW.replace("+=", "-="), FAST.replace("sum", "-sum")),
    ]
    source = dataset(tmp_path / "all", rows)
    kept = {level: dedup(source, tmp_path / level, level)[0] for level in ("exact", "normalised")}  # type: ignore[arg-type]
    assert {level: sum(manifest.rows["pairs"].values()) for level, manifest in kept.items()} == {"exact": 4, "normalised": 3}
    assert {row["problem_id"] for row in Dataset(tmp_path / "normalised").rows("pairs")} == {"b", "c", "d"}, "b is proved better than a"
    assert kept["normalised"].filters[-1].name == "dedup" and kept["normalised"].filters[-1].after == 3
    assert Dataset(tmp_path / "normalised").count("sft") == 3, "the forms are those of what is left"


def test_what_splits_share_goes_to_one_of_them(tmp_path: Path) -> None:
    rows = [pair("a", SLOW, FAST), pair("b", renamed(SLOW), OTHER), pair("c", "x = 1\n", "y = 2\n")]
    source = dataset(tmp_path / "all", rows, {"a": "train", "b": "test", "c": "test"})
    dedup(source, tmp_path / "out", "normalised")
    where = {row["problem_id"]: split for split in ("train", "test") for row in Dataset(tmp_path / "out").rows("pairs", split)}
    assert where["a"] == where["b"] and where["c"] == "test"


@needs_data
def test_every_problem_that_is_planted_is_found_and_mbpp_stays(tmp_path: Path) -> None:
    """ENAMEL's and HumanEval's 164 problems under other names and layout, and by their words alone, among MBPP's."""
    from codeopt.cli.data_filter import protected
    from codeopt.evals.humaneval import problems

    texts, left_out = protected([], Path(str(DATA)))
    assert {text.suite for text in texts} >= {"enamel", "humaneval-speed"} and left_out["mbpp"] == "models may learn from it"
    rows = []
    for problem in problems(Path(str(DATA))):
        copied = re.sub(r"\b(i|j|x|s|l|lst|res|result|string|numbers)\b(?!\s*=[^=])", r"\1_q", problem.canonical.replace("    ", "  "))
        rows.append(pair(f"program/{problem.number}", f"# copied\n{copied}\n", "def other():\n    return 0\n"))
        rows.append(pair(f"words/{problem.number}", f"{problem.prompt}    pass\n", "def other():\n    return 1\n"))
    mbpp = [json.loads(line) for line in (Path(str(DATA)) / "mbpp" / "mbpp.jsonl").read_text("utf-8").splitlines()]
    rows += [pair(f"mbpp/{one['task_id']}", one["code"].replace("\r\n", "\n"), "def other():\n    return 2\n") for one in mbpp]
    found = find(dataset(tmp_path / "all", rows), texts, 0.7)
    planted = {name for name in found if name.startswith("program/")}
    assert len(planted) == 164, sorted({f"program/{number}" for number in range(164)} - planted)
    said = {name for name in found if name.startswith("words/")}
    assert len(said) >= 160, sorted({f"words/{number}" for number in range(164)} - said)
    removed = [name for name in found if name.startswith("mbpp/")]
    assert 0 < len(removed) < 0.05 * len(mbpp), (len(removed), "MBPP has some of HumanEval's problems, and few of them")


def test_a_folder_is_protected_and_the_report_says_what_went(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "one.py").write_text(renamed(SLOW))
    (tmp_path / "secret" / "task.txt").write_text("Given a list of temperatures return how many days one has to wait until a warmer day comes along")
    words = '"""given a list of temperatures, return how many days one has to wait until a warmer day comes"""\n'
    dataset(tmp_path / "all", [pair("copied", SLOW, FAST), pair("told", words + "x = 3\n", "x = 4\n"), pair("own", "y = [1]\n", "y = (1,)\n")])
    done = codeopt("data", "decontaminate", "all", "--out", "clean", "--against", "secret", cwd=tmp_path)
    assert done.returncode == 0 and "3 pairs, 1 kept" in done.stdout, done.stdout + done.stderr
    report = json.loads((tmp_path / "clean" / "decontamination.json").read_text())
    assert report["problem_ids"] == ["copied", "told"] and report["suites"]["secret"]["removed"] == {"same": 1, "near": 1, "words": 1}
    assert "copied is one.py" in (tmp_path / "clean" / "decontamination.md").read_text()
    assert codeopt("data", "validate", "clean", cwd=tmp_path).returncode == 0
    texts = [Protected("s", "p", "python", FAST, "")]
    assert find(Dataset(tmp_path / "all"), texts, 0.9).keys() == {"copied"}, "the fast side counts as well"


def test_select_takes_the_better_and_the_unlike(tmp_path: Path) -> None:
    rows = [pair("a", SLOW, FAST, low=3.0), pair("b", renamed(SLOW), renamed(FAST), low=2.9), pair("c", SLOW, OTHER, low=1.2)]
    rows += [pair("d", f"x = {number}\n", f"x = {number} + 1\n", low=1.01) for number in range(5)]
    rows.append({**pair("e", SLOW + "#\n", OTHER + "#\n", low=9.0), "proof": "claimed"})
    dataset(tmp_path / "all", rows)
    done = codeopt("data", "select", "all", "--out", "two", "--budget", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {row["problem_id"] for row in Dataset(tmp_path / "two").rows("pairs")} == {"a", "c"}, "b is the same change as a, e a claim"
    assert codeopt("data", "select", "all", "--out", "sure", "--least", "1.1", cwd=tmp_path).returncode == 0
    assert {row["problem_id"] for row in Dataset(tmp_path / "sure").rows("pairs")} == {"a", "b", "c", "d"}
    few = codeopt("data", "select", "all", "--out", "few", "--budget", "9", "--per-problem", "1", "--json", cwd=tmp_path)
    assert json.loads(few.stdout)["after"] == 3


def test_split_and_merge_keep_problems_whole(tmp_path: Path) -> None:
    for number in range(30):
        runs_made.write(tmp_path / "runs" / str(number), number)
    build([tmp_path / "runs"], tmp_path / "a", Settings("t", 0, (1, 0, 0), False))
    build([tmp_path / "runs"], tmp_path / "b", Settings("t", 0, (0, 0, 1), False))
    assert codeopt("data", "split", "a", "--out", "parts", "--shares", "0.5,0.2,0.3", "--seed", "5", cwd=tmp_path).returncode == 0
    parts = Dataset(tmp_path / "parts")
    of = {split: {row["problem_id"] for config in parts.configs() for row in parts.rows(config, split)} for split in ("train", "validation", "test")}
    assert all(of.values()) and sum(map(len, of.values())) == 30
    done = codeopt("data", "merge", "parts", "b", "--out", "joined", "--title", "Both", cwd=tmp_path)
    assert done.returncode == 0 and "60 pairs were in several" in done.stdout, done.stdout + done.stderr
    joined = Dataset(tmp_path / "joined")
    assert joined.count("pairs") == 60 and joined.count("trajectories") == 2 * parts.count("trajectories")
    assert {row["problem_id"] for row in joined.rows("trajectories", "test")} == of["test"], "as the first one has it"
    assert joined.manifest.title == "Both" and [one.name for one in joined.manifest.filters] == ["split", "merge"]
    assert codeopt("data", "validate", "joined", cwd=tmp_path).returncode == 0


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    dataset(tmp_path / "all", [pair("a", SLOW, FAST)])
    refused(codeopt("data", "dedup", "all", "--out", "out", "--level", "fuzzy", cwd=tmp_path), "one of exact, normalised, minhash")
    refused(codeopt("data", "dedup", "all", "--out", "all", cwd=tmp_path), "not an empty folder")
    refused(codeopt("data", "select", "all", "--out", "out", cwd=tmp_path), "give --budget N")
    refused(codeopt("data", "decontaminate", "all", "--out", "out", "--against", "gone", cwd=tmp_path), "no such folder")
    refused(codeopt("data", "decontaminate", "all", "--out", "out", "--against", "suite:nothing", cwd=tmp_path), "no suite")
    refused(codeopt("data", "split", "gone", "--out", "out", cwd=tmp_path), "no dataset.json here")
