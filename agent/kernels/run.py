"""`codeopt optimize` for a kernel: what it has to beat, the search, the decision on all shapes, and a bench of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codeopt.agent.kernels.bench import bench_text
from codeopt.agent.kernels.proposer import KernelRules
from codeopt.agent.kernels.referee import CHECKED, Referee
from codeopt.agent.kernels.shop import KernelShop, sandbox_for
from codeopt.agent.kernels.verify import COMPILED, Examiner, Failure, KernelVerification, device_of, named
from codeopt.agent.report import Outcome, gist, seconds, write_outcome
from codeopt.agent.run import INTERESTING, Run
from codeopt.agent.search import Search, Step
from codeopt.agent.tasks.kernel import candidate_class, read_kernel
from codeopt.errors import UserError
from codeopt.sandbox.kernels.judge import HIDDEN, KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.kernels.subject import KernelSubject, case
from codeopt.sandbox.workload import Workload
from codeopt.trace import Baseline, Inputs, VerdictReached
from codeopt.types import Counts, Profile, ProfileRow, Status, Verdict

SEED = 1
AUTHORED = 0.5
"""Share of a candidate's device time in kernels of its own text, from which on it counts as authored."""
_OWN = re.compile(r"@(?:triton\.)?(?:jit|autotune|heuristics)\b[^\n]*\n(?:\s*@[^\n]*\n)*\s*def\s+(\w+)|__global__\s+(?:[\w<>(),\s]*?\s)?(\w+)\s*\(")


class KernelRun(Run):
    """The phases of one run on a kernel."""

    kernels: KernelShop | None = None
    examiner: Examiner | None = None
    found: KernelVerification | None = None

    def close(self) -> None:
        if self.kernels is not None:
            self.kernels.close()

    def go(self) -> Outcome:
        task = self.task
        source = self.source if self.source is not None else Path(task.file).read_text("utf-8")
        kernel = read_kernel(Path(task.file), source)
        device = device_of(task.device or None)
        if device == "cpu" and not task.device:
            hint = "codeopt verify checks kernels without one; --device cpu makes the module faster on the processor"
            raise UserError("there is no GPU here to measure on", hint)
        sandbox = sandbox_for(self.options.sandbox, device)
        self.phase("build", f"{sandbox.name}: {sandbox.note}")
        self.kernels = KernelShop(kernel, sandbox, device, task.python, task)
        try:
            judge = KernelJudge(self.kernels.subject(Side()), rel=task.rel or None, seed=self.options.seed)
            self.examiner = Examiner(self.kernels, judge, compiled=COMPILED if device == "cuda" else COMPILED[:1])
            self.phase("baseline", "shapes, rivals, roofline")
            self.examiner.learn()
            fastest = self.examiner.fastest()
            for note in self.examiner.notes:
                self.say(note)
            seen = [number for number in self.examiner.shapes if not self.examiner.rows[number].held_out]
            referee = Referee(judge, seen, self.examiner.rivals()[fastest][0])
            self.trace.add(Inputs(counts=Counts(visible={"generated": CHECKED * len(seen)}), note=f"{len(seen)} shapes"))
            self.phase("profile")
            self.profile = self.kernel_rows(judge.reference, kernel.source)
            times = {mode: sum(times) for mode, (_, times) in self.examiner.rivals().items()}
            self.trace.add(Baseline(status=Status.OK, seconds=times[fastest], clock="device", profile=self.profile))
            told = ", ".join(f"{named(mode)} {seconds(spent)}" for mode, spent in times.items())
            self.view.note(f"{self.examiner.device}: {told}; to beat: {named(fastest)}")
            return self.climb_on(referee, seen)
        except KeyboardInterrupt as interrupt:
            return self.interrupted(interrupt)

    def climb_on(self, referee: Referee, seen: Sequence[int]) -> Outcome:
        """Search, then the decision on all shapes on the way back from the best step."""
        assert self.kernels is not None and self.examiner is not None
        kept_s = 0.3 * (self.options.budget.wall_s or 1e9)

        def time_left() -> float:
            wall = self.options.budget.wall_s
            return math.inf if wall is None else wall - kept_s - self.meter.spent().wall_s

        rules = KernelRules(self.kernels, self.examiner.judge, seen, lambda: time_left() <= 0)
        self.proposers = [rules if proposer.name == rules.name else proposer for proposer in self.proposers]
        workload = Workload((), (case("timed", seen[0], [SEED]),))
        self.search = Search(
            self.kernels,
            referee,
            workload,
            self.proposers,
            self.meter,
            self.trace,
            self.view,
            profile=lambda source: self.kernel_rows(referee.rival, source),
            facts=self.kernel_facts(),
            remembered=self.remembered,
            time_left=time_left,
            seed=self.options.seed,
        )
        self.phase("search", ", ".join(self.options.proposers))
        self.search.run()
        chain = self.search.chain
        reason = self.meter.exhausted() or self.search.ended or "nothing more pays"
        if time_left() <= 0:
            reason = f"the time budget of {self.options.budget.wall_s:g} s is used up"
        while chain:
            step = chain[-1]
            self.phase("holdout", f"{step.candidate.id}, all shapes")
            subject = self.kernels.proposed(step.candidate.proposal)
            found = self.examiner.examine(subject, timed=True)
            verdict = self.verdict_of(found)
            self.trace.add(VerdictReached(candidate=step.candidate.id, verdict=verdict))
            self.search.held_out += 1
            if verdict.accepted:
                self.found, source = found, step.candidate.proposal.source
                found.label = self.label(subject, source)
                return self.finish(step, verdict, 0, reason, None)
            self.kernels.forget(subject)
            self.search.refused += 1
            self.say(f"{step.candidate.id} failed the holdout: {verdict.status}: {gist(verdict.evidence)}")
            chain.pop()
        return self.finish(None, None, 1, reason, None)

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

    def kernel_rows(self, subject: KernelSubject, source: str) -> Profile | None:
        """Kernels of a call on the first shape, longest first; None where torch's profiler does not work."""
        text = subject.texts[0]
        try:
            rows = subject.at(0).profile(text, SEED, 60.0)
        except Failure as error:
            self.trace.note(f"no profile: {error.evidence[-200:]}", "warning")
            return None
        whole = sum(spent for _, spent, _ in rows)
        if not whole:
            return None
        made = (ProfileRow(file="", line=0, function=name, share=spent / whole, count=count) for name, spent, count in rows)
        return Profile(tool="torch.profiler", seconds=whole, rows=tuple(made))

    def kernel_facts(self) -> dict[str, object]:
        """The device, the shapes, what has to be beaten and what cannot be."""
        assert self.kernels is not None and self.examiner is not None
        rivals = self.examiner.rivals()
        lines = []
        for number, row in enumerate(self.examiner.rows):
            if not row.held_out:
                times = ", ".join(f"{named(mode)} {seconds(times[number])}" for mode, (_, times) in rivals.items())
                least = f"; at least {seconds(row.roofline_s)} by the roofline" if row.roofline_s else ""
                lines.append(f"{row.name}: {times}{least}")
        return {
            "kind": "kernel",
            "compiler": f"{self.examiner.device}, PyTorch {self.examiner.torch}",
            "inputs": "\n".join(lines),
            "available": self.kernels.interpreter.available((*INTERESTING, "triton")),
        }

    def label(self, subject: KernelSubject, source: str) -> str:
        """Who does the work: "authored" kernels of its own text, "compiler" (torch.compile), or "library"."""
        own = {name for pair in _OWN.findall(source) for name in pair if name}
        profile = self.kernel_rows(subject, source)
        rows = profile.rows if profile else ()
        if own and sum(row.share for row in rows if any(name in row.function for name in own)) >= AUTHORED:
            return "authored"
        return "compiler" if "torch.compile" in source else "library"

    # --- the end ------------------------------------------------------------------------------------------

    def finish(
        self, step: Step | None, verdict: Verdict | None, code: int, reason: str, workload: Workload | None
    ) -> Outcome:
        assert self.kernels is not None
        self.phase("report")
        more: dict[str, Any] = {}
        texts: dict[str, str] = {}
        if step is not None and self.found is not None:
            new = step.candidate.proposal.source
            more["kernel"] = self.found.summary()
            texts["bench.py"] = bench_text(self.kernels.kernel, new, candidate_class(self.kernels.kernel.file, new))
        return write_outcome(
            self.options.run,
            self.task,
            step=step,
            verdict=verdict,
            exit_code=code,
            reason=reason,
            workload=None,
            shop=self.kernels,
            search=self.search,
            meter=self.meter,
            machine=self.machine,
            profile=self.profile,
            more=more,
            texts=texts,
        )

    def interrupted(self, interrupt: KeyboardInterrupt) -> Outcome:
        if self.kernels is None:
            return Outcome(run=self.options.run, exit_code=130, reason="interrupted")
        return super().interrupted(interrupt)
