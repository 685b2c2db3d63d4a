# title: a local decimal context, sums of integers
# task: exact
# expect: ok

import datetime
import decimal
import fractions


def solve(n):
    with decimal.localcontext() as context:
        context.prec = 28
        money = decimal.Decimal("0.00") + sum(map(decimal.Decimal, range(1, n + 1))) * decimal.Decimal("0.01")
    share = fractions.Fraction(sum(range(1, n + 1)), 12)
    after = datetime.timedelta(days=n % 97)
    day = datetime.date(2000, 1, 1) + after
    return money, share, day, datetime.datetime.combine(day, datetime.time(12)), after
