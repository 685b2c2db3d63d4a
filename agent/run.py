"""One run of `codeopt optimize`: baseline, inputs, profile, search, simplification, holdout, report; resumable at any moment."""

from __future__ import annotations

import hashlib
import math
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from codeopt import __version__
from codeopt.agent.budget import Meter
from codeopt.agent.constraints import permitted, said
from codeopt.agent.counterexamples import reserve_s
from codeopt.agent.exemplars import choose as choose_exemplars
from codeopt.agent.gates import decided
from codeopt.agent.ground import ground_of
from codeopt.agent.inputs import build_workload
from codeopt.agent.plan.counter import Counterexamples
from codeopt.agent.plan.person import person_of
from codeopt.agent.profiling import SECONDS, profile_of
from codeopt.agent.proposers.base import Priced, Proposer, find_proposer
from codeopt.agent.relations import Relations, checked_relations
from codeopt.agent.report import Origin, Outcome, gist, seconds, write_outcome
from codeopt.agent.run_folder import SOURCE, Options, holds_run, remember, shown, source_hash
from codeopt.agent.screen import fingerprint
from codeopt.agent.search import Referee, Search, Shop, Step, View
from codeopt.agent.simplify import RESERVE, SHARE, Simplification
from codeopt.agent.tasks.model import Task
from codeopt.agent.user_tests import tests_on, with_hottest
from codeopt.agent.workshop import Workshop
from codeopt.errors import EngineRestarted, SandboxBroken, UserError
from codeopt.sandbox.choose import choose
from codeopt.sandbox.verdict import HOLDOUT_PAIRS, Judge
from codeopt.sandbox.workload import Case, Workload, count_kinds
from codeopt.trace import (
    Baseline,
    Event,
    Exemplars,
    Inputs,
    Interrupted,
    Phase,
    Resumed,
    RunFinished,
    RunStarted,
    TraceWriter,
    VerdictReached,
    read_trace,
)
from codeopt.types import Counts, Exemplar, Profile, Status, Verdict

PROFILE_SHARE = 0.08  # of the time that a run may take
RESTARTS = 3  # of a sandbox's engine, after which a run still goes on
INTERESTING = ("numpy", "pandas", "numba", "scipy", "torch", "pyarrow", "polars")


class Stopped(KeyboardInterrupt):
    """SIGTERM: ends the run as Ctrl-C does."""


def optimize(task: Task, options: Options, view: View, source: str | None = None) -> Outcome:
    """Optimise one program or function; `source` stands for the file's text where it is given.

    An engine that is restarted under its sessions is no candidate's fault: the run goes on from its trace.

    Returns what came of it; its exit code is 0 for a verified speedup, 1 for none, 130 for an interrupted run.

    Raises:
        UserError: Bad input, an unusable sandbox or model, a full disk; the engine was restarted again and again.
        SandboxBroken: The sandbox does not start.
    """
    meter = Meter.restored(options.budget, read_trace(options.run) if options.resume else ())
    for _ in range(RESTARTS):
        try:
            return _optimize(task, options, view, source, meter)
        except EngineRestarted as broken:
            view.note(f"{broken}: going on from the trace")
            options = replace(options, resume=holds_run(options.run))
    try:
        return _optimize(task, options, view, source, meter)
    except EngineRestarted as broken:
        raise UserError(str(broken), f"codeopt optimize --resume {options.run} goes on") from broken


def _optimize(task: Task, options: Options, view: View, source: str | None, meter: Meter) -> Outcome:
    """One attempt. Raises EngineRestarted where the engine took the sessions away."""
    with ExitStack() as ending:
        proposers = [find_proposer(name)(options.model) for name in options.proposers]
        for proposer in proposers:
            ending.callback(proposer.close)
        return _attempted(task, options, view, source, meter, proposers)


def _attempted(
    task: Task, options: Options, view: View, source: str | None, meter: Meter, proposers: list[Proposer]
) -> Outcome:
    with meter.paused():
        for proposer in proposers:
            if proposer.host:
                view.note(f"your code will be sent to {proposer.host} ({', '.join(options.model.models)})")
            proposer.check(options.budget, task.kind)
        earlier = list(read_trace(options.run)) if options.resume else []
        if task.kind == "function" and not task.function:
            task = with_hottest(task, choose(options.sandbox, trusted=options.proposers == ("rules",)), view)
    with TraceWriter(options.run) as trace, _termination():
        machine = ground_of(task, (*INTERESTING, "triton"))
        if earlier:
            trace.add(Resumed(command=options.command, codeopt=__version__, machine=machine))
        else:
            trace.add(
                RunStarted(
                    command=options.command,
                    task=task.model_dump(mode="json"),
                    options=shown(options),
                    machine=machine,
                    codeopt=__version__,
                    seed=options.seed,
                )
            )
            trace.note(SOURCE + source_hash(task))
        from codeopt.agent.spec import run as specification

        kind = Run
        if task.kind == "kernel":
            from codeopt.agent.kernels.run import KernelRun

            kind = KernelRun
        elif specification.wanted(task, source):
            kind = specification.SpecificationRun
        run = kind(task, options, view, trace, meter, proposers, machine, earlier, source)
        try:
            outcome = run.go()
        except (UserError, SandboxBroken) as error:
            trace.add(RunFinished(exit_code=2, reason=str(error)))
            raise
        finally:
            run.close()
        trace.add(meter.event())  # what came after the last verdict was paid for as well
        trace.add(RunFinished(exit_code=outcome.exit_code, reason=outcome.reason))
        return outcome


class Run:
    """The phases of one run, in order."""

    def __init__(
        self,
        task: Task,
        options: Options,
        view: View,
        trace: TraceWriter,
        meter: Meter,
        proposers: list[Proposer],
        machine: dict[str, Any],
        earlier: list[Event],
        source: str | None,
    ) -> None:
        self.task = task
        self.options = options
        self.view = view
        self.trace = trace
        self.meter = meter
        self.proposers = proposers
        self.machine = machine
        self.source = source
        self.earlier = earlier
        self.remembered = remember(earlier, task.language)
        self.person = person_of(view, meter, trace, earlier)
        self.exemplars = next((event.exemplars for event in earlier if isinstance(event, Exemplars)), None)
        self.shop: Workshop | None = None
        self.search: Search | None = None
        self.judge: Judge | None = None
        self.profile: Profile | None = None
        self.relations: Relations | None = None
        self.against: list[Case] = []  # what CrossHair found against winners

    @property
    def origin(self) -> Origin | None:
        """What the subjects are made by; None before there is anything."""
        return self.shop

    def close(self) -> None:
        if self.origin is not None:
            self.origin.close()

    def phase(self, name: str, detail: str = "") -> None:
        self.trace.add(Phase(phase=name, detail=detail))
        self.view.phase(name, detail)

    def go(self) -> Outcome:
        task = self.task
        sandbox = choose(self.options.sandbox, trusted=self.options.proposers == ("rules",))
        self.phase("build", f"{sandbox.name}: {sandbox.note}")
        try:
            self.shop = Workshop(task, sandbox, self.source)
            baseline = self.shop.subject(self.shop.baseline_source(), seed=self.options.seed)
            judge = Judge(baseline, self.shop.tolerance, limit_s=task.timeout_s, seed=self.options.seed)
            self.phase("baseline", "inputs, checks, noise")
            workload = build_workload(self.shop, judge, self.options.seed, self.options.run)
            self.relations = checked_relations(self.shop, judge, workload)
            for note in workload.notes:
                self.say(note)
            counts = Counts(visible=count_kinds(workload.visible), not_encodable=workload.not_encodable)
            self.trace.add(Inputs(counts=counts, note="; ".join(workload.notes)[:900]))
            self.phase("profile")
            self.profile = self.profiled(self.shop.baseline_source(), workload, judge)
            spent, noise, clock = judge.noise(workload.timed[0], workload.repeat)
            source = self.shop.baseline_source()
            self.trace.add(
                Baseline(status=Status.OK, seconds=spent, noise=noise, clock=clock, profile=self.profile, source=source)
            )
            self.view.note(f"{seconds(spent)} a timed region by {clock} time, noise {noise:.0%}")
            return self.climb(judge, workload)
        except KeyboardInterrupt as interrupt:
            return self.interrupted(interrupt)

    def say(self, text: str) -> None:
        self.trace.note(text)
        self.view.note(text)

    def climb(self, judge: Judge, workload: Workload) -> Outcome:
        """Search, simplify, then the holdout on the way back from the best step."""
        assert self.shop is not None
        self.judge = judge
        region = judge.expect(workload.timed[0]).wall_s * workload.repeat
        kept_s = 3 + 2.2 * HOLDOUT_PAIRS * region + (reserve_s(self.shop) if self.options.crosshair else 0)
        time_left = self.time_left(0.4, kept_s, RESERVE)
        doubts = Counterexamples(task=self.task, judge=judge)
        facts = self.facts(workload)
        facts |= {"exemplars": self.shown_exemplars(), "probe": lambda text: self.probed(doubts, text)}
        reason = self.searched(self.shop, judge, workload, time_left, profile=self.profile_for, facts=facts)
        left = self.time_left(0.4, kept_s)()
        reserve = RESERVE * (self.meter.budget.wall_s or 0)
        self.simplify(judge, min(left, max(reserve, SHARE * left)))
        workload = replace(workload, visible=(*workload.visible, *doubts.cases))
        return self.descend(reason, workload, lambda step: self.holdout(step, judge, workload))

    def probed(self, doubts: Counterexamples, text: str) -> str:
        """Let the search check candidates on an input that a plan was doubted with; "" or why it is none."""
        assert self.search is not None
        known = len(doubts.cases)
        told = doubts.add(text)
        search = self.search
        search.workload = replace(search.workload, visible=(*search.workload.visible, *doubts.cases[known:]))
        return told

    def simplify(self, judge: Judge, seconds: float) -> None:
        """Take back what does not pay in the best step, where its changes can be told apart."""
        assert self.search is not None
        if self.search.best is not None:
            trials = Simplification(self.search, judge, seconds=seconds, seed=self.options.seed)
            if trials.worthwhile:
                self.phase("simplify", f"{self.search.best.candidate.id}, {len(trials.changes)} changes")
                self.say(trials.run())

    def time_left(self, share: float, most_s: float = math.inf, reserve: float = 0.0) -> Callable[[], float]:
        """Says how many seconds there are yet.

        Args:
            share: Of the time that is kept for the holdout; `most_s` at most.
            reserve: Share that is kept for what else comes later.
        """

        def left() -> float:
            wall = self.meter.budget.wall_s  # a person may change it
            return math.inf if wall is None else wall * (1 - reserve) - min(share * wall, most_s) - self.meter.spent().wall_s

        return left

    def searched(
        self,
        shop: Shop,
        referee: Referee,
        workload: Workload,
        time_left: Callable[[], float],
        *,
        profile: Callable[[str], Profile | None],
        facts: Mapping[str, object],
    ) -> str:
        """Search; why it ended."""
        self.search = Search(
            shop,
            referee,
            workload,
            self.proposers,
            self.meter,
            self.trace,
            self.view,
            profile=profile,
            facts=facts,
            remembered=self.remembered,
            time_left=self.person.left(time_left) if self.person else time_left,
            seed=self.options.seed,
            person=self.person,
        )
        self.phase("search", ", ".join(self.options.proposers))
        for proposer in self.proposers:
            if isinstance(proposer, Priced):
                self.say(f"{proposer.name}: {proposer.estimate(self.search.first_context())}")
        self.search.run()
        if self.person is not None and self.person.accepted:
            return "the person accepted the best so far"
        if time_left() <= 0:
            return f"the time budget of {self.meter.budget.wall_s:g} s is used up"
        return self.meter.exhausted() or self.search.ended or "nothing more pays"

    def descend(self, reason: str, workload: Workload | None, holdout: Callable[[Step], Verdict]) -> Outcome:
        """The best step that passes the holdout, on the way back from the last one."""
        assert self.search is not None
        chain = self.search.chain
        while chain:
            step = chain[-1]
            self.phase("holdout", step.candidate.id)
            verdict = holdout(step)
            self.trace.add(VerdictReached(candidate=step.candidate.id, verdict=verdict))
            self.search.held_out += 1
            if verdict.accepted:
                return self.finish(step, verdict, 0, reason, workload)
            self.search.refused += 1
            self.say(f"{step.candidate.id} failed the holdout: {verdict.status}: {gist(verdict.evidence)}")
            chain.pop()
        return self.finish(None, None, 1, reason, workload)

    def holdout(self, step: Step, judge: Judge, workload: Workload) -> Verdict:
        """The decision on a step."""
        assert self.shop is not None
        subject = self.shop.proposed(step.candidate.proposal, seed=self.options.seed)
        # Drawn only now: the seed depends on the candidate, which is fixed.
        seed = int(fingerprint(step.candidate.proposal.source, self.task.language)[:8], 16) ^ self.options.seed
        left = self.meter.remaining().wall_s
        verdict = decided(
            self.shop,
            judge,
            subject,
            workload,
            seed=seed,
            relations=self.relations,
            crosshair=self.options.crosshair,
            seconds=math.inf if left is None else left,
            stop=lambda: bool(self.meter.exhausted()),
            known=self.against,
        )
        self.shop.forget(subject)
        if verdict.accepted and self.task.tests and self.task.kind == "function":
            verdict = self.with_tests(step, verdict)
        return verdict

    def with_tests(self, step: Step, verdict: Verdict) -> Verdict:
        """The verdict after the user's own tests had their say."""
        assert self.shop is not None
        status, note = tests_on(self.shop, step.candidate.proposal)
        if status in (Status.OK, Status.UNDECIDED):
            return verdict.model_copy(update={"notes": (*verdict.notes, note)})
        return verdict.model_copy(update={"status": status, "evidence": note, "holdout": None})

    def profile_for(self, source: str) -> Profile | None:
        """The profile of a version of the program; the baseline's is known."""
        assert self.shop is not None and self.search is not None
        if source == self.shop.baseline_source():
            return self.profile
        if self.options.proposers == ("rules",):
            return None  # rules only order their rewrites by it
        assert self.judge is not None
        return self.profiled(source, self.search.workload, self.judge)

    def profiled(self, source: str, workload: Workload, judge: Judge) -> Profile | None:
        """A profile, kept in the run's folder: a resumed run asks a model in the same words and pays for them once."""
        assert self.shop is not None
        name = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
        path = self.options.run / "profiles" / f"{name}.json"
        if path.is_file():
            return Profile.model_validate_json(path.read_bytes())
        wall = self.meter.budget.wall_s
        seconds = SECONDS if wall is None else min(SECONDS, max(1.0, PROFILE_SHARE * wall))
        profile = profile_of(self.shop, workload, source, seconds, lambda case: judge.expect(case).wall_s)
        if profile is not None:
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(profile.model_dump_json(), "utf-8")
            part.replace(path)
        return profile

    def shown_exemplars(self) -> tuple[Exemplar, ...]:
        """Changes of earlier runs; chosen once, so that a resumed run asks a model in the same words."""
        assert self.shop is not None
        if self.exemplars is None and self.options.exemplars:
            source = self.shop.baseline_source()
            self.exemplars, told = choose_exemplars(self.options.exemplars, self.task, source, self.trace.secrets)
            self.trace.add(Exemplars(exemplars=self.exemplars))
            self.say(told)
        return self.exemplars or ()

    def facts(self, workload: Workload) -> dict[str, object]:
        """What proposers are told beside the program."""
        assert self.shop is not None
        task, interpreter = self.task, self.shop.interpreter
        kinds = ", ".join(f"{count} {kind}" for kind, count in count_kinds(workload.visible).items())
        if task.language == "cpp":
            return {
                "compiler": shlex.join((task.compiler, *task.flags)),
                "inputs": kinds,
                "available": frozenset[str](),
                "limits": said(task),
            }
        return {
            "compiler": f"{interpreter.implementation} {interpreter.version}",
            "inputs": kinds,
            "available": permitted(interpreter.available(INTERESTING), self.shop.baseline_source(), task),
            "limits": said(task),
        }

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
        """Write everything; `more` and `texts` as for `write_outcome`."""
        assert self.origin is not None
        self.phase("report")
        return write_outcome(
            self.options.run,
            self.task,
            step=step,
            verdict=verdict,
            exit_code=code,
            reason=reason,
            workload=workload,
            shop=self.origin,
            search=self.search,
            meter=self.meter,
            machine=self.machine,
            profile=self.profile,
            more=more,
            texts=texts,
        )

    def interrupted(self, interrupt: KeyboardInterrupt) -> Outcome:
        """End cleanly; the best so far is written, and said not to be confirmed."""
        name = "SIGTERM" if isinstance(interrupt, Stopped) else "SIGINT"
        self.trace.add(Interrupted(signal=name))
        best = self.search.best if self.search else None
        if self.origin is None:
            return Outcome(run=self.options.run, exit_code=130, reason="interrupted")
        workload = self.search.workload if self.search else None
        return self.finish(best, None, 130, "interrupted", workload)


@contextmanager
def _termination() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
