"""Suites of programs that are to be made faster: a user's folder, HumanEval's, PIE's; and what scores there."""

from __future__ import annotations

import itertools
import json
import math
import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from codeopt.evals.rows import summary
from codeopt.evals.speed import Gain
from codeopt.types import Status
from tests.commandline import codeopt
from tests.servers import Step, serve

SLOW = '''def common(left, right):
    """Numbers that are in both lists, in the order of the left one."""
    found = []
    for number in left:
        if number in right:
            found.append(number)
    return found
'''
FAST = "def common(left, right):\n    known = set(right)\n    return [number for number in left if number in known]\n"
WRONG = "def common(left, right):\n    return sorted(set(left) & set(right))\n"
MAKE = """import random

def make(size, seed):
    rng = random.Random(seed)
    return [rng.randrange(2 * size) for _ in range(size)], [rng.randrange(2 * size) for _ in range(size)]
"""
SLOW_PROGRAM = """#include <cstdio>
#include <vector>
int main() {
    int n; if (scanf("%d", &n) != 1) return 1;
    std::vector<int> v(n);
    for (int &x : v) if (scanf("%d", &x) != 1) return 1;
    long long pairs = 0;
    for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) pairs += i < j && v[i] == v[j];
    printf("%lld\\n", pairs);
}
"""
FAST_PROGRAM = """#include <cstdio>
#include <unordered_map>
int main() {
    int n; if (scanf("%d", &n) != 1) return 1;
    std::unordered_map<int, long long> seen;
    long long pairs = 0;
    for (int i = 0, x; i < n; i++) { if (scanf("%d", &x) != 1) return 1; pairs += seen[x]++; }
    printf("%lld\\n", pairs);
}
"""


def task(folder: Path, name: str, **files: str) -> Path:
    """A task whose files are named by their keys, with "__" for the dot."""
    place = folder / name
    place.mkdir(parents=True)
    for key, text in files.items():
        (place / key.replace("__", ".")).write_text(text)
    return place


def samples(file: Path, programs: dict[str, list[str]]) -> Path:
    file.write_text("".join(json.dumps({"task_id": name, "solution": text}) + "\n" for name, texts in programs.items() for text in texts))
    return file


def rows(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    found = map(json.loads, (folder / "rows.jsonl").read_text().splitlines())
    return {(row["task_id"], row["sample"]): row for row in found}


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    task(tmp_path / "tasks", "common", slow__py=SLOW, inputs__py=MAKE, codeopt__toml='project = "."\ninputs = "inputs.py:make"\n')
    return tmp_path / "tasks"


def test_samples_of_ones_own_tasks(tmp_path: Path, tasks: Path) -> None:
    given = samples(tmp_path / "samples.jsonl", {"common": [FAST, WRONG, SLOW, "", "def common(left, right:\n"], "other": ["pass"]})
    done = codeopt("eval", "score", "tasks", "--samples-from", given, "--sandbox", "process", "--out", "out", "--json", "-k", "1,2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [rows(tmp_path / "out")["common", number] for number in range(5)]
    assert [row["passed"] for row in found] == [True, False, True, False, False]
    assert [row["status"] for row in found][1:] == ["wrong_output", "not_faster", "screen_failed", "build_failed"]
    assert found[0]["verified"] and found[0]["speedup"] > 2 and found[0]["measured"]["low"] > 1 and not found[2]["verified"]
    assert [row["speedup"] for row in found if not row["passed"]] == [0, 0, 0]
    figures = json.loads(done.stdout)
    assert figures["pass@1"][0] == pytest.approx(0.4) and figures["verified@1"][0] == pytest.approx(0.2) and figures["not_scored"] == 0
    shown = codeopt("eval", "table", "out", "--markdown", cwd=tmp_path).stdout
    assert shown.startswith("| run | problems | samples | speedup@1 | geomean |"), shown


def test_a_model_is_asked_for_a_faster_program_and_judged_in_one_go(tmp_path: Path, tasks: Path) -> None:
    with serve(Step(f"```python\n{FAST}```"), Step("No.")) as server:
        done = codeopt(
            "eval", "tasks", "--model", "m", "--base-url", server.url, "--samples", "2", "--concurrency", "1", "--sandbox", "process",
            "--out", "out", "--json", cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    asked = server.requests[0]["messages"][0]["content"]
    assert SLOW.strip() in asked and "`common`" in asked
    found = rows(tmp_path / "out/scores")
    assert found["common", 0]["verified"] and found["common", 1]["status"] == "screen_failed"
    figures = json.loads(done.stdout)
    assert figures["without_a_program"] == 1 and figures["scores"]["pass@1"][0] == 0.5


def test_rules_as_a_strategy(tmp_path: Path, tasks: Path) -> None:
    done = codeopt("eval", "generate", "tasks", "--strategy", "rules", "--time", "30", "--sandbox", "process", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (made,) = map(json.loads, (tmp_path / "out/samples.jsonl").read_text().splitlines())
    assert "set(right)" in made["solution"] and (tmp_path / "out/runs/common-0/result.json").is_file()


def test_pies_programs(tmp_path: Path) -> None:
    data = tmp_path / "data/pie"
    cases = data / "public_test_cases/p00001"
    cases.mkdir(parents=True)
    for number in range(9):
        values = [(number + 7) * index % 50 for index in range(9000 + number)]
        (cases / f"input.{number}.txt").write_text(f"{len(values)}\n{' '.join(map(str, values))}\n")
        pairs = sum(math.comb(values.count(value), 2) for value in set(values))
        (cases / f"output.{number}.txt").write_text(f"{pairs}\n")
    (cases / "output.8.txt").write_text("a case that the row does not name\n")
    row = {"src_id": "s1", "problem_id": "p00001", "src_code": SLOW_PROGRAM, "tests": "[0, 1, 2, 3, 4, 5, 6, 7]"}
    (data / "test.jsonl").write_text(json.dumps(row) + "\n")
    given = samples(tmp_path / "samples.jsonl", {"s1": [FAST_PROGRAM, FAST_PROGRAM.replace("seen[x]++", "++seen[x]")]})
    done = codeopt("eval", "score", "pie", "--samples-from", given, "--data", "data", "--sandbox", "process", "--out", "out", "-k", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "out")
    assert found["s1", 0]["verified"] and found["s1", 1]["status"] == "wrong_output", found


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA is not set")
def test_humanevals_programs(tmp_path: Path) -> None:
    with serve(Step("```python\ndef has_close_elements(numbers, threshold):\n    s = sorted(numbers)\n    return any(b - a < threshold for a, b in zip(s, s[1:]))\n```")) as server:
        words = ("eval", "humaneval-speed", "--ids", "0", "--model", "m", "--base-url", server.url, "--sandbox", "process", "--out", "out", "--json")
        done = codeopt(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (made,) = map(json.loads, (tmp_path / "out/samples.jsonl").read_text().splitlines())
    assert "from typing import List" in made["solution"] and "zip(s, s[1:])" in made["solution"], "the answer stands in the place of the function"
    assert rows(tmp_path / "out/scores")["HumanEval/0", 0]["verified"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("score", "empty", "--samples-from", "x.jsonl"), "no task in empty"),
        (("score", "two", "--samples-from", "x.jsonl"), "2 source files that could be the program"),
        (("score", "named", "--samples-from", "x.jsonl"), "no file"),
        (("score", "pie", "--samples-from", "x.jsonl", "--data", "."), "no pie/test.jsonl"),
        (("score", "tasks", "--samples-from", "x.jsonl", "--ids", "other"), "has no problem 'other'"),
        (("tasks",), "asks a model"),
        (("tasks", "--strategy", "luck"), "no strategy 'luck'"),
        (("tasks", "--strategy", "rules", "--model", "m"), "asks no model"),
        (("tasks", "--strategy", "search", "--model", "gguf:m.gguf"), "another machine"),
        (("tasks", "--strategy", "rules", "--lanes", "10000"), "cores here"),
        (("enamel", "--strategy", "rules"), "asks for new programs"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, tasks: Path, words: tuple[str, ...], told: str) -> None:
    if "enamel" in words and not os.environ.get("CODEOPT_DATA"):
        pytest.skip("CODEOPT_DATA is not set")
    (tmp_path / "empty").mkdir()
    task(tmp_path / "two", "t", a__py=SLOW, b__py=FAST, codeopt__toml="")
    task(tmp_path / "named", "t", a__py=SLOW, codeopt__toml='file = "b.py"')
    samples(tmp_path / "x.jsonl", {"common": [FAST]})
    done = codeopt("eval", *words, cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def gain(name: str, number: int, speedup: float, verified: bool) -> Gain:
    return Gain(task_id=name, sample=number, passed=speedup > 0, status=Status.OK, evidence="", verified=verified, speedup=speedup)


def test_figures_of_the_best_of_k_are_those_of_all_subsets() -> None:
    speeds = {"a": [0.0, 0.9, 1.05, 4.0], "b": [0.0, 0.0, 0.0, 2.0]}
    groups = {name: [gain(name, number, value, value > 1.5) for number, value in enumerate(values)] for name, values in speeds.items()}
    figures = summary([one for group in groups.values() for one in group], [1, 2, 3])
    for k in (1, 2, 3):
        best = {name: [max(subset) for subset in itertools.combinations(values, k)] for name, values in speeds.items()}
        for figure, of in (("pass", lambda v: v > 0), ("opt", lambda v: v >= 1.1), ("verified", lambda v: v > 1.5), ("speedup", lambda v: max(1.0, v))):
            expected = statistics.fmean(statistics.fmean(map(of, values)) for values in best.values())
            assert figures[f"{figure}@{k}"][0] == pytest.approx(expected, abs=1e-4), (figure, k)
    assert figures["geomean"][0] == pytest.approx((1.05 * 4.0 * 2.0) ** (1 / 8), abs=1e-4)
    assert figures["speedup_given_pass"][0] == pytest.approx(((0.9 * 1.05 * 4) ** (1 / 3) * 2) ** 0.5, abs=1e-4)
