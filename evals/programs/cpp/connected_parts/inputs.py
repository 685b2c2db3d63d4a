import random


def make(size: int, seed: int) -> str:
    """`size` nodes and about as many edges."""
    rng = random.Random(seed)
    nodes = max(1, size)
    lines = [f"{nodes} {size}"] + [f"{rng.randrange(nodes)} {rng.randrange(nodes)}" for _ in range(size)]
    return "\n".join(lines) + "\n"
