import random


def make(size: int, seed: int) -> str:
    """Items and a capacity, whose product is about 200 times `size`."""
    rng = random.Random(seed)
    items = max(1, int(size**0.5))
    lines = [f"{items} {200 * items}"]
    lines += [f"{rng.randrange(1, 60 * items + 1)} {rng.randrange(1, 1000)}" for _ in range(items)]
    return "\n".join(lines) + "\n"
