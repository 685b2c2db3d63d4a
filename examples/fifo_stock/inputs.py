import random


def make(size, seed):
    """`size` small lots, and sales of most of them."""
    rng = random.Random(seed)
    lots = [(rng.randrange(1, 5), rng.randrange(100, 900)) for _ in range(size)]
    bought = sum(quantity for quantity, _ in lots)
    sales = []
    sold = 0
    while sold < bought * 0.9 - 40:
        sales.append(rng.randrange(1, 40))
        sold += sales[-1]
    return lots, sales
