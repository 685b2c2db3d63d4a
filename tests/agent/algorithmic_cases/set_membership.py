# ruff: noqa
from typing import List


def fires_loop(a, b: List[int]):
    "expects: b_set = set(b)"
    out = []
    for x in a:
        if x in b:
            out.append(x)
    return out


def fires_comprehension(a, b):
    "expects: set(b)"
    return [x for x in a if x not in b]


def fires_split(words, text):
    "expects: members = set(text.split())"
    n = 0
    for w in words:
        if w in text.split():
            n += 1
    return n


def fires_lambda(a, b):
    "expects: set(b)"
    return list(filter(lambda x: x in b, a))


def fires_rows(a):
    "expects: except TypeError"
    rows = [[1, 2], [3]]
    return [x for x in a if x in rows]


def fires_nested(grid, allowed: list):
    "expects: allowed_set = set(allowed)"
    n = 0
    for row in grid:
        for cell in row:
            if cell in allowed: n += 1
    return n


def never_grows(a):
    b = []
    for x in a:
        if x not in b:
            b.append(x)
    return b


def never_set(a):
    b = set(a)
    return [x for x in a if x in b]


def never_text(chars, text: str):
    return [c for c in chars if c in text]


def never_once(x, b: list):
    return x in b


INPUTS = {
    "fires_loop": [([1, 2, 3, 2], [2, 9]), ([], [1]), ([1], [])],
    "fires_comprehension": [([1, 2, 3, 2], [2, 9]), (["a"], ("a", "b"))],
    "fires_split": [(["a", "bb"], "a b bb a")],
    "fires_lambda": [([1, 2, 3], [3, 1])],
    "fires_rows": [([[1, 2], [4], [3]],)],
    "fires_nested": [([[1, 2], [3, 1]], [1, 3])],
}
