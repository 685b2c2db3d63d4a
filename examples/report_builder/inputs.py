import random


def make(size, seed):
    """`size` entries on a few dozen accounts."""
    rng = random.Random(seed)
    accounts = [f"account-{number:04d}" for number in range(40)]
    lines = [str(size)]
    lines += [f"{rng.choice(accounts)} {rng.randrange(-100_000, 100_000)}" for _ in range(size)]
    return "\n".join(lines) + "\n"
