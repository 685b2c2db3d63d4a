"""The tasks that the corpus attacks. Ours and trusted: inputs are drawn here, in the parent.

The baselines are text files in tasks/, which are never imported here: they run in the sandbox like the candidates.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.sandbox.audit import inputs
from codeopt.sandbox.tolerance import Tolerance

FOLDER = Path(__file__).resolve().parent / "tasks"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: Also the baseline's file, tasks/NAME + suffix, and its module inside.
        make: (size, seed) -> the arguments of one call, plain data; for programs the bytes of stdin.
        small, large: Sizes for checking (inputs are drawn up to this one) and for timing.
        function: The function's qualified name; "" for a program.
        suffix: ".py" or ".cpp".
        tolerance: How answers are compared.
        threads: Threads that both sides may use.
        mutates: The baseline changes its arguments.
        needs: Modules that the baseline imports.
        kernel: The file is a GPU kernel's reference: `Model`, which comes last, and what makes its inputs.
    """

    name: str
    make: Callable[[int, int], Any]
    small: int
    large: int
    function: str = "solve"
    suffix: str = ".py"
    tolerance: Tolerance = field(default_factory=Tolerance)
    threads: int = 1
    mutates: bool = False
    needs: frozenset[str] = frozenset()
    kernel: bool = False

    @property
    def kind(self) -> str:
        """ "function", "script", "native" or "kernel"."""
        if self.kernel:
            return "kernel"
        if self.suffix == ".cpp":
            return "native"
        return "function" if self.function else "script"

    def source(self) -> str:
        """The baseline's text."""
        return (FOLDER / f"{self.name}{self.suffix}").read_text(encoding="utf-8")


def _ints(size: int, seed: int, spread: int = 4) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(spread * size + 4) for _ in range(size)]


def count_pairs(size: int, seed: int) -> list[Any]:
    return [_ints(size, seed), random.Random(~seed).randrange(2 * size + 5, 6 * size + 9)]


def values(size: int, seed: int) -> list[Any]:
    return [_ints(size, seed, 2)]


def averages(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [[rng.uniform(0.5, 100.0) for _ in range(size)], 1 + size // 8]


def ratios(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    odd = (math.nan, math.inf, -math.inf, 0.0, -0.0)
    draw = [rng.choice(odd) if rng.random() < 0.2 else rng.uniform(-9, 9) for _ in range(2 * size)]
    return [draw[:size], draw[size:]]


def typed(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [[rng.choice((True, False, 0, 1, 0.0, 1.0, None, "1", 2)) for _ in range(size)]]


def lines(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [[f"{rng.choice(LETTERS)}{rng.randrange(size + 3)};{rng.randrange(3)};{rng.randrange(99)}" for _ in range(size)]]


def number(size: int, seed: int) -> list[Any]:
    return [random.Random(seed).randrange(size // 2 + 1, size + 9 + size // 4)]


def words(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    letters = LETTERS[:5] + "é漢\ud800"
    return [["".join(rng.choices(letters, k=rng.randrange(1, 6))) for _ in range(size)]]


def raw(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [rng.randbytes(8 * size), bytearray(rng.randbytes(1 + size % 7)), struct.pack("<q", seed)]


def seeded(size: int, seed: int) -> list[Any]:
    return [size + seed % 7, seed]


def chain(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [[[rng.randrange(50), after] for after in (*range(1, size + 1), -1)], rng.randrange(10)]


def find(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    pool = rng.sample(range(8 * size + 8), size + 1)
    return [[*pool[: size // 2], *pool], rng.randrange(9)]


def stdin_words(size: int, seed: int) -> bytes:
    rng = random.Random(seed)
    pool = ["".join(rng.choices(LETTERS, k=5)) for _ in range(size // 2 + 1)]
    return "\n".join(" ".join(rng.choices(pool, k=8)) for _ in range(size // 8 + 1)).encode() + b"\n"


def stdin_numbers(size: int, seed: int) -> bytes:
    return f"{size}\n{' '.join(map(str, _ints(size, seed)))}\n".encode()


def matrix(size: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    return [[[rng.uniform(-1, 1) for _ in range(size)] for _ in range(size // 2 + 2)]]


_NUMPY, _CPP, _GPU = frozenset({"numpy"}), frozenset({"g++"}), frozenset({"gpu", "torch"})
_LISTED = (
    Task("count_pairs", count_pairs, 60, 600),
    Task("unique", values, 60, 1400),
    Task("short", values, 20, 50),
    Task("in_place", values, 40, 640, mutates=True),
    Task("averages", averages, 40, 1300),
    Task("ratios", ratios, 40, 460),
    Task("typed", typed, 40, 560),
    Task("records", lines, 30, 360),
    Task("larger", values, 30, 420),
    Task("printer", values, 30, 420),
    Task("raiser", values, 20, 1000),
    Task("big_int", number, 60, 780),
    Task("texts", words, 40, 500),
    Task("binary", raw, 20, 600),
    Task("exact", number, 20, 180),
    Task("coroutine", values, 40, 420),
    Task("ledger", lines, 30, 420, function="Ledger.total"),
    Task("chain", chain, 40, 220),
    Task("sampler", seeded, 30, 420),
    Task("big_output", number, 200, 4000),
    Task("find", find, 40, 750),
    Task("nearest", values, 40, 420),
    Task("arrays", matrix, 12, 90, needs=_NUMPY),
    Task("words", stdin_words, 60, 1200, function=""),
    Task("pairs", stdin_numbers, 60, 5000, function="", suffix=".cpp", needs=_CPP),
    Task("inversions", stdin_numbers, 60, 25_000, function="", suffix=".cpp", needs=_CPP),
    Task("matmul", inputs.stdin_seed, 16, 400, function="", suffix=".cpp", needs=_CPP),
    Task("join", inputs.stdin_lines, 30, 2400, function="", suffix=".cpp", needs=_CPP),
    # Two threads: a process that has used CUDA cannot be forked, so one process answers all calls.
    Task("gpu_softmax", inputs.rows, 24, 500, tolerance=Tolerance(1e-4, 1e-7), threads=2, needs=_GPU),
    Task("kernel_norm", number, 0, 0, needs=_GPU, kernel=True),
    Task("gpu_matmul", inputs.factors, 24, 255, tolerance=Tolerance(1e-5, 2e-4), threads=2, needs=_GPU),
)
TASKS = {task.name: task for task in _LISTED}
