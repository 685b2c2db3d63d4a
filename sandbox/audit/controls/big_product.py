# title: the product goes on from one prefix to the next
# task: big_int
# expect: ok

def solve(n):
    total, product, done = 0, 1, 1
    for k in range(1, n + 1, 8):
        for factor in range(done, 2 * k, 2):
            product *= factor
        done = 2 * k + 1
        total += product
    return total, product
