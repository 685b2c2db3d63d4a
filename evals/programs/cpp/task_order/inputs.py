import random


def make(size: int, seed: int) -> str:
    """Tasks and about `size` rules of which comes before which; none of them go round in a circle."""
    rng = random.Random(seed)
    tasks = max(2, size // 2)
    names = list(range(tasks))
    rng.shuffle(names)
    lines = [f"{tasks} {size}"]
    for _ in range(size):
        before = rng.randrange(tasks - 1)
        lines.append(f"{names[before]} {names[rng.randrange(before + 1, tasks)]}")
    return "\n".join(lines) + "\n"
