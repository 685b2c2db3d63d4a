# ruff: noqa
def fires_below_limit(numbers, threshold):
    "expects: itertools.pairwise(sorted(numbers))"
    for idx, elem in enumerate(numbers):
        for idx2, elem2 in enumerate(numbers):
            if idx != idx2:
                distance = abs(elem - elem2)
                if distance < threshold:
                    return True
    return False


def fires_smallest(a):
    "expects: itertools.pairwise"
    best = float("inf")
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            best = min(best, abs(a[i] - a[j]))
    return best


def fires_pair(numbers):
    "expects: itertools.pairwise"
    pair = None
    distance = None
    for i, x in enumerate(numbers):
        for j, y in enumerate(numbers):
            if i != j:
                if distance is None:
                    distance = abs(x - y)
                    pair = tuple(sorted([x, y]))
                else:
                    d = abs(x - y)
                    if d < distance:
                        distance = d
                        pair = tuple(sorted([x, y]))
    return pair


def never_counts(a, t):
    n = 0
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if abs(a[i] - a[j]) < t:
                n += 1
    return n


def never_largest(a):
    best = 0
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if abs(a[i] - a[j]) > best:
                best = abs(a[i] - a[j])
    return best


INPUTS = {
    "fires_below_limit": [([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3), ([1.0, 2.0], 0.5), ([], 1.0), ([5.0, 1.0, 5.0], 0.1)],
    "fires_smallest": [([5, 1, 9, 3],), ([],), ([4],), ([2.5, 2.5, 9.0],)],
    "fires_pair": [([1.0, 2.0, 3.9, 4.0, 5.0, 2.2],), ([1.0, 5.0],), ([2.0, 2.0, 7.0],)],
}
