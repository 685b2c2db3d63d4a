# title: io.StringIO and an explicit stack
# task: texts
# expect: ok

import io
from collections import Counter, deque


def solve(words):
    times, out, stack = Counter(), io.StringIO(), deque()
    for word in words:
        out.write(f"{word}:{times[word]} ")
        times[word] += 1
    text = out.getvalue()
    for letter in text:
        stack.appendleft(letter)
    return text, "".join(stack)
