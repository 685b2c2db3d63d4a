"""Texts from texts: the same for the same seed, never none where a number stands, and true to what the format says."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from codeopt.agent.text_mutations import leading_count, mutations

WORDS = st.text("abcxyz", min_size=1, max_size=4)
NUMBERS = st.integers(-999, 999).map(str)
LINES = st.lists(st.lists(st.one_of(NUMBERS, WORDS), max_size=5).map(" ".join), max_size=8)


def made(text: str, seed: int = 0, count: int = 10) -> list[str]:
    return [item.decode() for item in mutations(text.encode(), count, seed)]


@settings(max_examples=150, deadline=None)
@given(LINES.map("\n".join), st.integers(0, 5))
@example("0\n", 0)
@example("1\n1\n", 0)
@example("5\nab\n", 0)
@example("1 1\nab", 0)
@example("x1", 0)
@example("007", 3)
def test_deterministic_distinct_and_never_empty_where_a_number_stands(text: str, seed: int) -> None:
    found = made(text, seed)
    assert found == made(text, seed)
    assert text not in found and len(set(found)) == len(found) <= 10
    if re.search(r"\d", text) and leading_count(text) is None:
        assert found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.one_of(NUMBERS, WORDS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=8), st.lists(NUMBERS, max_size=2), st.integers(0, 5))
@example(["0", "0 0 0 0", "0 0 0 a", "0 0 0 0", "0 0 0 0"], [], 0)
def test_a_leading_count_of_lines_stays_true(lines: list[str], more: list[str], seed: int) -> None:
    text = " ".join([str(len(lines)), *more]) + "\n" + "\n".join(lines) + "\n"
    assume(leading_count(text) == 0)
    for other in made(text, seed):
        head, *rest = other.rstrip("\n").split("\n")
        assert int(head.split()[0]) == len(rest)
        assert head.split()[1:] == more


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 999), min_size=2, max_size=8), st.integers(0, 5))
def test_a_count_of_tokens_stays_true(values: list[int], seed: int) -> None:
    found = made(f"{len(values)}\n{' '.join(map(str, values))}\n", seed)
    assert found
    for other in found:
        head, row = other.rstrip("\n").split("\n")
        assert int(head) == len(row.split())
        assert all(0 <= int(word) <= 999 for word in row.split())


def test_several_tests_in_one_text_keep_their_shape() -> None:
    text = "2\n3\n5 1 9\n4\n8 8 2 2\n"
    found = made(text, count=20)
    assert len(found) == 20
    for other in found:
        rows = other.rstrip("\n").split("\n")
        assert rows[0] == "2" and len(rows) == 5
        assert [int(rows[1]), int(rows[3])] == [len(rows[2].split()), len(rows[4].split())]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("4\n1 5 9 20\n", lambda rows: rows[1] == sorted(rows[1])),
        ("9 4\n1 5\n2 3\n4 9\n7 8\n", lambda rows: all(1 <= a < b <= 9 for a, b in rows[1:])),
        ("5\n3 1 5 2 4\n", lambda rows: len(set(rows[1])) == len(rows[1]) and max(rows[1]) <= 5),
        ("2\n1 2\n3 4\n", lambda rows: [len(row) for row in rows] == [1, 2, 2]),
    ],
    ids=["sorted", "intervals", "distinct", "square"],
)
def test_what_the_format_says_is_kept(text: str, holds) -> None:
    found = [[[int(word) for word in line.split()] for line in other.rstrip("\n").split("\n")] for other in made(text)]
    assert found and all(holds(rows) for rows in found), found


def test_white_space_and_line_ends_stay() -> None:
    for other in made("  7\t12  \r\n 30   41\r\n", count=20):
        assert re.fullmatch(r"  \d\t\d\d  \r\n +\d\d +\d\d\r\n", other) or other.count("\r\n") != 2


def test_bytes_that_are_no_text_give_nothing() -> None:
    assert mutations(b"\xff\xfe 12", 5, 0) == []
