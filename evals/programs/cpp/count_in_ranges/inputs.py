import random


def make(size: int, seed: int) -> str:
    """`size` numbers and as many ranges to count in."""
    rng = random.Random(seed)
    lines = [f"{size} {size}", " ".join(str(rng.randrange(10 * size + 1)) for _ in range(size))]
    for _ in range(size):
        low, high = sorted((rng.randrange(10 * size + 1), rng.randrange(10 * size + 1)))
        lines.append(f"{low} {high}")
    return "\n".join(lines) + "\n"
