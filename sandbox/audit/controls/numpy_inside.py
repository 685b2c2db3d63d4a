# title: NumPy inside, plain floats outside
# task: averages
# expect: ok
# needs: numpy

import numpy as np


def solve(values, width):
    sums = np.cumsum(np.array([0.0, *values]))
    return ((sums[width:] - sums[:-width]) / width).tolist()
