"""Observations (PlanSearch, Wang et al. 2024, section 4.1) bound to evidence: a line or a row of the profile.

What no line or row stands behind is left out. How much an observation can gain at most is computed here from the
profile (Amdahl 1967), never taken from the model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from json_repair import repair_json
from pydantic import BaseModel, Field, ValidationError

from codeopt.agent.proposers.base import ProposeContext
from codeopt.types import Observation

CATEGORIES = (
    "algorithm", "data structure", "repeated work", "unneeded work", "memory access", "allocation", "vectorisation",
    "parallelism", "library call", "interpreter overhead", "input and output", "launch and fusion",
)  # fmt: skip
MOST = 6  # of one answer
MOST_LINES = 400  # of one observation
UNKNOWN = 2.0  # what is expected of an observation whose bound is not known
_NEARLY_ALL = 0.995


class _Seen(BaseModel):
    """One observation as a model writes it."""

    claim: str = Field(min_length=1)
    category: str = ""
    lines: list[int] = []
    rows: list[int] = []
    uses: list[int] = []


def schema(derived: bool) -> dict[str, Any]:
    """The form of the answer, as JSON schema; derived observations name those that they come from."""
    numbers = {"type": "array", "items": {"type": "integer"}}
    one: dict[str, Any] = {
        "claim": {"type": "string"}, "category": {"type": "string", "enum": list(CATEGORIES)},
        "lines": numbers, "rows": numbers,
    }  # fmt: skip
    if derived:
        one["uses"] = numbers
    item = {"type": "object", "properties": one, "required": list(one), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"observations": {"type": "array", "items": item}},
        "required": ["observations"],
        "additionalProperties": False,
    }


def loose(text: str) -> Any:
    """The JSON value in a model's answer, mended where it is a little broken; "" where there is none. Nothing is evaluated."""
    words = text.rpartition("</think>")[2]
    starts = [at for at in (words.find("{"), words.find("[")) if at >= 0]
    try:
        return repair_json(words[min(starts) :], return_objects=True) if starts else ""
    except RecursionError:
        return ""


def observed(
    text: str, context: ProposeContext, first: int, known: Sequence[Observation] = (), derived: bool = False
) -> tuple[list[Observation], int]:
    """The observations in an answer whose evidence is there, and how many had none.

    Args:
        text: The answer.
        context: Program and profile.
        first: Number of the first id.
        known: Those that were made before.
        derived: Each has to come from some of them, which it names by number, from 1.
    """
    value = loose(text)
    rows = value.get("observations", value) if isinstance(value, dict) else value
    rows = rows if isinstance(rows, list) else [rows] if isinstance(rows, dict) else []
    length = context.source.count("\n") + 1
    hot = len(context.profile.rows) if context.profile else 0
    found: list[Observation] = []
    claims = {one.claim for one in known}
    for row in rows[: 4 * MOST]:
        try:
            seen = _Seen.model_validate(row)
        except ValidationError:
            continue
        uses = [known[number - 1] for number in dict.fromkeys(seen.uses) if derived and 0 < number <= len(known)]
        lines = tuple(sorted({line for line in seen.lines[:MOST_LINES] if 0 < line <= length}))
        cited = tuple(sorted({number for number in seen.rows[:MOST_LINES] if 0 < number <= hot}))
        if uses and not lines and not cited:  # what is derived stands on the evidence of what it comes from
            lines = tuple(sorted({line for one in uses for line in one.lines}))
            cited = tuple(sorted({number for one in uses for number in one.rows}))
        claim = " ".join(seen.claim.split())[:400]
        if not (lines or cited) or claim in claims or (derived and not uses):
            continue
        claims.add(claim)
        share = share_of(context, lines, cited)
        found.append(
            Observation(
                id=f"o{first + len(found)}",
                claim=claim,
                category=seen.category if seen.category in CATEGORIES else "algorithm",
                lines=lines,
                rows=cited,
                share=share,
                bound=bound_of(context, share),
                uses=tuple(one.id for one in uses),
            )
        )
    return found[:MOST], max(0, len(rows) - len(found))


def share_of(context: ProposeContext, lines: Iterable[int], rows: Iterable[int]) -> float | None:
    """Share of the time at lines and rows together, 0..1; None without a profile.

    Lines that were sampled are counted as they are; a function that is known as a whole (line 0) by its row only.
    """
    if context.profile is None or not context.profile.rows:
        return None
    wanted, cited = set(lines), set(rows)
    hit = [row for number, row in enumerate(context.profile.rows, 1) if number in cited or row.line in wanted]
    return min(_NEARLY_ALL, sum(row.share for row in hit))


def bound_of(context: ProposeContext, share: float | None) -> float | None:
    """The most that a change of so much of the time can gain; see `Observation`."""
    amdahl = None if share is None else 1 / (1 - share)
    ceiling = context.ceiling / context.gained
    if ceiling == float("inf"):
        return amdahl
    return max(1.0, ceiling if amdahl is None else min(amdahl, ceiling))


def together(context: ProposeContext, observations: Sequence[Observation]) -> float | None:
    """The bound of several observations: time that two of them share counts once."""
    lines = {line for one in observations for line in one.lines}
    rows = {row for one in observations for row in one.rows}
    return bound_of(context, share_of(context, lines, rows))


def subsets(context: ProposeContext, observations: Sequence[Observation]) -> list[tuple[Observation, ...]]:
    """All single observations and pairs, those with the highest combined bound first; of equals the smaller first.

    A pair gains nothing over its better half where its bound is no higher: it comes after all that promise more.
    """
    every = [(one,) for one in observations] + list(itertools.combinations(observations, 2))
    return sorted(every, key=lambda some: (-(together(context, some) or UNKNOWN), len(some)))


def family_of(observations: Iterable[Observation]) -> str:
    """The name of the family of a plan that rests on them."""
    return "+".join(sorted({one.category for one in observations}))
