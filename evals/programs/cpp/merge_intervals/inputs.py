import random


def make(size: int, seed: int) -> str:
    """`size` short intervals, some of which overlap."""
    rng = random.Random(seed)
    lines = [str(size)]
    for _ in range(size):
        begin = rng.randrange(20 * size + 1)
        lines.append(f"{begin} {begin + rng.randrange(1, 40)}")
    return "\n".join(lines) + "\n"
