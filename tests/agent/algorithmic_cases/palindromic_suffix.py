# ruff: noqa
def is_pal(s):
    return s == s[::-1]


def fires_call(string):
    "expects: _palindromic_suffix(string)"
    k = 0
    while not is_pal(string[k:]):
        k += 1
    return string + string[:k][::-1]


def fires_inline(s):
    "expects: _palindromic_suffix(s)"
    for i in range(len(s)):
        if s[i:] == s[i:][::-1]:
            return s[i:]
    return ""


def never_other_test(s):
    k = 0
    while not s[k:].isdigit():
        k += 1
    return k


_S = [("",), ("a",), ("ab",), ("xyx",), ("abcbc",), ("aab",), ("abaaba",)]
INPUTS = {"fires_call": _S, "fires_inline": _S}
