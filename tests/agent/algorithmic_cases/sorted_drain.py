# ruff: noqa
def fires_both_ends(lst):
    "expects: deque(sorted(lst))"
    out, low = [], True
    while lst:
        out.append(min(lst) if low else max(lst))
        lst.remove(out[-1])
        low = not low
    return out


def fires_selection(a):
    "expects: deque(sorted(a))"
    out = []
    while a:
        x = min(a)
        out.append(x)
        a.remove(x)
    return out


def fires_heap(a):
    "expects: heapq.heappop(a)"
    total = 0
    while len(a) > 1:
        x = min(a)
        a.remove(x)
        y = min(a)
        a.remove(y)
        total += x + y
        a.append(x + y)
    return total


def never_order_used(a):
    out = []
    while a:
        a.remove(min(a))
        out.append(a[0] if a else None)
    return out


_A = [([3, 1, 2, 2],), ([],), ([5],), ([4, 4, 1, 9, 0],)]
INPUTS = {"fires_both_ends": _A, "fires_selection": _A, "fires_heap": _A}
