# ruff: noqa
def fires_loop(a):
    "expects: max_once = max(a"
    out = []
    for x in a:
        out.append(x / max(a))
    return out


def fires_comprehension(a):
    "expects: sum_once = sum(a)"
    return [x / sum(a) for x in a]


def fires_index(words, order: str):
    "expects: sorted_once"
    return [sorted(order).index(w) for w in words]


def never_changes(a):
    while max(a) > 3:
        a[a.index(max(a))] -= 1
    return a


def never_inner(rows):
    return [max(r) for r in rows]


INPUTS = {"fires_loop": [([1, 2, 4],), ([],)], "fires_comprehension": [([1, 2, 4],), ([],)], "fires_index": [(["a", "c"], "cab")]}
