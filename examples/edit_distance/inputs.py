import random


def make(size, seed):
    """Two texts of about `size` letters; the second is the first with some typing errors."""
    rng = random.Random(seed)
    letters = "abcdefghij"
    first = "".join(rng.choice(letters) for _ in range(size))
    second = []
    for letter in first:
        chance = rng.random()
        if chance < 0.1:
            continue
        second.append(rng.choice(letters) if chance < 0.3 else letter)
    return first, "".join(second)
