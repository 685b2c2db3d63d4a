# title: counts by type; True, 1 and 1.0 stay apart
# task: typed
# expect: ok

def solve(values):
    counts, found = {}, []
    for value in values:
        kind = type(value)
        same = counts.get(kind, 0)
        counts[kind] = same + 1
        found.append((value, same, {"odd": bool(same & 1), "last": value}))
    return found
