"""Roll up a sales export from stdin: orders, units, revenue and customers for each region.

The first line is the header `order,region,customer,units,price`; prices are in cents.
"""


def main():
    header = input().strip().split(",")
    region_at = header.index("region")
    customer_at = header.index("customer")
    units_at = header.index("units")
    price_at = header.index("price")
    orders = {}
    units = {}
    revenue = {}
    customers = []
    while True:
        try:
            line = input()
        except EOFError:
            break
        if not line.strip():
            continue
        fields = line.strip().split(",")
        region = fields[region_at]
        if region not in orders:
            orders[region] = 0
            units[region] = 0
            revenue[region] = 0
        orders[region] += 1
        units[region] += int(fields[units_at])
        revenue[region] += int(fields[units_at]) * int(fields[price_at])
        if fields[customer_at] not in customers:
            customers.append(fields[customer_at])
    for region in sorted(orders.keys()):
        print(region, orders[region], units[region], revenue[region])
    print("customers", len(customers))


if __name__ == "__main__":
    main()
