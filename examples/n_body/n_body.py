"""A small gravitational simulation: planets around a star, in units of years and astronomical distances."""

import math


def simulate(bodies: list[list[float]], steps: int, dt: float) -> list[list[float]]:
    """Move the bodies `steps` times by `dt` and return them.

    Args:
        bodies: One [x, y, z, vx, vy, vz, mass] for each body, masses in suns; they are not changed.
        steps: Number of steps.
        dt: Length of one step.
    """
    state = [list(body) for body in bodies]
    softening = 0.001
    for _ in range(steps):
        for i in range(len(state)):
            for j in range(len(state)):
                if i != j:
                    dx = state[j][0] - state[i][0]
                    dy = state[j][1] - state[i][1]
                    dz = state[j][2] - state[i][2]
                    distance = math.sqrt(dx**2 + dy**2 + dz**2 + softening**2)
                    pull = 4 * math.pi**2 * state[j][6] / distance**3
                    state[i][3] += dx * pull * dt
                    state[i][4] += dy * pull * dt
                    state[i][5] += dz * pull * dt
        for body in state:
            body[0] += body[3] * dt
            body[1] += body[4] * dt
            body[2] += body[5] * dt
    return state
