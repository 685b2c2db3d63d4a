"""Bank reconciliation: which payments could together be the one deposit that nobody can explain?"""


def matching_pairs(payments: list[int], deposit: int) -> int:
    """Number of pairs of payments (in cents) whose sum is the deposit."""
    found = 0
    for i in range(len(payments)):
        for j in range(i + 1, len(payments)):
            if payments[i] + payments[j] == deposit:
                found += 1
    return found
