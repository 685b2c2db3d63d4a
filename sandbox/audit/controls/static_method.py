# title: a static method with a closure
# task: ledger
# expect: ok

class Ledger:
    @staticmethod
    def total(lines):
        totals = {}

        def add(name, amount):
            totals[name] = totals.get(name, 0) + amount
            return totals[name]

        for line in lines:
            name, _, amount = line.split(";")
            add(name, int(amount))
        return totals
