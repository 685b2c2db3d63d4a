"""Make small inputs on which the baseline can be compared: docstring examples, edge cases, Hypothesis.

Request: seconds (10), count (40, calls wanted), seed (0), call_s (0.5, limit of one call), examples (encoded calls
that are known to be real).
Reply: calls ({"blob", "kind", "raised", "seconds"}; kinds doctest, edge, mutated, hypothesis, generated), tried,
distinct_answers (of the baseline: with only one, equal answers prove little), rejected, not_encodable,
not_encodable_why, guess, error.
"""

from __future__ import annotations

import random
import time
from typing import Any

from . import inputs_doctest, inputs_hypothesis
from .inputs_choose import choose, random_call
from .inputs_edges import edge_calls
from .inputs_guess import describe, guess
from .inputs_mutate import mutated_calls
from .inputs_trial import Trials

RAISING_SHARE = 0.2
MOST_IMPLICIT = 2
SAME_SHARE = 0.4


class Kept:
    """The calls kept so far: distinct, survived by the baseline, at most a fifth of them raising."""

    def __init__(self, trials: Trials, count: int) -> None:
        self.trials, self.count = trials, count
        self.calls: list[dict[str, Any]] = []
        self.raising: list[dict[str, Any]] = []
        self._blobs: set[bytes] = set()
        self._implicit = 0
        self._spare: list[dict[str, Any]] = []
        self._answers: dict[str, int] = {}

    def offer(self, blob: bytes, kind: str, call: dict[str, Any] | None = None) -> None:
        """Try an encoded call. `call` is the call itself, given where it is a guess.

        A guess that raises by accident (an index out of range) most likely lies outside the function's domain: a
        few are kept where an argument is empty or zero, which is a boundary that callers meet.
        """
        if not blob or blob in self._blobs:
            return
        self._blobs.add(blob)
        at_boundary = call is None or boundary(call)
        outcome = self.trials.run(blob)
        if outcome.ok and outcome.raised and not outcome.explicit and kind != "doctest":
            if self._implicit >= MOST_IMPLICIT or not at_boundary:
                self.trials.rejected += 1
                self.trials.last_why = outcome.raised
                return
            self._implicit += 1
        if outcome.ok:
            entry = {"blob": blob, "kind": kind, "raised": bool(outcome.raised), "seconds": outcome.seconds}
            (self.raising if outcome.raised else self._shelf(outcome.answer)).append(entry)

    def _shelf(self, answer: str) -> list[dict[str, Any]]:
        """Many inputs with one answer (False, an empty list) say little: beyond a share they are kept as spares."""
        self._answers[answer] = self._answers.get(answer, 0) + 1
        common = bool(answer) and self._answers[answer] > max(3, SAME_SHARE * self.count)
        return self._spare if common else self.calls

    def survivors(self) -> list[dict[str, Any]]:
        return self.calls + self._spare

    @property
    def distinct(self) -> int:
        """Different answers seen."""
        return len(self._answers)

    def full(self, share: float = 1.0) -> bool:
        return len(self.calls) >= self.count * share

    def result(self) -> list[dict[str, Any]]:
        room = int(min(self.count, len(self.survivors())) * RAISING_SHARE / (1 - RAISING_SHARE))
        calls = self.survivors()[: self.count]
        return calls + self.raising[: min(room, int(self.count * RAISING_SHARE))]


def boundary(call: dict[str, Any]) -> bool:
    plain = (str, bytes, list, tuple, dict, set, frozenset, int, float)
    return any(isinstance(value, plain) and not value for value in [*call["args"], *call["kwargs"].values()])


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    seconds = float(request.get("seconds") or 10.0)
    count, seed = int(request.get("count") or 40), int(request.get("seed") or 0)
    until = time.monotonic() + seconds
    trials = Trials(context, float(request.get("call_s") or 0.5))
    kept = Kept(trials, count)
    real = [*(request.get("examples") or ()), *inputs_doctest.blobs(context, min(3.0, seconds / 3))]
    for blob in real:
        kept.offer(blob, "doctest")
    known = [entry["blob"] for entry in kept.survivors()] or real
    guessed = guess(context, [context.codec.decode_live(blob) for blob in known])
    parameters = guessed.parameters
    shapes, score = choose(parameters, trials, seed, max(0.5, (until - time.monotonic()) / 3))
    line = describe(parameters, shapes) or "no parameters"
    if not parameters:
        kept.offer(trials.encode({"args": [], "kwargs": {}}), "edge")
    rng = random.Random(seed)
    for call in edge_calls(parameters, shapes, rng):
        if time.monotonic() > until or kept.full(0.5):
            break
        kept.offer(trials.encode(call), "edge", call)
    for blob in mutated_calls(context, known, rng, count):
        if time.monotonic() > until or kept.full(0.7):
            break
        kept.offer(blob, "mutated")
    note = ""
    if parameters:
        note = fill(kept, parameters, shapes, seed, until)
    calls = kept.result()
    if not calls:
        note = "the baseline survived none of %d inputs; last: %s" % (trials.tried, trials.last_why or note)
    return {
        "calls": calls,
        "tried": trials.tried,
        "rejected": trials.rejected,
        "distinct_answers": kept.distinct,
        "not_encodable": trials.not_encodable,
        "not_encodable_why": trials.why,
        "guess": "%s (%.0f %% survive)" % (line, 100 * max(score, 0.0)),
        "error": note,
    }


def fill(kept: Kept, parameters: Any, shapes: Any, seed: int, until: float) -> str:
    """Draw until there are enough: by Hypothesis where it is importable, and larger ones at random."""
    wanted = 4 * kept.count
    note = ""
    if inputs_hypothesis.available():

        def take(call: dict[str, Any]) -> bool:
            kept.offer(kept.trials.encode(call), "hypothesis", call)
            return kept.full(0.85) or time.monotonic() > until

        note = inputs_hypothesis.draw(parameters, shapes, seed, wanted, take)
    for index in range(wanted):
        if kept.full() or time.monotonic() > until:
            break
        call = random_call(parameters, shapes, "%s:%s" % (seed, index), index % 24)
        kept.offer(kept.trials.encode(call), "generated", call)
    return note
