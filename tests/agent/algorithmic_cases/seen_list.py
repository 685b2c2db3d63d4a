# ruff: noqa
def fires_unique(a):
    "expects: seen_set.add(x)"
    seen = []
    for x in a:
        if x not in seen:
            seen.append(x)
    return seen


def fires_visited(graph, start):
    "expects: visited_set.add(node)"
    visited = []
    stack = [start]
    while stack:
        node = stack.pop()
        if node in visited:
            continue
        visited.append(node)
        stack.extend(graph[node])
    return visited


def fires_nested(rows):
    "expects: found_set"
    found = []
    for row in rows:
        for x in row:
            if x not in found:
                found += [x]
    return found


def never_removes(a):
    seen = []
    for x in a:
        if x not in seen:
            seen.append(x)
        else:
            seen.remove(x)
    return seen


INPUTS = {
    "fires_unique": [([3, 1, 3, 2, 1],), ([],), (["a", "a"],)],
    "fires_visited": [({0: [1, 2], 1: [0], 2: [1, 3], 3: []}, 0)],
    "fires_nested": [([[1, 2], [2, 3], []],)],
}
