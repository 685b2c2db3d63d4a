"""The workload of a function: recorded calls, examples, generated values, and large inputs for the clock.

Everything runs inside a sandbox session with the untouched program (`Workshop.maker`); what comes back are encoded
calls, which the parent passes on as bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.degenerate import degenerate_notes
from codeopt.agent.oracles import KIND, find_oracle, hard_cases, use_oracle
from codeopt.agent.program_inputs import refusal
from codeopt.agent.tasks.commands import spec_of
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart
from codeopt.sandbox.timing import STEADY
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Draw, Workload, nothing
from codeopt.types import Status

FEWEST = 3  # inputs without which nothing is claimed
VISIBLE = 40
TARGET_S = 0.03
SIZES = (1, 2, 3, 5, 8, 13, 21, 34)  # of a user's generator, for checking
MOST_S = 0.3  # of a region of recorded calls, where fewer of them can be timed
SECONDS = 12.0
SMALL_BYTES = 50_000


@dataclass(frozen=True)
class Effort:
    """What the making of inputs may cost.

    Attributes:
        target_s: Seconds that a call on a grown input should take.
        grow_s: Seconds for growing inputs to that.
        inputs_s: Seconds for the small inputs; somewhat less for the hidden ones.
        visible: Small inputs that are made at first.
        mutations: Share of the hidden inputs that are mutations of these; the others are made anew.
        call_s: Seconds that a call on a mutated input may take.
        regions: Grown inputs that are drawn at once; whether the baseline is steady shows on a few.
        together: Small inputs that the baseline is asked at once, to see whether it is steady on them.
    """

    target_s: float = TARGET_S
    grow_s: float = SECONDS
    inputs_s: float = 5.0
    visible: int = VISIBLE
    mutations: float = 0.5
    call_s: float = 2.0
    regions: int = 3
    together: int = 1


THOROUGH = Effort()
QUICK = Effort(
    target_s=0.008, grow_s=1.0, inputs_s=1.0, visible=80, mutations=1.0, call_s=0.2, regions=14, together=10
)
"""For programs by the thousand, each with a small fixed number of pairs."""


def function_workload(
    shop: Workshop, judge: Judge, seed: int, effort: Effort = THOROUGH
) -> tuple[Workload, dict[str, object]]:
    """Inputs for a function, and the facts from which `function_sources` can draw more.

    Raises:
        UserError: The baseline runs on too few inputs, its tests fail, or its values cannot be encoded.
    """
    notes: list[str] = []
    recorded, missed = (
        _recorded(shop, seed, notes) if shop.task.tests or shop.task.command else ([], 0)
    )
    # A generator of the user's says which inputs are valid; without one, types, names and docstrings must do.
    found, lost, guess, died = ([], 0, "", "") if shop.task.inputs else _examples(shop, seed, recorded, effort)
    missed += lost
    # The size at which a call takes long enough bounds the sizes of the inputs for checking.
    given = _grown(shop, seed, [], effort) if shop.task.inputs else None
    small = _sized(shop, seed, 24, int(given["size"])) if given else []
    judge.baseline.warm_on(tuple(case.calls[0] for case in [*recorded, *small, *found][:3]))
    try:
        kept, reasons = judge.steady([*recorded, *small, *found], effort.together)
    except CannotStart as error:
        raise UserError(f"{shop.task.file} cannot be imported ({error.evidence.splitlines()[-1]})", "make it import") from error
    real_s = sum(judge.expect(case).wall_s for case in kept if case.kind == "recorded")
    # Real calls that take long enough are the best inputs for the clock.
    grown: dict[str, Any] = given or (
        {"calls": [], "size": 0, "way": "", "grew": False}
        if real_s >= effort.target_s / 2
        else _grown(shop, seed, [case.calls[0] for case in (recorded or found)][:12], effort)
    )
    cases = [_case(f"g{i}", "grown", row, int(grown["size"])) for i, row in enumerate(grown["calls"])]
    # A grown input that dies or differs from itself is no input; its reasons matter only when nothing else is left.
    timed, why = judge.steady(cases[:STEADY])
    timed += cases[STEADY:] if len(timed) == STEADY else ()
    if len(kept) + len(timed) < FEWEST:
        raise _too_few(len(kept) + len(timed), [*reasons, *why, *filter(None, [died])], missed, guess, judge)
    if any("two runs of the program differ" in reason for reason in reasons) and len(reasons) > len(kept):
        raise refusal(next(r for r in reasons if "two runs" in r), judge.limit_s)
    if not timed and grown.get("why"):
        notes.append(f"no larger inputs for the clock: {grown['why']}")
    if guess and any(case.kind in ("edge", "hypothesis", "generated") for case in kept):
        notes.append(f"inputs guessed as: {guess}")
    way = find_oracle(shop, judge, kept[:effort.visible], notes)
    use_oracle(shop, judge, way)
    notes += degenerate_notes(shop, judge, kept[:effort.visible])
    hard, _ = judge.steady(hard_cases(shop, kept[:effort.visible], seed)) if way else ([], [])
    facts: dict[str, object] = {"oracle": way, "size": int(grown["size"]), "way": str(grown["way"]), "examples": [c.calls[0] for c in (recorded or found)][:12]}
    pool = _timed(judge, timed, recorded, kept, notes)
    visible = tuple(kept[:effort.visible]) + tuple(hard) + tuple(timed[:1])
    hidden, hidden_timed = function_sources(shop, judge, visible, facts, seed, effort)
    repeat = judge.calibrate(pool[0])
    if pool[0].kind != "grown":
        hidden_timed = nothing
    spent = judge.expect(pool[0]).wall_s
    if spent > 2:
        notes.append(f"one call takes {spent:.1f} s: a verdict costs about {spent * 25:.0f} s")
    facts["grew"] = grew = bool(grown["grew"]) and pool[0].kind == "grown"
    return Workload(visible, tuple(pool), hidden, hidden_timed, repeat, missed, tuple(notes), grew=grew), facts


def function_sources(
    shop: Workshop, judge: Judge, visible: Sequence[Case], facts: Mapping[str, Any], seed: int, effort: Effort = THOROUGH
) -> tuple[Draw, Draw]:
    """(hidden, hidden_timed): draws from fresh seeds and from mutations of the visible inputs.

    What was found out about the oracle is set to work again, for a run that goes on.
    """
    way = str(facts.get("oracle") or "")
    use_oracle(shop, judge, way)
    small = [blob for case in visible for blob in case.calls if case.kind not in ("grown", KIND)]

    def hidden(count: int, draw: int) -> Sequence[Case]:
        known = {blob for case in visible for blob in case.calls}
        hard = hard_cases(shop, visible, draw, prefix=f"i{draw % 9973}-") if way else []
        hard = [case for case in hard if case.calls[0] not in known]
        if shop.task.inputs:
            sized = _sized(shop, draw, count, int(facts["size"]))
            return [*(case for case in sized if case.calls[0] not in known), *hard]
        mutations = int(count * effort.mutations)
        made = _rows(_op(shop.maker(), "mutate", {"blobs": small[:30], "count": mutations, "seed": draw, "seconds": 0.6 * effort.inputs_s, "call_s": effort.call_s}))
        if mutations < count:
            made += _rows(_op(shop.maker(), "inputs", {"count": count - mutations, "seed": draw, "seconds": 0.8 * effort.inputs_s}))
        fresh = [row for row in made if row["blob"] not in known]
        return [*(_case(f"h{draw % 9973}-{i}", str(row.get("kind", "mutated")), row) for i, row in enumerate(fresh)), *hard]

    def hidden_timed(count: int, draw: int) -> Sequence[Case]:
        size = int(facts["size"])
        rows = _draw(shop, [(size, draw + i) for i in range(count)], {"way": facts["way"], "examples": facts["examples"]})
        return [_case(f"t{draw}-{i}", "grown", row, size) for i, row in enumerate(rows)]

    return hidden, hidden_timed


def _case(name: str, kind: str, row: Mapping[str, Any], size: int = 0) -> Case:
    return Case(name, kind, calls=(bytes(row["blob"]),), size=size)


def _op(maker: Any, name: str, request: dict[str, Any], seconds: float = SECONDS) -> dict[str, Any]:
    """An operation on the maker's session; an empty reply where it broke."""
    try:
        reply: dict[str, Any] = maker.op(name, {"seconds": seconds, **request}, seconds + 15)
        return reply
    except Broken as broken:
        return {"calls": [], "error": f"{broken.status}: {broken.evidence}"}


def _rows(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in reply.get("calls", []) if isinstance(row.get("blob"), bytes)]


def _recorded(shop: Workshop, seed: int, notes: list[str]) -> tuple[list[Case], int]:
    """Real calls from the user's tests, which must pass on the baseline, or from the command that is optimised."""
    source: dict[str, Any] = {"pytest": list(shop.task.tests), "args": []}
    if not shop.task.tests:
        source = {**spec_of(shop.task).request(), "cwd": str(Path.cwd())}
    reply = _op(
        shop.maker(whole_project=True),
        "record",
        {**source, "max_calls": VISIBLE, "seed": seed},
        max(60.0, shop.task.timeout_s),
    )
    failed = reply.get("exit")
    if failed not in (0, "0", None):
        raise UserError(
            f"{'the tests fail' if shop.task.tests else 'the command fails'} on the program as it is ({_short(str(failed))})", "make them pass, or leave out --tests"
        )
    rows = _rows(reply)
    if not rows:
        notes.append(f"the {'tests' if shop.task.tests else 'command'} never call(s) {shop.task.function} with values that can be recorded")
    return [_case(f"r{i}", "recorded", row) for i, row in enumerate(rows)], int(reply.get("not_encodable", 0))


def _examples(
    shop: Workshop, seed: int, recorded: Sequence[Case], effort: Effort
) -> tuple[list[Case], int, str, str]:
    """(cases, how many could not be encoded, what was guessed, why none survived)."""
    examples = [case.calls[0] for case in recorded[:20] if len(case.calls[0]) <= SMALL_BYTES]
    reply = _op(shop.maker(), "inputs", {"count": effort.visible, "seed": seed, "examples": examples, "seconds": effort.inputs_s})
    known = {case.calls[0] for case in recorded}
    rows = [row for row in _rows(reply) if row["blob"] not in known]
    cases = [_case(f"e{i}", str(row.get("kind", "generated")), row) for i, row in enumerate(rows)]
    guess = str(reply.get("guess") or reply.get("error") or "")
    return cases, int(reply.get("not_encodable", 0)), guess, "" if cases else str(reply.get("error") or "")


def _sized(shop: Workshop, seed: int, count: int, most: int) -> list[Case]:
    """Distinct small inputs from the user's own generator, for checking; of sizes up to `most`."""
    sizes = SIZES if most >= SIZES[-1] else range(1, max(1, most) + 1)
    rows = _draw(shop, [(sizes[i % len(sizes)], seed + i) for i in range(count)], {"call_s": 1.0})
    distinct = {row["blob"]: row for row in reversed(rows)}
    return [
        _case(f"s{seed % 9973}-{i}", "generated", row, int(row["size"]))
        for i, row in enumerate(reversed(distinct.values()))
    ]


def _grown(shop: Workshop, seed: int, examples: list[bytes], effort: Effort) -> dict[str, Any]:
    """Large inputs, of a size at which the baseline takes about as long as wanted."""
    request: dict[str, Any] = {"target_s": effort.target_s, "count": effort.regions, "seed": seed, "examples": examples, **_user(shop)}
    reply = _op(shop.maker(), "generate", request, effort.grow_s)
    if shop.task.inputs and not _rows(reply):
        why = _short(str(reply.get("error") or reply.get("why")))
        raise UserError(
            f"the generator {shop.task.inputs} gave no input that the function survives ({why})",
            "it is called as make(size, seed) and returns the tuple of arguments",
        )
    return {"size": 0, "why": "", "way": "", "grew": False, **reply, "calls": _rows(reply)}


def _draw(shop: Workshop, wanted: list[tuple[int, int]], facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Inputs of the given (size, seed), from the user's generator or in the way that growing found."""
    request = {"wanted": [list(item) for item in wanted], **facts, **_user(shop)}
    return _rows(_op(shop.maker(), "draw", request))


def _user(shop: Workshop) -> dict[str, Any]:
    if not shop.task.inputs:
        return {}
    file, _, name = shop.task.inputs.rpartition(":")
    return {"file": shop.sandbox.inside(shop.user_file(file)), "name": name}


def _timed(
    judge: Judge, grown: Sequence[Case], recorded: Sequence[Case], kept: Sequence[Case], notes: list[str]
) -> list[Case]:
    """The regions for the clock: grown inputs where they are clearly longer, else recorded or kept calls at once.

    Of calls that take long together, an even sample is timed.
    """
    if grown:
        longest = max(judge.expect(case).wall_s for case in grown)
        real = sum(judge.expect(case).wall_s for case in recorded)
        if longest >= real / 4:
            return [case for case in grown if judge.expect(case).wall_s >= longest / 4]
    pool = recorded or kept
    usable = [case for case in pool if judge.expect(case).status is Status.OK][:32]
    total = sum(judge.expect(case).wall_s for case in usable)
    sample = usable[:: max(1, math.ceil(total / MOST_S))]
    if len(sample) < len(usable):
        notes.append(f"{len(sample)} of {len(usable)} calls are timed: together they take {total:.1f} s")
    return [Case("all", sample[0].kind, calls=tuple(blob for case in sample for blob in case.calls))]


def _too_few(count: int, reasons: list[str], missed: int, guess: str, judge: Judge) -> UserError:
    if missed > count:
        return UserError(
            f"{missed} call(s) have values that cannot cross the sandbox, {count} can", "give an encoder with --codec file.py"
        )
    unusable = refusal(reasons[0], judge.limit_s) if reasons else None
    if unusable is not None and "its own input" not in unusable.message:
        return unusable
    why = _short(reasons[0].rpartition("last: ")[2]) if reasons else "none could be guessed"
    return UserError(
        f"the function ran on only {count} of the inputs that were tried ({'; '.join(filter(None, (_short(guess), why)))})",
        "give inputs with --inputs file.py:make or tests with --tests",
    )


def _short(text: str) -> str:
    return " ".join(text.split())[-200:]
