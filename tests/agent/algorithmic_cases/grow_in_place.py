# ruff: noqa
def fires_text(words):
    "expects: ''.join(s_parts)"
    s = ""
    for w in words:
        if w:
            s = s + w + ","
    return s


def fires_front(x, base):
    "expects: ret_parts[::-1]"
    ret = ""
    while x > 0:
        ret = str(x % base) + ret
        x //= base
    return ret


def fires_list(a):
    "expects: out.append(x)"
    out = []
    for x in a:
        out = out + [x]
    return out


def fires_tuple(a):
    "expects: tuple(t_parts)"
    t = ()
    for x in a:
        t += (x, x)
    return t


def never_read(words):
    s = ""
    for w in words:
        s += w
        if len(s) > 5:
            break
    return s


def never_number(a):
    n = 0
    for x in a:
        n += x
    return n


INPUTS = {"fires_text": [(["a", "", "b"],), ([],)], "fires_front": [(0, 2), (1234, 7), (255, 2)], "fires_list": [([1, 2],), ([],)],
          "fires_tuple": [([1, 2],), ([],)]}
