# title: the original itself, with a comment
# task: unique
# expect: same

def solve(values):
    """The values without repetitions, in their order."""
    kept = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept

# nothing was changed
