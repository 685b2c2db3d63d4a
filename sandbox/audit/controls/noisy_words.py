# title: the same output, with notes on stderr
# task: words
# expect: ok

import sys
from collections import Counter

counts = Counter(sys.stdin.read().split())
print(f"{len(counts)} words", file=sys.stderr)
print(*(f"{word} {count}" for word, count in counts.items()), sep="\n")
