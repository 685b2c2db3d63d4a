# title: dict.fromkeys in the place of a search in a list
# task: unique
# expect: ok

def solve(values):
    return list(dict.fromkeys(values))
