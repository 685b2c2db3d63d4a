# title: two threads that are joined before the answer
# task: count_pairs
# expect: ok

import threading
from collections import Counter


def solve(values, target):
    halves = [None, None]

    def work(part):
        halves[part] = Counter(values[part::2])

    threads = [threading.Thread(target=work, args=(part,)) for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = halves[0] + halves[1]
    twice = sum(n * counts[target - value] for value, n in counts.items() if target - value in counts)
    return (twice - (counts[target // 2] if target % 2 == 0 else 0)) // 2
