"""`codeopt optimize` for a kernel: what it has to beat, the search, the decision on all shapes, and a bench of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codeopt.agent.constraints import said
from codeopt.agent.kernels.bench import bench_text
from codeopt.agent.kernels.compiled import KernelCompile
from codeopt.agent.kernels.evidence import Evidence
from codeopt.agent.kernels.label import label
from codeopt.agent.kernels.proposer import KernelRules
from codeopt.agent.kernels.referee import CHECKED, Referee
from codeopt.agent.kernels.shop import KernelShop, sandbox_for
from codeopt.agent.kernels.tune import KernelTune
from codeopt.agent.kernels.verify import Examiner, KernelVerification, device_of, named
from codeopt.agent.proposers.base import Proposer
from codeopt.agent.report import Origin, Outcome, seconds
from codeopt.agent.run import INTERESTING, Run
from codeopt.agent.search import Step
from codeopt.agent.tasks import cuda
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.errors import UserError
from codeopt.sandbox.kernels.judge import HIDDEN, KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.kernels.subject import KernelSubject, case
from codeopt.sandbox.workload import Workload
from codeopt.trace import Baseline, Inputs
from codeopt.types import Counts, Profile, Status, Verdict

SEED = 1
KEPT = 0.3  # of the time, for the decision on all shapes
JUDGED = 0.1  # of the time, for the verdict on what was tuned
RIVALS = 0.4  # of the time, at the end of which rivals have to be compiled


class KernelRun(Run):
    """The phases of one run on a kernel."""

    kernels: KernelShop | None = None
    examiner: Examiner | None = None
    evidence: Evidence | None = None
    found: KernelVerification | None = None

    @property
    def origin(self) -> Origin | None:
        return self.kernels

    def go(self) -> Outcome:
        task = self.task
        source = self.source if self.source is not None else Path(task.file).read_text("utf-8")
        kernel = read_kernel(Path(task.file), source)
        device = device_of(task.device or None)
        if device == "cpu" and not task.device:
            hint = "codeopt verify checks kernels without one; --device cpu makes the module faster on the processor"
            raise UserError("there is no GPU here to measure on", hint)
        sandbox = sandbox_for(self.options.sandbox, device, task.python)
        self.kernels = KernelShop(kernel, sandbox, device, task.python, task, backward=task.backward)
        cuda.needs_cuda(kernel.file, kernel.start, self.kernels.torch)
        self.phase("build", f"{sandbox.name}: {sandbox.note}")
        try:
            judge = KernelJudge(self.kernels.subject(Side()), rel=task.rel or None, seed=self.options.seed)
            self.examiner = Examiner(self.kernels, judge)
            self.phase("baseline", "shapes, roofline")
            self.examiner.learn()
            seen = [number for number in self.examiner.shapes if not self.examiner.rows[number].held_out]
            self.proposers = [own for proposer in self.proposers for own in self.kernel_proposers(proposer, seen)]
            self.phase("profile")
            self.evidence = Evidence(device, SEED, judge.plan(0).gradients, self.say)
            self.profile = self.evidence.rows(judge.reference)
            self.phase("rivals", "torch.compile")
            fastest = self.examiner.fastest(self.time_left(1 - RIVALS)())
            for note in self.examiner.notes:
                self.say(note)
            referee = Referee(judge, seen, self.examiner.rivals()[fastest][0])
            # Not before: while rivals are compiled and tuned beside it, the counters would show their work.
            self.profile = self.evidence.counted(judge.reference, self.profile, self.search_left()())
            self.trace.add(Inputs(counts=Counts(visible={"generated": CHECKED * len(seen)}), note=f"{len(seen)} shapes"))
            times = {mode: sum(times) for mode, (_, times) in self.examiner.rivals().items()}
            self.trace.add(Baseline(status=Status.OK, seconds=times[fastest], clock="device", profile=self.profile, source=self.kernels.baseline_source()))
            told = ", ".join(f"{named(mode)} {seconds(spent)}" for mode, spent in times.items())
            self.view.note(f"{self.examiner.device}: {told}; to beat: {named(fastest)}")
            return self.climb_on(referee, seen)
        except KeyboardInterrupt as interrupt:
            return self.interrupted(interrupt)

    def search_left(self) -> Callable[[], float]:
        """Says how many seconds the search has yet."""
        return self.time_left(KEPT)

    def kernel_proposers(self, proposer: Proposer, seen: Sequence[int]) -> list[Proposer]:
        """What stands for a proposer here: rules tune launches, too, and find out what fits while rivals are compiled."""
        assert self.kernels is not None and self.examiner is not None
        time_left, judge = self.time_left(KEPT, reserve=JUDGED), self.examiner.judge
        tune = KernelTune(self.kernels, judge, seen, lambda: time_left() <= 0)
        if proposer.name == KernelRules.name and self.task.backward:
            self.say("rules write kernels for forward alone: with --backward they only tune launch parameters")
        elif proposer.name == KernelRules.name and not self.kernels.kernel.is_cuda:  # rules write Python
            rules = KernelRules(self.kernels, judge, seen, lambda: time_left() <= 0)
            rules.prepare()
            return [tune, rules]
        if proposer.name == KernelCompile.name:
            if self.kernels.kernel.is_cuda:
                if self.options.proposers == (KernelCompile.name,):
                    raise UserError("--proposer compile is for modules in Python, and this is a CUDA file", "take tune, or rules")
                return []
            wall = self.meter.budget.wall_s
            return [KernelCompile(self.kernels, self.examiner, seen, time_left, math.inf if wall is None else KEPT * wall)]
        return [tune] if proposer.name in (KernelTune.name, KernelRules.name) else [proposer]

    def climb_on(self, referee: Referee, seen: Sequence[int]) -> Outcome:
        """Search, then the decision on all shapes on the way back from the best step."""
        assert self.kernels is not None and self.examiner is not None
        workload = Workload((), (case("timed", seen[0], [SEED]),))
        reason = self.searched(
            self.kernels,
            referee,
            workload,
            self.search_left(),
            profile=lambda source: self.kernel_profile(referee.rival, self.search_left()()),
            facts=self.kernel_facts(),
        )
        return self.descend(reason, None, self.examined)

    def examined(self, step: Step) -> Verdict:
        """The decision on a step, on all shapes."""
        assert self.kernels is not None and self.examiner is not None
        subject = self.kernels.proposed(step.candidate.proposal)
        found = self.examiner.examine(subject, timed=True)
        if found.accepted:
            profile = self.kernel_profile(subject, self.time_left(0)())
            found.kernels = list(profile.rows) if profile else []
            found.label = label(step.candidate.proposal.source, found.kernels)
            self.found = found
        self.kernels.forget(subject)
        return self.verdict_of(found)

    def verdict_of(self, found: KernelVerification) -> Verdict:
        """What the trace keeps of an examination."""
        assert self.examiner is not None
        held_out = sum(row.held_out for row in found.rows)
        return Verdict(
            status=found.status,
            evidence=found.evidence,
            holdout=found.best,
            inputs=Counts(
                visible={"generated": CHECKED * (len(found.rows) - held_out)},
                hidden={"generated": HIDDEN * len(found.rows), "of shapes never seen": HIDDEN * held_out},
            ),
            notes=tuple(found.notes),
        )

    # --- what proposers are told --------------------------------------------------------------------------

    def kernel_profile(self, subject: KernelSubject, left_s: float) -> Profile | None:
        """Kernels of a call on the first shape, with what compiler and counters say; None where torch's profiler does not work."""
        assert self.evidence is not None
        return self.evidence.all(subject, left_s)

    def kernel_facts(self) -> dict[str, object]:
        """The device, the shapes, what has to be beaten and what cannot be."""
        assert self.kernels is not None and self.examiner is not None
        rivals = self.examiner.rivals()
        lines, most = [], []
        for number, row in enumerate(self.examiner.rows):
            if not row.held_out:
                fastest = min(times[number] for _, times in rivals.values())
                most += [fastest / row.roofline_s] if row.roofline_s else []
                times = ", ".join(f"{named(mode)} {seconds(times[number])}" for mode, (_, times) in rivals.items())
                least = f"; at least {seconds(row.roofline_s)} by the roofline" if row.roofline_s else ""
                lines.append(f"{row.name}: {times}{least}")
        kernel = self.kernels.kernel
        if kernel.is_cuda:
            lines += ["", f"It is held against, and called by {cuda.LAUNCH} in, this Python file:", kernel.source]
        return {
            "kind": "cuda" if kernel.is_cuda else "kernel",
            "compiler": f"{self.examiner.device}, PyTorch {self.examiner.torch}",
            "inputs": "\n".join(lines),
            "ceiling": max(most, default=math.inf),
            "limits": said(self.task),
            "available": self.kernels.interpreter.available((*INTERESTING, "triton")),
        }

    # --- the end ------------------------------------------------------------------------------------------

    def finish(
        self,
        step: Step | None,
        verdict: Verdict | None,
        code: int,
        reason: str,
        workload: Workload | None,
        *,
        more: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> Outcome:
        """No workload: a test of equal answers is for programs; a kernel has its bench."""
        assert self.kernels is not None
        if step is not None and self.found is not None:
            kernel = self.kernels.kernel
            more = {"kernel": self.found.summary()}
            texts = {"bench.py": bench_text(kernel, *kernel.module(step.candidate.proposal.source), backward=self.task.backward)}
            if kernel.is_cuda:  # so that the original can be verified where it lies
                texts[f"original/{cuda.reference_of(kernel.file).name}"] = kernel.written
        return super().finish(step, verdict, code, reason, None, more=more, texts=texts)
