# title: try, except and pass inside; the outcome is the same
# task: raiser
# expect: ok

from collections import defaultdict


class NoPair(ValueError):
    pass


class Found(Exception):
    pass


def solve(values):
    times, late = defaultdict(int), 2 * len(values) // 3
    try:
        for i, value in enumerate(values):
            times[value] += 1
            if times[value] == 3:
                if i <= late:
                    pass
                else:
                    raise Found(value)
    except Found as found:
        return found.args[0]
    raise NoPair(f"none of {len(values)} values")
