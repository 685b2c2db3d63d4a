import random


def make(size: int, seed: int) -> str:
    """A sequence of `size` numbers 0 to 2, parts of it mirrored."""
    rng = random.Random(seed)
    numbers: list[int] = []
    while len(numbers) < max(1, size):
        part = [rng.randrange(3) for _ in range(rng.randrange(1, 30))]
        numbers += part + part[::-1] if rng.random() < 0.5 else part
    numbers = numbers[: max(1, size)]
    return f"{len(numbers)}\n{' '.join(map(str, numbers))}\n"
