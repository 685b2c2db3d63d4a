"""Whose memory meets whose: spans are pairs of addresses, the first byte and the one after the last."""


def overlaps(own, others):
    """Pairs of indices whose memory meets."""
    return [
        [i, j] for i, (a, b) in enumerate(own) for j, (c, d) in enumerate(others) if a < d and c < b and b > a and d > c
    ]


def meet(spans):
    """Whether memory of different calls meets."""
    found = sorted((first, last, call) for call, own in enumerate(spans) for first, last in own if last > first)
    return any(found[i][0] < found[i - 1][1] and found[i][2] != found[i - 1][2] for i in range(1, len(found)))
