# ruff: noqa
def fires_bfs(graph, start):
    "expects: queue.popleft()"
    queue = [start]
    order = []
    seen = {start}
    while queue:
        node = queue.pop(0)
        order.append(node)
        for n in graph[node]:
            if n not in seen:
                seen.add(n)
                queue.append(n)
    return order


def fires_window(values):
    "expects: list(window)"
    window = []
    for v in values:
        window.append(v)
        if len(window) > 3:
            window.pop(0)
    return window


def fires_front(values):
    "expects: out.appendleft(v)"
    out = []
    for v in values:
        out.insert(0, v)
    return out


def never_sliced(values):
    q = list(values)
    out = []
    while q:
        out.append(q[:2])
        q.pop(0)
    return out


def never_argument(q):
    while len(q) > 1:
        q.pop(0)
    return q


INPUTS = {"fires_bfs": [({0: [1, 2], 1: [2, 3], 2: [], 3: [0]}, 0)], "fires_window": [([1, 2, 3, 4, 5],), ([],)],
          "fires_front": [([1, 2, 3],)]}
