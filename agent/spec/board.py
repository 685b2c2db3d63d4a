"""Which of many programs for one specification is right, and which of the right ones is fast, where nobody has tests.

Programs are run on inputs that are made here. Where most of them give the same answer, it is taken as the specification's
(consensus by execution: Shi et al. 2022, "Natural Language to Code Translation with Execution", MBR-Exec; AlphaCode's
clusters, Li et al. 2022). Inputs on which most fail, or on which no answer has a majority, are outside of what was
specified and say nothing. Of the programs that agree the fastest is measured. The specification's own examples come first.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from codeopt.agent.inputs import build_workload
from codeopt.agent.screen import fingerprint
from codeopt.agent.spec.forms import CPP, FunctionForm, ProgramForm
from codeopt.agent.spec.reading import Specification
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.choose import choose
from codeopt.sandbox.session import Sample
from codeopt.sandbox.subject import CannotStart, Subject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case
from codeopt.types import Status

PIVOTS = 3  # programs that are tried as makers of inputs
MAJORITY = 0.5  # share of the votes from which on an answer is taken as the right one
CHECK_S = 2.0  # that one call may take where answers are compared
SLOWER = 8.0  # times as long as the pivot that a program may take where it is timed
LEAST_S = 0.5
TIMED = 3  # inputs
ROUNDS = 5  # of timing
BEHIND = 2.0  # times as long as the fastest in the first round: not timed again


@dataclass
class Entry:
    """One program.

    Attributes:
        source: Its text.
        votes: How many answers of the model it stands for.
        evidence: Why it is out; "" while it is in.
        agreement: Share of the votes that its answers have on average, 0..1.
        seconds: Of one call on each of the timed inputs, median of rounds; None where it was not timed.
        chosen: It is among those that the consensus found right.
        held: Which of the specification's examples it gives, once it ran on them.
        samples, large: What it does on each of the inputs for checking, and of those for the clock, once it ran on them.
    """

    source: str
    votes: int = 1
    evidence: str = ""
    agreement: float = 0.0
    seconds: float | None = None
    chosen: bool = False
    held: tuple[bool, ...] = ()
    samples: list[Sample] | None = None
    large: list[Sample] | None = None


@dataclass
class Found:
    """What a board knows; with it, another board goes on.

    Attributes:
        entries: All programs, in the order in which they came; equal ones once.
        best: The fastest of the chosen ones; None where no program runs.
        confidence: Share of the votes of those that run which agree with the chosen ones, on average over inputs; 0 where
            the specification has examples and no program passes one.
        clusters: How many different behaviours there were among those that run.
        inputs: On which the consensus rests.
        examples: Of the specification's own, how many the chosen ones pass, and how many there are.
        notes: What a person should know.
        cases, timed, repeat: Inputs for checking, inputs for the clock, and how often each of those is called in a region;
            None where none were made yet.
        slowest_s: Of the maker of the inputs, on the slowest of the timed ones.
    """

    entries: list[Entry] = field(default_factory=list)
    best: Entry | None = None
    confidence: float = 0.0
    clusters: int = 0
    inputs: int = 0
    examples: tuple[int, int] = (0, 0)
    notes: list[str] = field(default_factory=list)
    cases: tuple[Case, ...] | None = None
    timed: tuple[Case, ...] = ()
    repeat: int = 1
    slowest_s: float = 0.0


class Board:
    """The programs for one specification, on one core. `close()` ends everything.

    Args:
        specification: What is wanted.
        sandbox: Kind of sandbox: "auto", "docker", "bubblewrap" or "process".
        cores: Where programs run; () leaves it to the workshop.
        python: Interpreter; "" is the active one.
        seed: Of the inputs.
        found: What an earlier board of the specification knew.

    Attributes:
        shop: What makes subjects; another one once inputs were made.

    Raises:
        UserError: There is no such sandbox, or no such interpreter.
    """

    def __init__(
        self,
        specification: Specification,
        sandbox: str,
        cores: tuple[int, ...] = (),
        python: str = "",
        seed: int = 0,
        found: Found | None = None,
    ) -> None:
        self.specification = specification
        self.found = found or Found()
        self._sandbox, self._cores, self._seed = sandbox, cores, seed
        self._folder = tempfile.TemporaryDirectory(prefix="codeopt-")
        self._form = (ProgramForm if specification.language == CPP else FunctionForm)(specification)
        self._task = self._form.task(Path(self._folder.name), python)
        self._known = {fingerprint(entry.source, specification.language): entry for entry in self.found.entries}
        self.shop = self._workshop(Path(self._task.file).read_text("utf-8", errors="surrogateescape"))

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every session. Idempotent."""
        self.shop.close()
        self._folder.cleanup()

    def _workshop(self, source: str) -> Workshop:
        return Workshop(self._task, choose(self._sandbox, trusted=False), source, self._cores)

    # --- programs -----------------------------------------------------------------------------------------

    def add(self, source: str, votes: int = 1) -> Entry:
        """A program for the board; equal ones share an entry and add up their votes.

        Args:
            source: Its text.
            votes: What it counts; 0 for one that was made from another one, and is no opinion of its own.
        """
        mark = fingerprint(source, self.specification.language)
        if mark not in self._known:
            self._known[mark] = Entry(source, 0, self._form.screened(source))
            self.found.entries.append(self._known[mark])
        self._known[mark].votes += votes
        return self._known[mark]

    # --- consensus ----------------------------------------------------------------------------------------

    def judge(self) -> Found:
        """Find out which programs are right, as far as can be told, and which of them is the fastest.

        May be called again after more programs were added: inputs are made once.
        """
        passed = self._by_examples([entry for entry in self.found.entries if not entry.evidence])
        if passed and self.found.cases is None:
            self._make_inputs(sorted(passed, key=lambda entry: -entry.votes))
        for entry in self.found.entries:
            entry.chosen = False
        self._by_consensus(passed)
        self._by_time([entry for entry in passed if entry.chosen])
        return self.found

    @contextmanager
    def _subject(self, entry: Entry) -> Iterator[Subject]:
        """A program that can be run; one that does not start is out."""
        subject = self.shop.subject(entry.source, seed=self._seed)
        try:
            yield subject
        except CannotStart as error:
            entry.evidence = (str(error.evidence).strip().splitlines() or [str(error.status)])[-1][:300]
        finally:
            self.shop.forget(subject)

    def _run(self, entry: Entry, cases: Sequence[Case]) -> list[Sample]:
        """What a program does on cases; nothing for one that does not start."""
        samples: list[Sample] = []
        with self._subject(entry) as subject:
            samples = [subject.run(case, limit_s=CHECK_S, extras=True) for case in cases]
        return samples

    def _by_examples(self, entries: Sequence[Entry]) -> list[Entry]:
        """The programs that pass the most of the specification's examples."""
        examples = self.specification.examples
        cases = [self._form.case(f"x{number}", one.call) for number, one in enumerate(examples)]
        same = partial(self._form.same, self.shop.tolerance)
        passes: dict[int, int] = {}
        for entry in entries:
            samples = self._run(entry, cases)
            entry.held = tuple(sample.status is Status.OK and same(one.answer, sample.answer) for one, sample in zip(examples, samples))
            passes[id(entry)] = sum(entry.held)
        starts = [entry for entry in entries if not entry.evidence]
        most = max((passes[id(entry)] for entry in starts), default=0)
        self.found.examples = (most, len(examples))
        return [entry for entry in starts if passes[id(entry)] == most]

    def judge_of(self, entry: Entry) -> Judge:
        """A judge whose baseline is a program of the board, for a search that starts from it."""
        self.shop.close()
        self.shop = self._workshop(entry.source)
        return self._judge(entry.source)

    def _judge(self, source: str) -> Judge:
        return Judge(self.shop.subject(source, seed=self._seed), self.shop.tolerance, limit_s=CHECK_S, seed=self._seed)

    def _make_inputs(self, entries: Sequence[Entry]) -> None:
        """Inputs that one of the programs survives, made from examples, annotations and use."""
        why = ""
        for entry in entries[:PIVOTS]:
            source = self._form.standing(entry.source)
            self.shop.close()
            self.shop = self._workshop(source)
            judge = self._judge(source)
            try:
                workload = build_workload(self.shop, judge, self._seed)
            except (UserError, CannotStart) as error:
                why = str(error).partition("\n")[0]
                continue
            found = self.found
            found.cases = tuple(case for case in workload.visible if case.kind != "grown")
            found.timed, found.repeat = workload.timed[:TIMED], workload.repeat
            found.slowest_s = max(judge.expect(case).wall_s for case in found.timed)
            return
        self.found.cases = ()
        self.found.notes.append(f"no inputs could be made: {why[:300]}")

    def _by_consensus(self, entries: Sequence[Entry]) -> None:
        """Choose the programs whose answers most votes share; without inputs, the one that came most often."""
        cases = self.found.cases or ()
        for entry in entries:
            if entry.samples is None:
                entry.samples = self._run(entry, cases)
        voters = [entry for entry in entries if not entry.evidence]
        if not voters:
            return
        total = max(1, sum(entry.votes for entry in voters))
        labels = self._labels(voters, {id(entry): entry.samples or [] for entry in voters}, cases)
        shares = [_shares(voters, labels, number) for number in range(len(cases))]
        tops = [share.most_common(1)[0] if share else (-1, 0) for share in shares]
        answered = [number for number, (label, _) in enumerate(tops) if label >= 0]
        kept = [number for number in answered if tops[number][1] >= MAJORITY * total] or answered
        for entry in voters:
            own = labels[id(entry)]
            entry.agreement = statistics.fmean(shares[n][own[n]] / total for n in kept) if kept else entry.votes / total
        top = max(voters, key=lambda entry: (entry.agreement, entry.votes))
        for entry in voters:
            same = [labels[id(entry)][n] for n in kept] == [labels[id(top)][n] for n in kept]
            entry.chosen = same if kept else entry is top
        self.found.best = top
        passed, every = self.found.examples
        self.found.confidence = top.agreement if passed or not every else 0.0
        self.found.inputs = len(kept)
        self.found.clusters = len({tuple(labels[id(entry)][n] for n in kept) for entry in voters})

    def _labels(
        self, entries: Sequence[Entry], samples: Mapping[int, Sequence[Sample]], cases: Sequence[Case]
    ) -> dict[int, list[int]]:
        """Numbers that are equal where answers are: for each entry and case; -1 where there is no answer."""
        found: dict[int, list[int]] = {id(entry): [] for entry in entries}
        for number in range(len(cases)):
            firsts: list[Sample] = []
            for entry in entries:
                found[id(entry)].append(self._label(samples[id(entry)][number], firsts))
        return found

    def _label(self, sample: Sample, firsts: list[Sample]) -> int:
        if sample.status is not Status.OK or sample.evidence or sample.exit:
            return -1
        same = partial(self._form.same, self.shop.tolerance)
        for number, first in enumerate(firsts):
            if same(first.answer, sample.answer) and same(first.after, sample.after):
                return number
        firsts.append(sample)
        return len(firsts) - 1

    # --- time ---------------------------------------------------------------------------------------------

    def _by_time(self, entries: Sequence[Entry]) -> None:
        """Time the chosen programs on the same larger inputs, in turn, and take the fastest that is right on them, too."""
        cases, repeat = self.found.timed, self.found.repeat
        if not cases or not entries:
            return
        limit = max(LEAST_S, SLOWER * repeat * self.found.slowest_s)
        with ExitStack() as stack:
            # What was timed before keeps its time, but for the best: new ones are held against it in turn.
            timed = [entry for entry in entries if entry.seconds is None or entry is self.found.best]
            subjects = {id(entry): stack.enter_context(self._subject(entry)) for entry in timed}
            for entry in timed:
                if entry.large is None:
                    entry.large = [_tried(subjects[id(entry)], case, 1, limit) for case in cases]
            able = self._able(entries, cases)
            running = [entry for entry in able if entry in timed]
            times: dict[int, list[float]] = {id(entry): [] for entry in running}
            for number in range(ROUNDS):
                for entry in running:
                    samples = [_tried(subjects[id(entry)], case, repeat, limit) for case in cases]
                    times[id(entry)].append(sum(sample.wall_s if sample.status is Status.OK else limit for sample in samples))
                    entry.seconds = statistics.median(times[id(entry)]) / repeat
                if number == 0:  # what is far behind is not worth more
                    least = min((entry.seconds or 0.0 for entry in running), default=0.0)
                    running = [entry for entry in running if (entry.seconds or 0.0) <= BEHIND * least]
        self.found.best = min(able, key=lambda entry: entry.seconds or 0.0, default=self.found.best)

    def _able(self, entries: Sequence[Entry], cases: Sequence[Case]) -> list[Entry]:
        """Those that agree on the larger inputs, too; what does not end there is slow, not wrong."""
        labels = self._labels(entries, {id(entry): entry.large or [] for entry in entries}, cases)
        # An answer, where anybody has one: most programs may be too slow for it.
        right = [max(_shares(entries, labels, number).items(), key=lambda one: (one[0] >= 0, one[1]))[0] for number in range(len(cases))]
        able = []
        for entry in entries:
            late = [sample.status is Status.TIMEOUT for sample in entry.large or []]
            if all(slow or own == label for slow, own, label in zip(late, labels[id(entry)], right)):
                able.append(entry)
            else:
                entry.evidence, entry.chosen = "its answer on a larger input is another one", False
        return able


def _tried(subject: Subject, case: Case, repeat: int, limit_s: float) -> Sample:
    try:
        return subject.run(case, repeat=repeat, limit_s=limit_s)
    except CannotStart as error:
        return Sample(Status.CRASHED, evidence=str(error.status))


def _shares(entries: Sequence[Entry], labels: Mapping[int, Sequence[int]], number: int) -> Counter[int]:
    """The votes for each answer on a case."""
    votes: Counter[int] = Counter()
    for entry in entries:
        votes[labels[id(entry)][number]] += entry.votes
    return votes
