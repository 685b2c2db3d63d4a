class NoPair(ValueError):
    pass


def solve(values):
    """The first value that comes three times. Raises NoPair where there is none."""
    for i, value in enumerate(values):
        times = 1
        for other in values[:i]:
            if other == value:
                times += 1
        if times == 3 and i > 2 * len(values) // 3:
            return value
    raise NoPair(f"none of {len(values)} values")
