import random


def make(size: int, seed: int) -> str:
    """A connected graph with about `size` weighted edges."""
    rng = random.Random(seed)
    nodes = max(2, size // 3)
    edges = [(rng.randrange(node), node) for node in range(1, nodes)]
    edges += [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(max(0, size - len(edges)))]
    rng.shuffle(edges)
    return f"{nodes} {len(edges)}\n" + "".join(f"{a} {b} {rng.randrange(1, 100_000)}\n" for a, b in edges)
