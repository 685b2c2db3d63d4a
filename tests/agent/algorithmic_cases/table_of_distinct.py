# ruff: noqa
def fires_own_function(a, b):
    "expects: __getitem__, zip(a, b))"
    def xor(i, j):
        if i == j:
            return "0"
        return "1"
    return "".join(xor(x, y) for x, y in zip(a, b))


def fires_costly(values):
    "expects: for v in set(values)"
    return [sum(int(c) for c in str(abs(v))) for v in values]


def never_cheap(values):
    return [v + 1 for v in values]


def never_effects(values, out):
    return [out.append(str(len(str(v)))) for v in values]


INPUTS = {"fires_own_function": [("0110", "0101"), ("", "")], "fires_costly": [([12, 12, -305, 0],), ([],)]}
