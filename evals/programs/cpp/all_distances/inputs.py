import random


def make(size: int, seed: int) -> str:
    """A directed graph whose number of nodes, to the third, is about 300 times `size`; four edges a node."""
    rng = random.Random(seed)
    nodes = max(2, round((300 * size) ** (1 / 3)))
    lines = [f"{nodes} {4 * nodes}"]
    lines += [f"{rng.randrange(nodes)} {rng.randrange(nodes)} {rng.randrange(1, 100)}" for _ in range(4 * nodes)]
    return "\n".join(lines) + "\n"
