"""Inputs of the three programs: each function is a generator for `--inputs`, named as its program."""

import random

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def best_sum(size, seed):
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.randint(-99, 99)) for _ in range(size))}\n"


def window(size, seed):
    rng = random.Random(seed)
    return f"{size} {1 + size // 3}\n{' '.join(str(rng.randint(-9999, 9999)) for _ in range(size))}\n"


def ranks(size, seed):
    rng = random.Random(seed)
    return "\n".join([str(size), *("".join(rng.choices(LETTERS, k=rng.randint(1, 12))) for _ in range(size))]) + "\n"
