"""Tasks on which "same behaviour" says little: answers that do not depend on the inputs, or that anything would pass.

Judged in the parent over encoded answers of the baseline. What counts as an answer is the value, what was printed,
and what became of the arguments where the call changed them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeopt.sandbox.compare import compare_plain
from codeopt.sandbox.compare_types import Tolerance
from codeopt.sandbox.runner.codec import canonical, decode_plain
from codeopt.sandbox.runner.codec_wire import Malformed, Tagged
from codeopt.types import Status

MARK = "degenerate: "
FEWEST = 3  # inputs, or variations of one argument, without which nothing is concluded
MANY = 8
MOSTLY = 0.9


@dataclass(frozen=True)
class Seen:
    """One call of the baseline.

    Attributes:
        call: Encoded {"args", "kwargs"}.
        status: What became of it.
        answer, after, stdout: As in `session.Sample`, of a region with this one call.
    """

    call: bytes
    status: Status
    answer: bytes
    after: bytes
    stdout: bytes


def findings(seen: Sequence[Seen], varied: Mapping[str, Sequence[tuple[Seen, Seen]]], tolerance: Tolerance) -> list[str]:
    """One line for each way in which the task is degenerate, each beginning with `MARK`.

    Args:
        seen: The baseline on distinct inputs.
        varied: By parameter, pairs of calls that differ in that argument only.
        tolerance: The task's, for what zeros and means would pass.
    """
    answered = [one for one in seen if _returned(one)]
    told: list[str] = []
    effects = Counter(effect(one) for one in answered)
    if len(answered) < FEWEST:
        return told
    if len(effects) == 1:
        return [f"{MARK}the output is the same for all {len(answered)} inputs: equal answers prove little"]
    common = effects.most_common(1)[0][1]
    if len(answered) >= MANY and common > MOSTLY * len(answered):
        told.append(f"{MARK}{common} of {len(answered)} inputs have the same output")
    told += _guesses(answered, tolerance)
    for name, pairs in varied.items():
        usable = [(a, b) for a, b in pairs if _returned(a) and _returned(b)]
        if len(usable) >= FEWEST and all(_blind(a, b) for a, b in usable):
            told.append(f"{MARK}the output does not depend on {name} ({len(usable)} variations)")
    return told


def _returned(one: Seen) -> bool:
    if one.status is not Status.OK:
        return False
    try:
        outcome = _outcome(one)
    except (Malformed, IndexError, TypeError, AttributeError):
        return False
    return bool(outcome[0] == 0)


def _outcome(one: Seen) -> list[Any]:
    first = decode_plain(one.answer)[0]
    found: list[Any] = first.value if isinstance(first, Tagged) else first
    return found


def _changes(one: Seen) -> dict[str, bytes]:
    """The arguments that the call changed, as they are afterwards, by place."""
    if not one.after:
        return {}
    before, after = decode_plain(one.call), decode_plain(one.after)[0]
    places = {**dict(enumerate(_items(before["args"]))), **before["kwargs"]}
    left = {**dict(enumerate(_items(after[0]))), **after[1]}
    return {str(key): canonical(value) for key, value in left.items() if canonical(value) != canonical(places.get(key))}


def _items(value: Any) -> list[Any]:
    found: list[Any] = value.value if isinstance(value, Tagged) else value
    return found


def effect(one: Seen) -> bytes:
    """Equal bytes for calls that did the same."""
    return canonical([_outcome(one)[1], sorted([key, text] for key, text in _changes(one).items()), one.stdout])


def _blind(base: Seen, other: Seen) -> bool:
    return effect(base) == effect(other)


def _guesses(answered: Sequence[Seen], tolerance: Tolerance) -> list[str]:
    """Whether zeros, or the mean of all outputs, would pass on every input. Only floats are guessed at."""
    if any(_changes(one) or one.stdout for one in answered):
        return []
    values = [_outcome(one)[1] for one in answered]
    if not all(_has_floats(value) for value in values):
        return []
    told = []
    if all(compare_plain(value, _filled(value, [0.0]), tolerance) is None for value in values):
        told.append(f"{MARK}zeros would pass the tolerance on all {len(values)} inputs")
    flat = [_floats(value) for value in values]
    if len({len(row) for row in flat}) == 1:
        mean = [sum(column) / len(column) for column in zip(*flat, strict=True)]
        if all(compare_plain(value, _filled(value, mean), tolerance) is None for value in values):
            told.append(f"{MARK}the mean of the outputs would pass the tolerance on all {len(values)} inputs")
    return told


def _has_floats(value: Any) -> bool:
    from codeopt.sandbox.oracle_leaves import leaves

    return next(leaves([value], 0, ""), None) is not None


def _floats(value: Any) -> list[float]:
    from codeopt.sandbox.oracle_leaves import leaves, numbers

    return [float(x) for leaf in leaves([value], 0, "") for x in numbers(leaf, leaf.value).high]


def _filled(value: Any, floats: Sequence[float]) -> Any:
    """A copy of the value with other floats in it; a single one fills all places."""
    import numpy as np

    from codeopt.sandbox.oracle_leaves import leaves, numbers

    holder = [decode_plain(canonical(value))]
    at = 0
    for leaf in leaves(holder, 0, ""):
        size = numbers(leaf, leaf.value).high.size
        row = list(floats[at : at + size]) if len(floats) > 1 else [floats[0]] * size
        at += size
        if leaf.type == "float":
            leaf.inside[leaf.key] = row[0]
        elif leaf.type == "complex":
            leaf.inside[leaf.key] = Tagged("complex", "", row)
        else:
            kind = np.dtype(leaf.value.value[0])
            raw = np.array(row, "f8").view("c16").astype(kind) if kind.kind == "c" else np.array(row).astype(kind)
            leaf.inside[leaf.key] = Tagged(leaf.value.kind, "", [*leaf.value.value[:-1], raw.tobytes()])
    return holder[0]
