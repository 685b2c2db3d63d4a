# title: NumPy by rows; the answer is a contiguous copy
# task: arrays
# expect: ok
# needs: numpy

import numpy as np


def solve(rows):
    a = np.array(rows, dtype=np.float64)
    for row in a:
        row -= row.mean()
        norm = np.linalg.norm(row)
        row /= norm if norm else np.inf
    return np.ascontiguousarray(a.T)
