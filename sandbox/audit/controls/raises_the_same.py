# title: raises the same exception with the same message
# task: raiser
# expect: ok

class NoPair(ValueError):
    pass


def solve(values):
    times = {}
    for i, value in enumerate(values):
        times[value] = times.get(value, 0) + 1
        if times[value] == 3 and i > 2 * len(values) // 3:
            return value
    raise NoPair("none of %d values" % len(values))
