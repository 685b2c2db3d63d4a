# title: honest, but slower
# task: averages
# expect: same

from fractions import Fraction


def solve(values, width):
    found = []
    for end in range(width, len(values) + 1):
        total = 0.0
        for value in reversed(values[end - width : end]):
            total = total + value + 0.0
        found.append(total / width)
    return found
