"""Stock valuation, first in first out: what did the goods that were sold cost, and what is left worth?"""


def cost_of_sales(lots: list[tuple[int, int]], sales: list[int]) -> tuple[list[int], int]:
    """Cost of each sale, and the value of what remains.

    Args:
        lots: (quantity, unit cost) as they were bought, the oldest first.
        sales: Quantities as they were sold.

    Raises:
        ValueError: More is sold than was bought.
    """
    queue = [[quantity, cost] for quantity, cost in lots]
    costs = []
    for sale in sales:
        total = 0
        while sale > 0:
            if not queue:
                raise ValueError("sold more than was bought")
            lot = queue[0]
            taken = min(sale, lot[0])
            total += taken * lot[1]
            sale -= taken
            lot[0] -= taken
            if lot[0] == 0:
                queue.pop(0)
        costs.append(total)
    return costs, sum(quantity * cost for quantity, cost in queue)
