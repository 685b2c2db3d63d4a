# title: a small table made at import
# task: big_output
# expect: ok

TABLE = tuple(sum(map(int, str(k))) for k in range(1000))


def solve(n):
    table = TABLE
    return [(k, table[k % 1000] + table[k // 1000]) for k in range(n)]
