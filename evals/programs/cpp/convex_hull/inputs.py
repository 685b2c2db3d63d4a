import random


def make(size: int, seed: int) -> str:
    """`size` points, some of them equal."""
    rng = random.Random(seed)
    points = [f"{round(rng.gauss(0, 1000))} {round(rng.gauss(0, 1000))}" for _ in range(max(1, size))]
    return f"{len(points)}\n" + "\n".join(points) + "\n"
