# title: an async function that counts once
# task: coroutine
# expect: ok

from collections import Counter


async def solve(values):
    counts = Counter(values)
    return [counts[value] for value in values]
