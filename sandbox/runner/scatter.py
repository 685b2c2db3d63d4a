"""Where a sample's memory lies, drawn anew for each: a fork inherits its server's layout, and that layout has a speed.

Some addresses of heap and stack get into each other's way in the caches (Mytkowicz et al., ASPLOS 2009): one server in
ten was a fifth slower than the others, in all of its forks. Drawn for each sample, that becomes noise between pairs,
which the paired test knows about (Curtsinger and Berger, "Stabilizer", ASPLOS 2013).
"""

import os

CLASSES, MOST = range(16, 513, 16), 31  # the allocator's sizes, and objects of each
HEAP = 1 << 16  # bytes beyond the allocator's own
DEEPEST = 63


def run(function, *arguments):
    """Call the function where the heap is a little fuller and the C stack a little deeper."""
    counts = os.urandom(len(CLASSES))
    kept = [bytes(size - 33) if size > 33 else size * 1.5 for size, count in zip(CLASSES, counts) for _ in range(count & MOST)]
    kept.append(bytearray(int.from_bytes(os.urandom(2), "little") % HEAP))
    # Types that are called from C count for no recursion limit: a program has as many levels as ever.
    nested = map(lambda _: function(*arguments), (None,))
    for _ in range(os.urandom(1)[0] & DEEPEST):
        nested = map(list, (nested,))
    next(nested)
