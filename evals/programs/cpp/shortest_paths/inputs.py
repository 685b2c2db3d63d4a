import random


def make(size: int, seed: int) -> str:
    """A graph with about `size` directed edges, four from each node."""
    rng = random.Random(seed)
    nodes = max(2, size // 4)
    lines = [f"{nodes} {4 * nodes}"]
    for number in range(4 * nodes):
        lines.append(f"{number // 4} {rng.randrange(nodes)} {rng.randrange(1, 1000)}")
    return "\n".join(lines) + "\n"
