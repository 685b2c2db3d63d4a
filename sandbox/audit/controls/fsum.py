# title: math.fsum now and then, differences in between: another rounding, within the tolerance
# task: averages
# expect: ok

from math import fsum


def solve(values, width):
    found, total = [], 0.0
    for end in range(width, len(values) + 1):
        if (end - width) % 16 == 0:
            total = fsum(values[end - width : end])
        else:
            total += values[end - 1] - values[end - width - 1]
        found.append(total / width)
    return found
