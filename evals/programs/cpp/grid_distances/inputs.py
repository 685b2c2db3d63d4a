import random


def make(size: int, seed: int) -> str:
    """A grid of about `size` cells, a quarter of them walls (1), but none in the first row: the way begins at its left."""
    rng = random.Random(seed)
    side = max(2, int(size**0.5))
    rows = [[int(rng.random() < 0.25) for _ in range(side)] for _ in range(side)]
    rows[0] = [0] * side
    return f"{side} {side}\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows)
