"""In how many ways can a vending machine give change?"""

COINS = (100, 50, 20, 10, 5, 1)


def ways(amount: int, kinds: int) -> int:
    """Number of ways to pay `amount` cents with the first `kinds` kinds of COINS, the smallest ones last.

    >>> ways(20, 6)
    10
    """
    if amount == 0:
        return 1
    if amount < 0 or kinds == 0:
        return 0
    return ways(amount, kinds - 1) + ways(amount - COINS[kinds - 1], kinds)
