# title: whole-array NumPy; the answer is a transposed view
# task: arrays
# expect: ok
# needs: numpy

import numpy as np


def solve(rows):
    a = np.array(rows, dtype=np.float64)
    a -= a.mean(axis=1, keepdims=True)
    norm = np.sqrt((a * a).sum(axis=1, keepdims=True))
    return np.divide(a, norm, out=np.zeros_like(a), where=norm > 0).T
