class Ledger:
    """Amounts by name."""

    __slots__ = ("amounts",)

    def __init__(self):
        self.amounts = []

    def add(self, name, amount):
        self.amounts.append((name, amount))

    def of(self, name):
        total = 0
        for other, amount in self.amounts:
            if other == name:
                total += amount
        return total

    @classmethod
    def total(cls, lines):
        """The total of each name, in the order of the lines."""
        ledger = cls()
        for line in lines:
            name, _, amount = line.split(";")
            ledger.add(name, int(amount))
        return {line.split(";")[0]: ledger.of(line.split(";")[0]) for line in lines}
