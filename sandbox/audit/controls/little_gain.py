# title: a loop variable saved: hardly a gain
# task: typed
# expect: same

def solve(values):
    found = []
    for i, value in enumerate(values):
        kind, same = type(value), 0
        for other in values[:i]:
            if type(other) is kind:
                same += 1
        found.append((value, same, {"last": value, "odd": same % 2 == 1}))
    return found
