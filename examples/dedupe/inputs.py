import random


def make(size, seed):
    """Two lists of `size` contacts in all; about a third are in both, spelt differently."""
    rng = random.Random(seed)
    pool = [f"user{rng.randrange(10 * size + 10)}@example.org" for _ in range(size * 2 // 3 + 1)]

    def contact():
        email = rng.choice(pool)
        return {
            "name": f"Name {rng.randrange(1000)}",
            "email": rng.choice((email, email.upper(), f" {email}", "")) if rng.random() < 0.3 else email,
        }

    half = size // 2
    return [contact() for _ in range(half)], [contact() for _ in range(size - half)]
