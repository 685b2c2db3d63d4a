import random


def make(size, seed):
    """`size` lines from about a third as many addresses, some of them broken."""
    rng = random.Random(seed)
    addresses = [f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}" for _ in range(size // 3 + 1)]
    lines = []
    for number in range(size):
        if rng.random() < 0.02:
            lines.append("-- MARK --")
            continue
        stamp = f"{number % 28 + 1:02d}/Mar/2024:{number % 24:02d}:{number % 60:02d}:00 +0000"
        size_field = "-" if rng.random() < 0.1 else str(rng.randrange(100, 90_000))
        status = rng.choice((200, 200, 200, 200, 301, 304, 404, 500))
        path = f"/article/{rng.randrange(200)}"
        lines.append(f'{rng.choice(addresses)} - - [{stamp}] "GET {path} HTTP/1.1" {status} {size_field}')
    return (lines,)
