"""The suite of classic C++ programs: they compile, are right on an input that is worked out by hand, and repeat themselves."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codeopt.agent.tasks.detect import detect
from codeopt.evals.making.sources import Source
from codeopt.evals.suites import find
from codeopt.evals.suites.classics import FOLDER

NAMES = sorted(path.parent.name for path in FOLDER.glob("*/main.cpp"))
LIVING = sum(31**i for i in range(9)) % 2**32
ANSWERS = {  # name: (stdin, the tokens of stdout)
    "all_distances": ("3 2  0 1 4  1 2 3", "6 14 7"),
    "coin_ways": ("2 7  2 5", "1 2"),
    "common_subsequence": ("3 3  1 2 3  2 3 1", "2"),
    "connected_parts": ("3 2  0 1  1 0", "2 2 2"),
    "convex_hull": ("5  0 0  2 0  2 2  0 2  1 1", "4 8  0 0  2 0  2 2  0 2"),
    "count_in_ranges": ("3 2  5 1 3  1 3  4 9", "2 1"),
    "digit_groups": ("4  12 21 13 3", "3 2 12"),
    "distinct_in_windows": ("4 2  1 1 2 1", "1 2 2"),
    "divisor_counts": ("3  1 6 12", "1 4 6 11"),
    "game_of_life": ("3 3 1  1 1 1  0 0 0  0 0 0", f"9 {LIVING}"),
    "grid_distances": ("2 2  0 1  0 0", "3 2 3"),
    "inversions": ("4  3 1 2 1", "3 4"),
    "knapsack": ("2 5  3 10  4 12", "12 4"),
    "largest_subarray": ("5  -1 2 3 -4 1", "5 1 2"),
    "longest_collatz": ("7", "7 17 46"),
    "longest_increasing": ("5  3 1 2 5 4", "3 7"),
    "matrix_product": ("2 1", "1445490987 836147326 990753314 1826900640"),
    "merge_intervals": ("3  5 7  1 2  2 4", "2 5  1 4  5 7"),
    "modular_powers": ("2  2 10 1000  3 0 7", "24 1"),
    "next_greater": ("3  1 3 2", "1 0 0"),
    "pair_sums": ("4 5  1 4 2 3", "2 1"),
    "palindrome_spans": ("3  1 2 1", "4 3"),
    "prime_sieve": ("10", "4 17 2"),
    "radix_sort": ("3  5 1 300", "1 300 87041"),
    "range_minimum": ("3 3  5 2 4  2 0 2  1 1 9  2 0 2", "2 4"),
    "range_sums": ("3 2  1 2 3  0 2  1 1", "6 2"),
    "recently_used": ("4 2  1 2 1 3", "1 3  3 1"),
    "running_median": ("3  3 1 2", "3 1 2 6"),
    "sequence_matches": ("5 3  1 1 1 1 0  1 1 1", "2 0 1"),
    "shortest_paths": ("3 2  0 1 5  1 0 1", "0 5 -1"),
    "spanning_tree": ("3 3  0 1 5  1 2 2  0 2 3", "5 3 2"),
    "task_order": ("3 1  2 0", "1 2 0 2"),
    "value_counts": ("4  5 2 5 1", "5 2  1 1  2 1"),
    "window_maximum": ("4 2  1 3 2 0", "3 3 2"),
}


def made(name: str, size: int, seed: int) -> str:
    spec = importlib.util.spec_from_file_location(f"inputs_of_{name}", FOLDER / name / "inputs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.make(size, seed))


def printed(program: Path, text: str) -> str:
    return subprocess.run([program], input=text, capture_output=True, text=True, check=True, timeout=10).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each program under its name."""
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    out = tmp_path_factory.mktemp("classics")

    def build(name: str) -> str:
        command = ["g++", "-O1", "-std=c++17", "-Wall", "-Werror", FOLDER / name / "main.cpp", "-o", out / name]
        return subprocess.run(command, capture_output=True, text=True).stderr

    with ThreadPoolExecutor(2) as pool:
        assert {name: said for name, said in zip(NAMES, pool.map(build, NAMES)) if said} == {}
    return out


def test_there_are_25_or_more_that_models_may_learn_from_and_each_has_its_generator() -> None:
    suite = find("classics", None)
    assert [problem.task_id for problem in suite.problems] == NAMES == sorted(ANSWERS) and len(NAMES) >= 25
    assert suite.for_training
    if shutil.which("g++") is not None:
        assert all(str(detect(problem.file).inputs).endswith("inputs.py:make") for problem in suite.problems)
    (base,) = Source("classics", None).bases(("knapsack",))
    assert base.source == "classics" and "MIT" in base.licence


def test_each_is_right_on_an_input_worked_out_by_hand(built: Path) -> None:
    found = {name: printed(built / name, text).split() for name, (text, _) in ANSWERS.items()}
    assert found == {name: tokens.split() for name, (_, tokens) in ANSWERS.items()}


def test_each_repeats_itself_on_what_its_generator_makes_and_another_seed_makes_another_answer(built: Path) -> None:
    for name in NAMES:
        text = made(name, 200, 7)
        assert text == made(name, 200, 7), name
        answer = printed(built / name, text)
        assert answer == printed(built / name, text) and len(answer.split()) >= 1, name
        assert any(printed(built / name, made(name, 200, seed)) != answer for seed in (8, 9, 10, 11)), name
