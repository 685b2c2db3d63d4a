"""One base program in a lane: opened once, then any number of programs are held against it.

Programs here are fixed before anybody knows an input (a rule's rewrites, a model's samples), and none of them sees one.
So all of them can be held against the same hidden inputs, and be timed on the same regions: what the base says to them is
asked once. Each program has sessions of its own, and within its race no region comes twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codeopt.agent.function_inputs import QUICK
from codeopt.agent.gates import decided
from codeopt.agent.inputs import build_workload
from codeopt.agent.relations import Relations, checked_relations
from codeopt.agent.tasks.detect import detect
from codeopt.agent.verify import SLOWER
from codeopt.agent.workshop import Workshop
from codeopt.evals.lane import Lane
from codeopt.sandbox.subject import CannotStart
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload, count_kinds, nothing
from codeopt.types import Counts, Status, Verdict

VISIBLE, HIDDEN = 40, 30
TOGETHER = 10
"""Inputs that are checked in one fork: all answers are compared, and a fork costs more than most calls."""
REGION_S = 0.008
REGION_LIMIT_S = 3.0
ALLOWANCE_S = 0.4
LAYOUTS = 2


class Bench:
    """A base program with its inputs, ready to judge others.

    Args:
        file: The base; a `codeopt.toml` beside it says what there is to say.
        pairs: Pairs of timings for each program.
        seed: Of the inputs and of the order in pairs.

    Attributes:
        task: What was detected.
        source: The base's text.

    Raises:
        UserError: It cannot be used here.
    """

    def __init__(self, file: Path, lane: Lane, *, pairs: int, seed: int) -> None:
        self.task = detect(file)
        self._pairs, self._seed = pairs, seed
        self._shop = Workshop(self.task, lane.sandbox, cores=lane.cores if self.task.threads == 1 else ())
        self.source = self._shop.baseline_source()
        baseline = self._shop.subject(self.source, seed=seed)
        function = self.task.kind == "function"  # a program is timed whole: its start, too
        self._judge = Judge(
            baseline,
            self._shop.tolerance,
            limit_s=min(self.task.timeout_s, REGION_LIMIT_S) if function else self.task.timeout_s,
            seed=seed,
            patience=SLOWER,
            allowance_s=ALLOWANCE_S if function else 1.0,
            layouts=LAYOUTS,
        )
        self._workload: Workload | None = None
        self._relations: Relations | None = None

    def close(self) -> None:
        """End its sessions. Idempotent."""
        self._shop.close()

    def open(self) -> dict[str, Any]:
        """Make the inputs and time the base; the fields of an `Opened`. Raises UserError where it cannot be used here."""
        work = build_workload(self._shop, self._judge, self._seed, effort=QUICK)
        self._relations = checked_relations(self._shop, self._judge, work)
        self._workload = work = self._pooled(work) if self.task.kind == "function" else work
        counts = Counts(visible=count_kinds(work.visible), not_encodable=work.not_encodable)
        seconds, noise, clock = self._judge.noise(work.timed[0], work.repeat)
        return {
            "task": self.task.model_dump(mode="json"),
            "source": self.source,
            "counts": counts.model_dump(),
            "notes": list(work.notes),
            "seconds": seconds,
            "noise": noise,
            "clock": clock,
            "grew": work.grew,
        }

    def judge(self, number: int, source: str, flags: tuple[str, ...]) -> Verdict:
        """The verdict on a program: correctness on all inputs, then the fixed number of pairs, faster or slower."""
        assert self._workload is not None  # open comes first
        if not source.strip():
            return Verdict(status=Status.SCREEN_FAILED, evidence="there is no program")
        candidate = self._shop.subject(source, flags, seed=self._seed + number)
        try:
            return decided(
                self._shop,
                self._judge,
                candidate,
                self._workload,
                seed=self._seed + 1,
                relations=self._relations,
                pairs=self._pairs,
            )
        except CannotStart as error:
            return Verdict(status=error.status, evidence=error.evidence)
        finally:
            self._shop.forget(candidate)

    def _pooled(self, work: Workload) -> Workload:
        """The same with hidden inputs and regions that are drawn now, once for all programs, and checked in batches."""
        small = [case for case in work.visible if case.kind != "grown"]
        grown = [case for case in work.visible if case.kind == "grown"]
        drawn = work.hidden(HIDDEN, self._seed + 1)
        known = {call for case in grown for call in case.calls}
        regions = [case for case in work.timed if not known & set(case.calls)] if work.timed[0].kind == "grown" else []
        hidden = self._packed([*small[VISIBLE:], *drawn], "hidden")
        visible = (*self._packed(small[:VISIBLE], "visible"), *grown)

        def again(count: int, seed: int) -> Sequence[Case]:
            return hidden

        def timed(count: int, seed: int) -> Sequence[Case]:
            return regions[:count]

        if regions and work.repeat == 1:
            return replace(work, visible=visible, hidden=again, hidden_timed=timed)
        # Short calls: one region of different ones, long enough for the CPU's clock; the wall's is no use on a busy machine.
        calls = tuple(call for case in regions or work.timed for call in case.calls)
        whole = Case("regions together", work.timed[0].kind, calls)
        repeat = self._judge.calibrate(whole, region_s=REGION_S)
        return replace(work, visible=visible, hidden=again, timed=(whole,), hidden_timed=nothing, repeat=repeat)

    def _packed(self, cases: Sequence[Case], prefix: str) -> list[Case]:
        """Inputs of a kind together, where the base answers them as steadily as apart."""
        groups: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            groups[case.kind].append(case)
        kept: list[Case] = []
        for kind, group in groups.items():
            for at in range(0, len(group), TOGETHER):
                pack = group[at : at + TOGETHER]
                whole = Case(f"{prefix} {kind} {at}", kind, tuple(call for case in pack for call in case.calls))
                kept += self._judge.steady([whole])[0] or self._judge.steady(pack)[0]
        return kept
