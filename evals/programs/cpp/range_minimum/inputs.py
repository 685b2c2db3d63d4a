import random


def make(size: int, seed: int) -> str:
    """`size` numbers, then as many steps: 1 PLACE VALUE sets one, 2 FIRST LAST asks for the smallest."""
    rng = random.Random(seed)
    count = max(1, size)
    lines = [f"{count} {count}", " ".join(str(rng.randrange(1_000_000)) for _ in range(count))]
    for _ in range(count):
        if rng.random() < 0.5:
            lines.append(f"1 {rng.randrange(count)} {rng.randrange(1_000_000)}")
        else:
            first, last = sorted((rng.randrange(count), rng.randrange(count)))
            lines.append(f"2 {first} {last}")
    return "\n".join(lines) + "\n"
