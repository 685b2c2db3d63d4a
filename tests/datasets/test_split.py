"""Splits by problem."""

from __future__ import annotations

from collections import Counter

import pytest

from codeopt.datasets.split import shares_of, split_of
from codeopt.errors import UserError


def test_a_problem_has_one_split_near_the_shares_and_another_seed_gives_another() -> None:
    names = [f"MBPP/{number}" for number in range(4000)]
    first = [split_of(name, 0, (0.8, 0.1, 0.1)) for name in names]
    assert first == [split_of(name, 0, (0.8, 0.1, 0.1)) for name in names]
    counts = Counter(first)
    assert abs(counts["train"] - 3200) < 120 and abs(counts["validation"] - 400) < 80 and abs(counts["test"] - 400) < 80
    other = [split_of(name, 1, (0.8, 0.1, 0.1)) for name in names]
    assert 800 < sum(a != b for a, b in zip(first, other)) < 2000


def test_a_share_of_nothing_gets_nothing() -> None:
    assert {split_of(str(number), 3, (0.5, 0.0, 0.5)) for number in range(500)} == {"train", "test"}
    assert {split_of(str(number), 3, (1.0, 0.0, 0.0)) for number in range(500)} == {"train"}
    assert split_of("\udc80", 0) in ("train", "validation", "test")  # an id out of text that is no Unicode


@pytest.mark.parametrize("text", ["0.9,0.1", "a,b,c", "0.9,0.2,0.1", "-0.1,0.6,0.5", "nan,0.5,0.5", ""])
def test_shares_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"0\.9,0\.05,0\.05"):
        shares_of(text)
    assert shares_of("0.8,0.1,0.1") == (0.8, 0.1, 0.1)
