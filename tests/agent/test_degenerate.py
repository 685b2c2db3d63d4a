"""Tasks whose inputs or tolerance prove little are named, in notes and by `codeopt verify`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import codeopt, put

from codeopt.sandbox.compare_types import Tolerance
from codeopt.sandbox.degenerate import Seen, findings
from codeopt.sandbox.runner import codec
from codeopt.types import Status

MAKE = """import random


def make(size, seed):
    rng = random.Random(seed)
    return [rng.uniform(1, 2) for _ in range(size + 1)], rng.randrange(100)
"""
LOOP = "    total = 0.0\n    for _ in range(40):\n        total = sum(xs)\n"


def seen(value: object, *args: object, after: list[object] | None = None, printed: bytes = b"") -> Seen:
    """A call of the baseline that returned a value."""
    return Seen(
        codec.encode({"args": list(args), "kwargs": {}}),
        Status.OK,
        codec.encode([(0, value)]),
        codec.encode([[list(args) if after is None else after, {}]]),
        printed,
    )


def verify(folder: Path, body: str, *more: str) -> subprocess.CompletedProcess[str]:
    put(folder, old=f"def f(xs, k):\n{LOOP}{body}", new=f"def f(xs, k):\n    total = sum(xs)\n{body}", make=MAKE)
    words = ("verify", "old.py", "new.py", "--function", "f", "--inputs", "make.py:make", "--sandbox", "process", "--pairs", "10")
    return codeopt(*words, *more, cwd=folder)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("    return 7\n", "the output is the same for all"),
        ("    return total / 1e9 * 1e-9\n", "zeros would pass the tolerance"),
        ("    return 5.0 + total * 1e-15\n", "the mean of the outputs would pass the tolerance"),
        ("    return total\n", "the output does not depend on k"),
        ("    return total * k\n", ""),
    ],
)
def test_verify_says_what_proves_little(tmp_path: Path, body: str, says: str) -> None:
    done = verify(tmp_path, body, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["accepted"], done.stdout + done.stderr
    assert (says in told["warnings"][0]) if says else (told["warnings"] == [])


@pytest.mark.parametrize(("body", "says"), [("    return 7\n", "the output is the same for all"), ("    return total * k\n", "")])
def test_a_person_is_warned_in_the_first_line(tmp_path: Path, body: str, says: str) -> None:
    done = verify(tmp_path, body)
    first, *more = done.stdout.splitlines()
    assert done.returncode == 0 and "faster" in first, done.stdout + done.stderr
    if says:
        assert first.startswith("same behaviour, WARNING: ") and says in first
        assert any(line.startswith("  degenerate: ") and says in line for line in more)
    else:
        assert first.startswith("same behaviour; ") and "degenerate" not in done.stdout


def test_what_becomes_of_arguments_and_what_is_printed_is_output_too() -> None:
    quiet = [seen(None, [3, n], after=[[n, 3]]) for n in range(4)]
    assert findings(quiet, {}, Tolerance()) == []
    assert findings([seen(None, n, printed=b"%d" % n) for n in range(4)], {}, Tolerance()) == []
    assert "same for all 4 inputs" in findings([seen(None, [n]) for n in range(4)], {}, Tolerance())[0]


def test_one_answer_for_nearly_all_inputs_is_told() -> None:
    rows = [seen(False, n) for n in range(19)] + [seen(True, 19)]
    assert findings(rows, {}, Tolerance()) == ["degenerate: 19 of 20 inputs have the same output"]
    assert findings([seen(n % 2 == 0, n) for n in range(20)], {}, Tolerance()) == []


def test_an_argument_that_is_only_written_to_is_told_apart() -> None:
    def call(source: int, buffer: int) -> Seen:
        return seen(None, [source], [buffer], after=[[source], [source * 2]])

    rows = [call(n, 10 + n) for n in range(4)]
    by_buffer = [(call(n, 10 + n), call(n, 20 + n)) for n in range(3)]
    by_source = [(call(n, 10 + n), call(n + 1, 10 + n)) for n in range(3)]
    told = findings(rows, {"out": by_buffer, "source": by_source}, Tolerance())
    assert told == ["degenerate: the output does not depend on out (3 variations)"]


def test_exceptions_and_few_inputs_conclude_nothing() -> None:
    failed = [Seen(b"", Status.OK, codec.encode([(1, ValueError("x"))]), b"", b"") for _ in range(5)]
    assert findings(failed, {}, Tolerance()) == []
    assert findings([seen(1, n) for n in range(2)], {}, Tolerance()) == []
