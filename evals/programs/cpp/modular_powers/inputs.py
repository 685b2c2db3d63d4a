import random


def make(size: int, seed: int) -> str:
    """`size` bases, exponents and moduli."""
    rng = random.Random(seed)
    lines = [str(size)]
    for _ in range(size):
        lines.append(f"{rng.randrange(10**9)} {rng.randrange(10**9)} {rng.randrange(2, 10**9)}")
    return "\n".join(lines) + "\n"
