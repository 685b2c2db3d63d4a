async def count(values, value):
    return sum(1 for other in values if other == value)


async def solve(values):
    """How often each value comes."""
    return [await count(values, value) for value in values]
