# title: a class method over a dict
# task: ledger
# expect: ok

class Ledger:
    __slots__ = ("totals",)

    def __init__(self):
        self.totals = {}

    def add(self, name, amount):
        self.totals[name] = self.totals.get(name, 0) + amount

    @classmethod
    def total(cls, lines):
        ledger = cls()
        for line in lines:
            name, _, amount = line.split(";")
            ledger.add(name, int(amount))
        return ledger.totals
