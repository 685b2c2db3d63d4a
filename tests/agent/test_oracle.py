"""Numbers through `codeopt verify`: a float32 dot product over NumPy, and a variance with a declared exact oracle."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import codeopt, put, refused

from codeopt.agent.run_folder import resumed

needs_numpy = pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="NumPy is not installed")

DOT = """import numpy as np


def dot(a, b):
    total = np.float32(0)
    for x, y in zip(a, b):
        total += x * y
    return total
"""
BLAS = "import numpy as np\n\n\ndef dot(a, b):\n    return np.dot(a, b)\n"
HALF = """import numpy as np


def dot(a, b):
    return np.float32(np.dot(a.astype(np.float16), b.astype(np.float16)))
"""
MAKE_DOT = """import numpy as np


def make(size, seed):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(0, 1, 16 * size).astype(np.float32) for _ in range(2))
"""

VARIANCE = """def variance(xs: list[float]) -> float:
    mean = 0.0
    for x in xs:
        mean += x / len(xs)
    total = 0.0
    for x in xs:
        for _ in range(8):
            total += (x - mean) * (x - mean) / 8
    return total / len(xs)
"""
BETTER = """import math


def variance(xs: list[float]) -> float:
    mean = math.fsum(xs) / len(xs)
    return math.fsum([(x - mean) ** 2 for x in xs]) / len(xs)
"""
ONE_PASS = """def variance(xs: list[float]) -> float:
    total = sum(xs)
    squares = sum([x * x for x in xs])
    return max(0.0, squares / len(xs) - (total / len(xs)) ** 2)
"""
EXACT = """from fractions import Fraction


def exact(xs):
    xs = [Fraction(x) for x in xs]
    mean = sum(xs) / len(xs)
    return sum((x - mean) ** 2 for x in xs) / len(xs)


def fails(xs):
    raise RuntimeError("no idea")


def pair(xs):
    return [exact(xs), 1]


def make(size, seed):
    import random

    rng = random.Random(seed)
    return ([1e4 + rng.gauss(0, 1) for _ in range(max(2, size))],)
"""
QUICK = ("--sandbox", "process", "--no-crosshair", "--pairs", "10")


def variance_task(folder: Path, oracle: str = 'oracle = "truth.py:exact"\n') -> None:
    put(folder, variance=VARIANCE, better=BETTER, one_pass=ONE_PASS, truth=EXACT)
    (folder / "codeopt.toml").write_text(f'inputs = "truth.py:make"\n{oracle}rel_tol = 1e-3\n')


def verdict(folder: Path, old: str, new: str) -> dict[str, Any]:
    done = codeopt("verify", old, new, *QUICK, "--json", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@needs_numpy
def test_a_float32_dot_product_may_be_reordered_and_not_halved(tmp_path: Path) -> None:
    put(tmp_path, dot=DOT, blas=BLAS, half=HALF, make=MAKE_DOT)
    (tmp_path / "codeopt.toml").write_text('inputs = "make.py:make"\nrel_tol = 0.05\nabs_tol = 0.05\n')
    fine = verdict(tmp_path, "dot.py", "blas.py")
    assert fine["status"] == "ok", fine["evidence"]
    assert fine["inputs"]["visible"]["ill_conditioned"] > 0 and fine["inputs"]["hidden"]["ill_conditioned"] > 0
    assert any("against the function itself in float64" in note for note in fine["workload_notes"])
    wrong = verdict(tmp_path, "dot.py", "half.py")
    assert wrong["status"] == "wrong_output"
    assert "its error against the oracle is" in wrong["evidence"] and "the baseline's" in wrong["evidence"]


def test_a_variance_that_cancels_is_held_against_exact_fractions(tmp_path: Path) -> None:
    variance_task(tmp_path)
    fine = verdict(tmp_path, "variance.py", "better.py")
    assert fine["status"] == "ok", fine["evidence"]
    assert any("truth.py:exact" in note for note in fine["workload_notes"])
    wrong = verdict(tmp_path, "variance.py", "one_pass.py")
    assert wrong["status"] == "wrong_output" and "its error against the oracle is" in wrong["evidence"]


def test_without_an_oracle_the_tolerance_decides(tmp_path: Path) -> None:
    variance_task(tmp_path, oracle="")
    fine = verdict(tmp_path, "variance.py", "one_pass.py")
    assert fine["status"] == "ok", fine["evidence"]
    assert "ill_conditioned" not in fine["inputs"]["visible"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("truth.py:gone", "no function 'gone' in .*truth.py: it has exact"),
        ("truth.py", "--oracle .*file.py:exact"),
        ("nosuch.py:exact", "no such oracle file"),
        ("truth.py:fails", "truth.py:fails fails on every input .RuntimeError: no idea"),
        ("truth.py:pair", "truth.py:pair answers in another shape than variance"),
        ("broken.py:exact", "broken.py:exact cannot be loaded .*nothing_of_that_name"),
    ],
)
def test_a_bad_oracle_is_one_line(tmp_path: Path, name: str, says: str) -> None:
    variance_task(tmp_path, oracle="")
    put(tmp_path, broken="import nothing_of_that_name\n\n\ndef exact(xs):\n    return 0\n")
    refused(codeopt("verify", "variance.py", "better.py", *QUICK, "--oracle", name, cwd=tmp_path), says)


def test_a_run_that_goes_on_still_has_its_oracle(tmp_path: Path) -> None:
    variance_task(tmp_path)
    words = ("--sandbox", "process", "--no-crosshair", "--time", "60", "--max-candidates", "1", "--json")
    first = codeopt("optimize", "variance.py", *words, "--run", "run", cwd=tmp_path)
    assert first.returncode in (0, 1), first.stderr
    assert resumed(tmp_path / "run")[0].oracle.endswith("truth.py:exact")
    again = codeopt("optimize", "--resume", "run", "--json", cwd=tmp_path)
    assert again.returncode == first.returncode, again.stderr
    result = json.loads(again.stdout)
    assert any("their error against truth.py:exact" in note for note in result["notes"])
