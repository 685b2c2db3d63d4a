# title: a set, and out at the first hit
# task: find
# expect: ok

def solve(values, skip):
    seen, left = set(), skip
    for i, value in enumerate(values):
        if value in seen:
            if left == 0:
                return i
            left -= 1
        seen.add(value)
    return -1
