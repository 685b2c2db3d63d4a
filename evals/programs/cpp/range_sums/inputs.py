import random


def make(size: int, seed: int) -> str:
    """`size` numbers and as many ranges of places."""
    rng = random.Random(seed)
    count = max(1, size)
    lines = [f"{count} {count}", " ".join(str(rng.randrange(-1000, 1000)) for _ in range(count))]
    for _ in range(count):
        first, last = sorted((rng.randrange(count), rng.randrange(count)))
        lines.append(f"{first} {last}")
    return "\n".join(lines) + "\n"
