import random


def make(size: int, seed: int) -> str:
    """Two sequences of small numbers; the product of their lengths is about 200 times `size`."""
    rng = random.Random(seed)
    length = max(1, int((200 * size) ** 0.5))
    lines = [f"{length} {length}"]
    lines += [" ".join(str(rng.randrange(8)) for _ in range(length)) for _ in range(2)]
    return "\n".join(lines) + "\n"
