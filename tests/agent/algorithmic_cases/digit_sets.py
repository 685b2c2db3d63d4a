# ruff: noqa
def fires_all(values):
    "expects: good_digits.issuperset(str(i))"
    out = []
    for i in values:
        if all(int(c) % 2 == 1 for c in str(i)):
            out.append(i)
    return out


def fires_any(n):
    "expects: isdisjoint(str(n))"
    return any([c in "02468" for c in str(n)])


def never_state(values, other):
    return [all(c in str(other) for c in name) for name in values]


INPUTS = {"fires_all": [([1, 13, 24, 99, 0],), ([],)], "fires_any": [(135,), (1350,)]}
