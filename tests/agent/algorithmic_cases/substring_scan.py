# ruff: noqa
def fires_count(s, t):
    "expects: s.find(t, i + 1)"
    n = 0
    for i in range(len(s) - len(t) + 1):
        if s[i:i + len(t)] == t:
            n += 1
    return n


def fires_exists(s: str, t: str):
    "expects: t in s"
    for i in range(len(s) - len(t) + 1):
        if s[i:i + len(t)] == t:
            return True
    return False


def fires_prefix(s: str, t: str):
    "expects: s.startswith(t)"
    return s[:len(t)] == t


def fires_rotations(a, b):
    "expects: in a"
    l = len(b)
    pat = b + b
    for i in range(len(a) - l + 1):
        for j in range(l + 1):
            if a[i:i + l] == pat[j:j + l]:
                return True
    return False


def never_list(s: list, t: list):
    n = 0
    for i in range(len(s)):
        if s[i:i + len(t)] == t:
            n += 1
    return n


_ST = [("aaaa", "aa"), ("abcabc", "bc"), ("abc", "x"), ("", "a"), ("hello", "hello")]
INPUTS = {"fires_count": _ST, "fires_exists": _ST, "fires_prefix": _ST, "fires_rotations": [("abcd", "cab"), ("xxbca", "abc"), ("ab", "abc")]}
