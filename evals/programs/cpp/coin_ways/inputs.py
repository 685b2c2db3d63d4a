import random


def make(size: int, seed: int) -> str:
    """About ten coins and a sum of `size`."""
    rng = random.Random(seed)
    coins = sorted(rng.sample(range(2, 60), 10))
    return f"{len(coins)} {size + seed % 50}\n{' '.join(map(str, coins))}\n"
