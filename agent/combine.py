"""Several edits of one parent as one: their changed lines together, where they do not touch each other."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from codeopt.types import Proposal

Hunk = tuple[int, int, tuple[str, ...]]  # lines [start, end) of the parent become these


def hunks(parent: str, text: str) -> list[Hunk]:
    """What changes between two texts, by whole lines (difflib's matching, without its junk rule)."""
    old, new = parent.splitlines(keepends=True), text.splitlines(keepends=True)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(a, b, tuple(new[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def combine(parent: str, proposals: Sequence[Proposal]) -> Proposal | None:
    """One proposal with the changes of those that fit together, earlier ones first; None where fewer than two do.

    A proposal is taken whole or not at all. Two may insert the same lines at the same place (an import, an include):
    they are inserted once.
    """
    taken: list[Proposal] = []
    merged: list[Hunk] = []
    for proposal in proposals:
        new = [hunk for hunk in hunks(parent, proposal.source) if hunk not in merged]
        if (new or proposal.flags) and not any(_touch(hunk, other) for hunk in new for other in merged):
            merged += new
            taken.append(proposal)
    if len(taken) < 2:
        return None
    lines = parent.splitlines(keepends=True)
    # From the end, so that line numbers hold; at one place a replacement goes before an insertion.
    for start, end, new_lines in sorted(merged, key=lambda hunk: hunk[:2], reverse=True):
        lines[start:end] = new_lines
    flags = tuple(dict.fromkeys(flag for proposal in taken for flag in proposal.flags))
    return Proposal(
        source="".join(lines),
        proposer=taken[0].proposer,
        rule="+".join(dict.fromkeys(proposal.rule for proposal in taken)),
        note="; ".join(proposal.note for proposal in taken),
        flags=flags,
    )


def _touch(one: Hunk, other: Hunk) -> bool:
    """Whether two hunks overlap. Insertions at one place do not."""
    if one[0] == one[1] and other[0] == other[1]:
        return False
    return one[0] < other[1] and other[0] < one[1]
