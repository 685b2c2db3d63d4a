# ruff: noqa
def fires_return(n):
    "expects: math.isqrt"
    if n < 2:
        return False
    for k in range(2, n - 1):
        if n % k == 0:
            return False
    return True


def fires_flag(n):
    "expects: math.isqrt"
    prime = n > 1
    for i in range(2, n // 2 + 1):
        if n % i == 0:
            prime = False
            break
    return prime


def fires_else(n):
    "expects: math.isqrt"
    for i in range(2, n):
        if not n % i:
            return "composite"
    else:
        return "prime"


def fires_all(n):
    "expects: math.isqrt"
    return n > 1 and all(n % d != 0 for d in range(2, n))


def fires_while(n):
    "expects: i * i <= n"
    i = 2
    while i < n:
        if n % i == 0:
            return False
        i += 1
    return n > 1


def fires_factor_loop(n):
    "expects: > n > 1"
    out = []
    i = 2
    while i <= n:
        if n % i == 0:
            out.append(i)
            n //= i
        else:
            i += 1
    return out


def fires_nested_factor_loop(n):
    "expects: > n > 1"
    out = []
    i = 2
    while n > 1:
        while n % i == 0:
            out.append(i)
            n = n // i
        i += 1
    return out


def never_uses_divisor(n):
    for i in range(2, n):
        if n % i == 0:
            return i
    return n


def never_counts(n):
    c = 0
    for i in range(2, n):
        if n % i == 0:
            c += 1
    return c


_N = [(n,) for n in [*range(0, 60), 97, 121, 7919, 7921]]
INPUTS = {name: _N for name in ("fires_return", "fires_flag", "fires_else", "fires_all", "fires_while")}
INPUTS |= {name: _N[1:] for name in ("fires_factor_loop", "fires_nested_factor_loop")}
