# ruff: noqa
def fires_sum(s: str):
    "expects: s.count(c)"
    return sum(ord(c) if c.isupper() else 0 for c in s)


def fires_len(text):
    "expects: text.count(i)"
    return len([i for i in text if i.islower() and ord(i) % 2 == 0])


def fires_loop(s):
    "expects: s.count('7')"
    n = 0
    for c in s:
        if c == '7':
            n += 1
    return n


def fires_index(s):
    "expects: Counter(s[::2])"
    count = 0
    for i in range(0, len(s), 2):
        if s[i] in "AEIOU":
            count += 1
    return count


def fires_two(num):
    "expects: Counter(str(abs(num)))"
    even = 0
    odd = 0
    for i in str(abs(num)):
        if int(i) % 2 == 0:
            even += 1
        else:
            odd += 1
    return even, odd


def never_numbers(values: list):
    return sum(v * v for v in values)


def never_state(s: str):
    n = 0
    for c in s:
        if n % 2 == 0 and c == "x":
            n += 1
    return n


_S = [("",), ("abC7D7",), ("AEIOUxyzÄ",), ("7777",)]
INPUTS = {"fires_sum": _S, "fires_len": _S, "fires_loop": _S, "fires_index": _S, "fires_two": [(-120345,), (0,), (7,)]}
