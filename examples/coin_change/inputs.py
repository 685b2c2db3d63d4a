import random


def make(size, seed):
    """An amount of about `size` cents."""
    rng = random.Random(seed)
    return rng.randrange(size * 9 // 10, size + 1), 6
