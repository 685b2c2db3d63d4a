import random


def make(size: int, seed: int) -> str:
    """A board of about `size` cells, a third of them alive, and 10 generations."""
    rng = random.Random(seed)
    side = max(3, int(size**0.5))
    lines = [f"{side} {side} 10"]
    lines += [" ".join(str(int(rng.random() < 0.35)) for _ in range(side)) for _ in range(side)]
    return "\n".join(lines) + "\n"
