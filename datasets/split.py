"""Splits by problem: everything that solves one problem is in one split, whoever wrote it and whenever it is added."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from codeopt.datasets.store import SPLITS
from codeopt.errors import UserError

SHARES = (0.9, 0.05, 0.05)


def split_of(problem_id: str, seed: int, shares: Sequence[float] = SHARES) -> str:
    """The split of a problem, from a hash of its id alone: problems that come later move no other.

    Args:
        problem_id: Of the problem.
        seed: Another one gives another split.
        shares: Of train, validation and test; they sum to 1.
    """
    digest = hashlib.blake2b(f"{seed}\0{problem_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    left = int.from_bytes(digest) / 2**64
    for name, share in zip(SPLITS, shares):
        left -= share
        if left < 0:
            return name
    return next(name for name, share in zip(reversed(SPLITS), reversed(shares)) if share)  # what rounding left


def shares_of(text: str) -> tuple[float, float, float]:
    """Shares as a person gives them, "0.9,0.05,0.05".

    Raises:
        UserError: They are not three numbers from 0 that sum to 1.
    """
    try:
        train, validation, test = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--shares {text}: not three numbers", "give train, validation and test, like 0.9,0.05,0.05") from None
    found = (train, validation, test)
    if not all(0 <= share <= 1 for share in found) or not math.isclose(sum(found), 1.0, abs_tol=1e-6):
        raise UserError(f"--shares {text}: they do not sum to 1", "give train, validation and test, like 0.9,0.05,0.05")
    return found
