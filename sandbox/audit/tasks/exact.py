from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction


def solve(n):
    """Exact sums in decimals and fractions, and a day."""
    start = date(2000, 1, 1)
    money, share, day = Decimal("0.00"), Fraction(0), start
    for k in range(1, n + 1):
        money += Decimal(k) * Decimal("0.01")
        share += Fraction(1, 12) * k
        day = start
        for _ in range(k % 97):
            day += timedelta(days=1)
    return money, share, day, datetime(day.year, day.month, day.day, 12), day - start
