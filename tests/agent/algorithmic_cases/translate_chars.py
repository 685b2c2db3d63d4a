# ruff: noqa
def fires_map(s: str):
    "expects: .translate("
    return "".join([chr((ord(ch) - 92) % 26 + 97) for ch in s])


def fires_filter(text):
    "expects: else None"
    return "".join([c for c in text if c.lower() not in "aeiou"])


def fires_loop(s):
    "expects: .translate("
    d = "abcdefghijklmnopqrstuvwxyz"
    out = ""
    for c in s:
        if c in d:
            out += d[(d.index(c) + 4) % 26]
        else:
            out += c
    return out


def fires_list(s):
    "expects: .translate("
    parts = []
    for letter in s:
        if letter == ",":
            parts.append(" ")
        else:
            parts.append(letter)
    return "".join(parts).split()


def never_position(s):
    return "".join([c.upper() if i % 2 else c for i, c in enumerate(s)])


def never_state(s):
    out = ""
    last = ""
    for c in s:
        if c != last:
            out += c
        last = c
    return out


_S = [("",), ("hello, world",), ("AbcÄ zü",), ("aaa,bbb",)]
INPUTS = {"fires_map": [("",), ("hello",)], "fires_filter": _S, "fires_loop": _S, "fires_list": _S}
