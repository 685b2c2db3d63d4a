"""MinHash sketches of sets, and the clusters of those that are near.

Sketches are datasketch's (Broder 1997); each keeps the lowest byte of its values only (b-bit minwise hashing, Li and
König 2010) and a hash for each band. The bands are compared as sorted arrays: datasketch's own index takes several
kilobytes a set, this one about 250 bytes. What shares a band is near if its sketches agree in a share of `threshold`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH

from codeopt.datasets.lexing import Hashes

PERMUTATIONS = 128
MISSES = (0.1, 0.9)
"""What a false candidate and a missed one weigh: candidates are compared again, what is missed is missed."""
_FACTORS = np.array([pow(0xD6E8FEB86659FD93, power, 2**64) for power in range(1, PERMUTATIONS + 1)], np.uint64)


class Sketches(NamedTuple):
    """Sketches of some sets, one a row.

    Attributes:
        bytes: (sets, PERMUTATIONS) of uint8.
        bands: (sets, bands) of uint64.
    """

    bytes: npt.NDArray[np.uint8]
    bands: Hashes


class Sketcher:
    """Makes sketches for one threshold.

    Args:
        threshold: Jaccard similarity from which two sets are near, 0..1.
    """

    def __init__(self, threshold: float) -> None:
        self.bands, self.rows = _bands(threshold)
        self._minhash = MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashfunc=int)

    def sketch(self, sets: Sequence[Collection[int]]) -> Sketches:
        """Sketches of sets of 64-bit hashes; empty ones are alike."""
        values = np.empty((len(sets), PERMUTATIONS), np.uint64)
        for at, one in enumerate(sets):
            self._minhash.clear()
            self._minhash.update_batch([value >> 32 for value in one])
            values[at] = self._minhash.hashvalues
        used = self.bands * self.rows
        bands = (values[:, :used] * _FACTORS[:used]).reshape(len(sets), self.bands, self.rows).sum(axis=2, dtype=np.uint64)
        return Sketches(values.astype(np.uint8), bands)


@cache
def _bands(threshold: float) -> tuple[int, int]:
    """(bands, rows of each) that miss least at a threshold."""
    best = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, weights=MISSES)
    return int(best.b), int(best.r)


def clusters(found: Sketches, threshold: float) -> npt.NDArray[np.int64]:
    """The number of each set's cluster: the lowest row of those that a chain of near ones joins."""
    sets, bands = found.bands.shape
    parent = np.arange(sets)
    for band in range(bands):
        column = found.bands[:, band]
        order = np.argsort(column, kind="stable")
        same = column[order[1:]] == column[order[:-1]]
        # Each is compared with the one before it and with the first of its bucket.
        heads = np.concatenate(([0], np.where(same, 0, np.arange(1, sets)))) if sets else np.zeros(0, np.int64)
        first = order[np.maximum.accumulate(heads)]
        for left, right in ((order[:-1][same], order[1:][same]), (first[1:][same], order[1:][same])):
            for at in range(0, len(left), 4096):
                a, b = left[at : at + 4096], right[at : at + 4096]
                near = (found.bytes[a] == found.bytes[b]).mean(axis=1) >= threshold
                for one, other in zip(a[near].tolist(), b[near].tolist()):
                    join(parent, one, other)
    return np.array([root(parent, one) for one in range(sets)], np.int64)


def join(parent: npt.NDArray[np.int64], one: int, other: int) -> None:
    """Make two clusters one."""
    one, other = root(parent, one), root(parent, other)
    parent[max(one, other)] = min(one, other)


def root(parent: npt.NDArray[np.int64], one: int) -> int:
    """Where the chain of parents ends; it is made shorter on the way."""
    while (above := int(parent[one])) != one:
        parent[one] = parent[above]
        one = above
    return one
