# ruff: noqa
def fires_progression(n):
    "expects: list(range(n, "
    return [n + 2 * i for i in range(n)]


def fires_products(xs):
    "expects: operator.mul"
    return [i * x for i, x in enumerate(xs)][1:]


def fires_lookup(text):
    "expects: map(table.__getitem__"
    table = {"o": 4, "p": 2}
    return [table[x] for x in text.split(" ") if x]


def fires_key(words):
    "expects: key=rank.__getitem__"
    rank = {"b": 1, "a": 2}
    return sorted(words, key=lambda w: rank[w])


def never_fraction(n):
    return [n + 0.5 * i for i in range(n)]


def never_own_key(words, rank):
    return sorted(words, key=lambda w: rank[w] + 1)


INPUTS = {"fires_progression": [(0,), (1,), (5,)], "fires_products": [([3, 1, 2],), ([],)], "fires_lookup": [("o p  o",), ("",)],
          "fires_key": [(["a", "b", "a"],)]}
