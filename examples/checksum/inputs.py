import random


def make(size, seed):
    """`size` blocks of 4 KiB."""
    rng = random.Random(seed)
    return ([rng.randbytes(4096) for _ in range(size)],)
