# ruff: noqa
def fires_return(n):
    "expects: _is_prime(n)"
    if n < 2:
        return False
    for k in range(2, n):
        if n % k == 0:
            return False
    return True


def fires_root(n):
    "expects: _is_prime(n)"
    for k in range(2, int(n ** 0.5) + 1):
        if n % k == 0:
            return False
    return True


def fires_values(n, x, y):
    "expects: return x if"
    if n == 1:
        return y
    for i in range(2, n):
        if n % i == 0:
            return y
            break
    else:
        return x


def fires_flag(word):
    "expects: _is_prime(len(word))"
    found = 0
    for i in range(2, len(word)):
        if len(word) % i == 0:
            found = 1
    return found


def fires_wheel(n):
    "expects: _is_prime(n)"
    if n < 2:
        return False
    if n < 4:
        return True
    if n % 2 == 0 or n % 3 == 0:
        return False
    i = 5
    while i * i <= n:
        if n % i == 0 or n % (i + 2) == 0:
            return False
        i += 6
    return True


def never_other_number(n, m):
    for k in range(2, m):
        if n % k == 0:
            return False
    return True


_N = [*range(0, 40), 997, 1001, 1009, 3215, 25326, 29341, 65537]
INPUTS = {
    "fires_return": [(n,) for n in _N],
    "fires_root": [(n,) for n in _N],
    "fires_values": [(n, 1, 2) for n in _N],
    "fires_flag": [("a" * n,) for n in (0, 1, 2, 3, 4, 9, 1009, 1011)],
    "fires_wheel": [(n,) for n in [*_N, 3215031751, 341550071728321]],
}
