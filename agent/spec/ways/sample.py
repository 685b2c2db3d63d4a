"""Repeated sampling (Brown et al. 2024), with consensus and measured selection at the end."""

from __future__ import annotations

from codeopt.agent.spec import words
from codeopt.agent.spec.ways import Tried, Way, Wish

AT_ONCE = 10


def way(wish: Wish) -> Way:
    """All tokens go into answers to one question."""
    question = words.write(wish.specification)
    programs: list[Tried] = []
    while many := wish.affordable(AT_ONCE):
        programs += wish.programs(wish.heard((yield [question] * many)))
    yield programs
