# title: math.fsum: another rounding, within the tolerance
# task: averages
# expect: ok

from math import fsum


def solve(values, width):
    return [fsum(values[end - width : end]) / width for end in range(width, len(values) + 1)]
