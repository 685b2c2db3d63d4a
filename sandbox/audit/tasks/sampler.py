import random


def solve(size, seed):
    """How many of each draw's predecessors are smaller, with a generator of its own."""
    rng = random.Random(seed)
    draws = [rng.randrange(10 * size) for _ in range(size)]
    found = []
    for i in range(len(draws)):
        rank = 0
        for j in range(i):
            if draws[j] < draws[i]:
                rank += 1
        found.append((draws[i], rank))
    return found
