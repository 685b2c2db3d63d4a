import random


def make(size, seed):
    """A text of `size` words from a vocabulary that grows with it, and k."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice("etaoinshrdlu") for _ in range(rng.randrange(3, 9))) for _ in range(size // 4 + 1)]
    weights = [1 / (rank + 1) ** 0.7 for rank in range(len(vocabulary))]
    return " ".join(rng.choices(vocabulary, weights, k=size)), 10
