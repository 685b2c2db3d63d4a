# ruff: noqa
def is_prime(n):
    if n < 2:
        return False
    for d in range(2, int(n ** 0.5) + 1):
        if n % d == 0:
            return False
    return True


def fires_calls(n):
    "expects: _prime_table"
    return sum(1 for i in range(n) if is_prime(i))


def fires_call_in_loop(n):
    "expects: _prime_table"
    out = []
    for i in range(2, n + 1):
        if is_prime(i):
            out.append(i)
    return out


def fires_flag(n):
    "expects: _prime_table"
    primes = []
    for i in range(2, n):
        prime = True
        for j in range(2, i):
            if i % j == 0:
                prime = False
                break
        if prime:
            primes.append(i)
    return primes


def fires_for_else(n):
    "expects: _prime_table"
    total = 0
    for i in range(2, n):
        for j in range(2, int(i ** 0.5) + 1):
            if i % j == 0:
                break
        else:
            total += i
    return total


def never_other(n):
    return [i for i in range(n) if odd(i)]


def odd(i):
    return i % 2 == 1


_N = [(n,) for n in (0, 1, 2, 3, 10, 30, 200)]
INPUTS = {"fires_calls": _N, "fires_call_in_loop": _N, "fires_flag": _N, "fires_for_else": _N}
