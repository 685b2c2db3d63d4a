import numpy as np


def solve(rows):
    """The rows as an array, each minus its mean, over its norm; transposed."""
    a = np.array(rows, dtype=np.float64)
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        mean, norm = 0.0, 0.0
        for j in range(a.shape[1]):
            mean += a[i, j]
        mean /= max(1, a.shape[1])
        for j in range(a.shape[1]):
            norm += (a[i, j] - mean) ** 2
        for j in range(a.shape[1]):
            out[i, j] = (a[i, j] - mean) / norm**0.5 if norm else 0.0
    return out.T
