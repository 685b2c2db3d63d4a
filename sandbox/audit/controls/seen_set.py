# title: a set inside the call remembers what was seen
# task: unique
# expect: ok

def solve(values):
    seen, kept = set(), []
    add, keep = seen.add, kept.append
    for value in values:
        if value not in seen:
            add(value)
            keep(value)
    return kept
