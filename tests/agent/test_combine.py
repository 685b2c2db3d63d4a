"""Several edits as one: what fits together is taken, what does not is left whole."""

from __future__ import annotations

from codeopt.agent.combine import combine
from codeopt.types import Proposal

PARENT = "a\nb\nc\nd\ne\n"


def edit(text: str, rule: str, flags: tuple[str, ...] = ()) -> Proposal:
    return Proposal(source=text, proposer="rules", rule=rule, note=rule, flags=flags)


def test_edits_of_different_lines_are_both_taken() -> None:
    both = combine(PARENT, [edit("a\nB\nc\nd\ne\n", "one"), edit("a\nb\nc\nd\nE\nf\n", "two")])
    assert both is not None and both.source == "a\nB\nc\nd\nE\nf\n"
    assert both.rule == "one+two" and both.note == "one; two"


def test_edits_of_the_same_line_are_not_mixed() -> None:
    assert combine(PARENT, [edit("a\nB\nc\nd\ne\n", "one"), edit("a\nBB\nc\nd\nE\n", "two")]) is None
    three = combine(PARENT, [edit("a\nB\nc\nd\ne\n", "one"), edit("a\nBB\nc\nd\nE\n", "two"), edit("a\nb\nc\nD\ne\n", "3")])
    assert three is not None and three.source == "a\nB\nc\nD\ne\n" and three.rule == "one+3"


def test_the_same_insertion_is_made_once() -> None:
    both = combine(PARENT, [edit("import x\na\nB\nc\nd\ne\n", "one"), edit("import x\na\nb\nc\nD\ne\n", "two")])
    assert both is not None and both.source == "import x\na\nB\nc\nD\ne\n"


def test_an_insertion_before_a_changed_line_stays_before_it() -> None:
    both = combine(PARENT, [edit("a\nB\nc\nd\ne\n", "one"), edit("a\nnew\nb\nc\nd\ne\n", "two")])
    assert both is not None and both.source == "a\nnew\nB\nc\nd\ne\n"


def test_flags_add_up_without_repeats() -> None:
    both = combine(PARENT, [edit(PARENT, "f", ("-O3", "-g")), edit("A\nb\nc\nd\ne\n", "s", ("-g",))])
    assert both is not None and both.flags == ("-O3", "-g") and both.source.startswith("A\n")
