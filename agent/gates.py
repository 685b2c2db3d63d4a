"""What a winner has to pass, in optimize and in verify alike: the task's constraints, counterexamples, the holdout, relations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from codeopt.agent.constraints import breach
from codeopt.agent.counterexamples import SHARE, counterexamples
from codeopt.agent.relations import Relations, with_relations
from codeopt.agent.workshop import Workshop
from codeopt.sandbox.subject import Subject
from codeopt.sandbox.verdict import HOLDOUT_PAIRS, Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Status, Verdict

QUICK_S = 1.0


def decided(
    shop: Workshop,
    judge: Judge,
    candidate: Subject,
    workload: Workload,
    *,
    seed: int,
    relations: Relations | None = None,
    crosshair: bool = False,
    function: str = "",
    pairs: int = HOLDOUT_PAIRS,
    seconds: float = math.inf,
    stop: Callable[[], bool] = lambda: False,
    known: list[Case] | None = None,
) -> Verdict:
    """The holdout's verdict on a candidate that is fixed, with all that a task declares beside it.

    Args:
        relations: Those of the task, which the program itself passed.
        crosshair: Search for inputs on which the two differ first, where CrossHair can.
        function: Name of the function in the candidate, where it is another.
        seconds: Left for all of it; the search for counterexamples takes one part in `SHARE` at most.
        stop: As for `Judge.confirm`.
        known: Inputs that were found against earlier candidates, which are checked as well; those found here are added.

    Raises:
        CannotStart: The candidate does not build or import.
    """
    if refused := breach(candidate.source, shop.baseline_source(), shop.task):
        return Verdict(status=Status.SCREEN_FAILED, evidence=refused)
    notes: tuple[str, ...] = ()
    if crosshair:
        found, note = counterexamples(shop, candidate.source, function, seconds / SHARE)
        # Values such as 10**9 may keep the program busy for ages; that says nothing about the candidate.
        quick = [case for case in found if judge.baseline.run(case, limit_s=QUICK_S).status is Status.OK]
        kept, _ = judge.steady(quick)
        # There may be no time for CrossHair when the next candidate is judged.
        known = [] if known is None else known
        known += [replace(case, id=f"{case.id}-{len(known)}") for case in kept]
        notes = (note,) if note else ()
    workload = replace(workload, visible=(*workload.visible, *(known or ())))
    verdict = judge.confirm(candidate, workload, seed=seed, pairs=pairs, stop=stop)
    verdict = verdict.model_copy(update={"notes": (*verdict.notes, *notes)})
    if relations is not None and verdict.status in (Status.OK, Status.NOT_FASTER):
        verdict = with_relations(shop, judge, candidate, relations, verdict)
    return verdict
