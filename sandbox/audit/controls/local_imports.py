# title: imports inside the function
# task: count_pairs
# expect: ok

def solve(values, target):
    from collections import defaultdict
    import operator

    seen, count = defaultdict(int), 0
    for value in values:
        count += seen.get(operator.sub(target, value), 0)
        seen[value] += 1
    return count
