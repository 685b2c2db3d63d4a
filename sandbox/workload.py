"""The inputs of a verdict: what a candidate is checked on, what it is timed on, what it never sees beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One region to run.

    Attributes:
        id: Unique within a run.
        kind: Where it comes from: "recorded", "doctest", "hypothesis", "generated", "grown", "mutated", "crosshair",
            "case".
        calls: Encoded calls of a function, run one after another in the region.
        stdin, argv: Input of a program.
        expected: A program's stdout as the user's case says; None where the baseline is the specification.
        size: The generator's size, 0 where there is none.
    """

    id: str
    kind: str
    calls: tuple[bytes, ...] = ()
    stdin: bytes = b""
    argv: tuple[str, ...] = ()
    expected: bytes | None = None
    size: int = 0


TOGETHER = 6
Draw = Callable[[int, int], Sequence[Case]]


def nothing(count: int, seed: int) -> Sequence[Case]:
    """A source of hidden inputs that has none."""
    return ()


@dataclass(frozen=True)
class Workload:
    """All inputs of a task.

    Attributes:
        visible: Correctness inputs that the search (and a model) may see.
        timed: Regions that are timed during the search.
        hidden: (count, seed) -> correctness inputs drawn after the candidate is fixed.
        hidden_timed: The same for timed regions; where it gives none, `timed` is measured again.
        fresh_timed: The same without end (from a generator): the search itself times on such inputs, too. Where it gives
            none, the search times `timed`, and the few regions of `hidden_timed` are left to the holdout.
        repeat: Fresh copies of each call in a timed region.
        notes: What a person should know about how the inputs came to be.
        grew: `timed` comes from a generator, and the baseline took longer the larger its input was.
    """

    visible: tuple[Case, ...]
    timed: tuple[Case, ...]
    hidden: Draw = nothing
    hidden_timed: Draw = nothing
    repeat: int = 1
    not_encodable: int = 0
    notes: tuple[str, ...] = field(default=())
    fresh_timed: Draw = nothing
    grew: bool = False


def count_kinds(cases: Sequence[Case]) -> dict[str, int]:
    """Number of inputs (calls, or runs of a program) by kind."""
    counts: Counter[str] = Counter()
    for case in cases:
        counts[case.kind] += max(1, len(case.calls))
    return dict(counts)


def together(cases: Sequence[Case]) -> list[Case]:
    """Several calls in one process: answers must not share memory with each other, nor with arguments."""
    small = sorted((case for case in cases if case.calls), key=lambda case: sum(map(len, case.calls)))
    calls = tuple(call for case in small[:TOGETHER] for call in case.calls[:1])
    return [Case(f"{small[0].id} and others together", small[0].kind, calls)] if len(calls) > 1 else []
