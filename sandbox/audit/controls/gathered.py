# title: asyncio.gather and a task that is awaited
# task: coroutine
# expect: ok

import asyncio
from collections import Counter


async def part(values):
    await asyncio.sleep(0)
    return Counter(values)


async def solve(values):
    middle = len(values) // 2
    one, two = await asyncio.gather(part(values[:middle]), asyncio.create_task(part(values[middle:])))
    counts = one + two
    return [counts[value] for value in values]
