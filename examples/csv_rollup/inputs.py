import random


def make(size, seed):
    """The text of an export with `size` orders by nearly as many customers."""
    rng = random.Random(seed)
    regions = ["north", "south", "east", "west", "centre"]
    lines = ["order,region,customer,units,price"]
    for order in range(size):
        customer = f"C{rng.randrange(2 * size + 1):06d}"
        lines.append(f"{order},{rng.choice(regions)},{customer},{rng.randrange(1, 20)},{rng.randrange(99, 9999)}")
    return "\n".join(lines) + "\n"
