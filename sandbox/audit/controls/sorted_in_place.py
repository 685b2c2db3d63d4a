# title: list.sort changes the argument as the original does
# task: in_place
# expect: ok

def solve(values):
    moved, largest = 0, float("-inf")
    for value in values:
        if value < largest:
            moved += 1
        else:
            largest = value
    values.sort()
    return moved
