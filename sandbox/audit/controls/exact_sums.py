# title: closed forms in Decimal and Fraction, the same day
# task: exact
# expect: ok

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction


def solve(n):
    whole = n * (n + 1) // 2
    start = date(2000, 1, 1)
    day = start + timedelta(days=n % 97)
    noon = datetime(day.year, day.month, day.day, 12)
    return Decimal(whole) * Decimal("0.01"), Fraction(whole, 12), day, noon, day - start
