"""What ENAMEL's input generators call: random brackets and random numbers of a known kind.

Adapted from `datautils` of ENAMEL (Qiu et al., ICLR 2025, https://github.com/q-rz/enamel, Apache-2.0). The calls of
`random` come in the same order as there, so that a seed gives the inputs that the published figures were measured on.
This file is copied in front of a generator and has to stand alone.
"""

import random
import string  # noqa: F401  (generators use it)


def rand_parens(size, valid=True, par="()", sep=""):
    """Brackets: balanced groups joined by `sep` (a list of groups where it is None), or unbalanced ones."""
    if not valid:
        half = (size + 1) // 2 - 1
        return rand_parens(half, True, par) + par[1] + par[0] + rand_parens(half, True, par)
    size += size % 2
    groups = []
    depth = 0
    for done in range(size):
        if depth == 0 or (depth < size - done and random.randint(0, 1)):
            if depth == 0:
                groups.append([])
            groups[-1].append(par[0])
            depth += 1
        else:
            groups[-1].append(par[1])
            depth -= 1
    joined = ["".join(group) for group in groups]
    return joined if sep is None else sep.join(joined)


def miller_rabin(n, k=5):
    """Whether n > 0 is probably prime, after k rounds."""
    if n in (2, 3):
        return True
    if n == 1 or n % 2 == 0:
        return False
    twos, odd = 0, n - 1
    while odd % 2 == 0:
        twos += 1
        odd //= 2
    for _ in range(k):
        x = pow(random.randint(2, n - 2), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = pow(x, 2, n)
            if x == n - 1:
                break
        else:
            return False
    return True


def rand_probably_prime(lb, ub=None):
    """A probable prime between lb and ub; of about lb where ub is not given."""
    if ub is None:
        lb = max(lb, 3)
        lb, ub = lb // 2, lb
    else:
        lb = max(lb, 0)
        ub = max(lb * 2, ub, 3)
    p = random.randint(lb, ub)
    while not miller_rabin(p):
        p = random.randint(lb, ub)
    return p


def rand_primality(size, lid, cid):
    """A number of about `size` on which a primality test is hard: a prime, its square, a product of two primes."""
    size = max(size, 4)
    corners = {0: 2 * 3 * 5 * 7 * 11 * 13 + 1, 1: 561, 2: 2, 3: 125}
    if lid == 0 and cid in corners:
        return corners[cid]
    root = int(size**0.5 + 1)
    if cid % 3 == 0:
        return rand_probably_prime(size)
    if cid % 3 == 1:
        return rand_probably_prime(root) ** 2
    return rand_probably_prime(root) * rand_probably_prime(root)
