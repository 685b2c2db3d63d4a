import math
import random


def make(size, seed):
    """A star with eight planets, and `size` steps."""
    rng = random.Random(seed)
    bodies = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]
    for number in range(1, 9):
        angle = rng.uniform(0.0, 2 * math.pi)
        radius = number + rng.uniform(-0.2, 0.2)
        speed = math.sqrt(39.5 / radius)
        position = [radius * math.cos(angle), radius * math.sin(angle), rng.uniform(-0.1, 0.1)]
        velocity = [-speed * math.sin(angle), speed * math.cos(angle), 0.0]
        bodies.append([*position, *velocity, rng.uniform(1e-6, 1e-4)])
    return bodies, size, 0.001
