# ruff: noqa
def fires_loop(a):
    "expects: Counter(a)"
    best = 0
    for x in a:
        if a.count(x) > best:
            best = a.count(x)
    return best


def fires_key(a):
    "expects: key=counts.__getitem__"
    return max(a, key=a.count)


def fires_comprehension(words):
    "expects: counts[w] == 1"
    return [w for w in words if words.count(w) == 1]


def fires_any(lst):
    "expects: Counter(lst)"
    return any(lst.count(x) > 2 for x in lst)


def never_substring(text: str, parts):
    return [text.count(p + "x") for p in parts]


def never_changes(a):
    for x in list(a):
        if a.count(x) > 1:
            a.remove(x)
    return a


INPUTS = {
    "fires_loop": [([1, 2, 1, 1],), ([],)],
    "fires_key": [([3, 1, 2, 1, 3],)],
    "fires_comprehension": [(["a", "b", "a"],)],
    "fires_any": [([1, 2, 1, 1],), ([],)],
}
