"""Inputs of the C++ and the GPU tasks: drawn in the parent from (size, seed), plain data or NumPy arrays."""

from __future__ import annotations

import random
from typing import Any


def stdin_seed(size: int, seed: int) -> bytes:
    """Size and a seed of 32 bits, from which the program makes its own matrices."""
    return f"{size} {seed % 2**32}\n".encode()


def stdin_lines(size: int, seed: int) -> bytes:
    """`size` lines of 20 to 179 characters."""
    rng = random.Random(seed)
    return b"".join("".join(rng.choices("abcdefgh ,;", k=rng.randrange(20, 180))).encode() + b"\n" for _ in range(size))


def rows(size: int, seed: int) -> list[Any]:
    """A float32 array of shape [size + 1, 64], roughly normal, with some large values in it."""
    import numpy as np

    rng = np.random.default_rng(seed % 2**63)
    drawn = rng.standard_normal((size + 1, 64)).astype(np.float32)
    drawn[rng.random(drawn.shape) < 0.01] *= 100
    return [drawn]


def factors(size: int, seed: int) -> list[Any]:
    """Two float32 matrices of shapes [size + 1, 512] and [512, size + 1]."""
    import numpy as np

    rng = np.random.default_rng(seed % 2**63)
    left = rng.standard_normal((size + 1, 512)).astype(np.float32)
    return [left, rng.standard_normal((512, size + 1)).astype(np.float32)]
