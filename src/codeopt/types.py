"""The small types that every room shares. Frozen, plain, and safe to write into a trace."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of everything that is written down: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Status(StrEnum):
    """What became of a candidate.

    Attributes:
        OK: It does the same on all inputs that were tried, and (where it was timed) is verifiably faster.
        SCREEN_FAILED: Refused before it ran: it does not parse, changes the signature, breaks a promise, is there already.
        BUILD_FAILED: It does not compile, or cannot be imported.
        WRONG_OUTPUT: It answers otherwise, or a sanitizer reports it.
        CRASHED: It raised what the original does not raise, or its process ended.
        TIMEOUT: It took longer than it may.
        OUT_OF_MEMORY: It reached its memory limit, or holds more than was promised.
        OUTPUT_LIMIT: It wrote more than it may.
        TAMPERED: It went for the judge: the clock, the checks, other processes.
        UNDECIDED: No verdict: the original failed, or the machine did.
        NOT_FASTER: It does the same, and is not verifiably faster.
    """

    OK = "ok"
    SCREEN_FAILED = "screen_failed"
    BUILD_FAILED = "build_failed"
    WRONG_OUTPUT = "wrong_output"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_LIMIT = "output_limit"
    TAMPERED = "tampered"
    UNDECIDED = "undecided"
    NOT_FASTER = "not_faster"


class Measurement(Record):
    """A paired timing comparison.

    Attributes:
        pairs: Number of (baseline, candidate) pairs measured.
        speedup: Hodges-Lehmann estimate of the paired ratio baseline time / candidate time.
        low, high: 95 % confidence interval of `speedup` (inverted signed-rank test).
        p_value: One-sided exact signed-rank p-value against "no faster".
        clock: "cpu" or "wall": which clock decided.
        wall_speedup: The same estimate by the parent's wall-clock, whatever decided.
        baseline_s, candidate_s: Median seconds of one timed region.
        calls: Calls of the program in one timed region (more than one for short calls).
        at_least: The candidate's region is near the floor of the clock: read "at least `speedup`".
        warm_cache: Batches of K and K/4 calls disagree: the figure describes repeated calls with warm caches.
    """

    pairs: int
    speedup: float
    low: float
    high: float
    p_value: float
    clock: str
    wall_speedup: float
    baseline_s: float
    candidate_s: float
    calls: int = 1
    at_least: bool = False
    warm_cache: bool = False


class Usage(Record):
    """What one sandbox session used, by the kernel's own account (its cgroup); None where that cannot be read.

    Attributes:
        cpu_s: CPU seconds of everything that ever ran in the session, daemonised children too.
        peak_memory_mb: Most memory at once, in MiB, page cache included.
        processes: Processes alive at the end.
        read_mb, written_mb: Block-device traffic in MiB; tmpfs does not count.
    """

    cpu_s: float | None = None
    peak_memory_mb: float | None = None
    processes: int | None = None
    read_mb: float | None = None
    written_mb: float | None = None


class Setup(Record):
    """What happens once, before the first call: import of the module, or the build. Seconds by the parent's clock.

    Attributes:
        baseline_s, candidate_s: The quickest time seen for each.
        calls_to_pay: Calls after which a longer set-up is earned back; 0 where it is not longer.
    """

    baseline_s: float
    candidate_s: float
    calls_to_pay: float = 0.0


class Counts(Record):
    """The inputs that stood behind "same behaviour", by kind (recorded, generated, hypothesis, case, test …)."""

    visible: dict[str, int] = Field(default_factory=dict)
    hidden: dict[str, int] = Field(default_factory=dict)
    not_encodable: int = 0


class Verdict(Record):
    """What the sandbox proved about one candidate.

    `search` is the sequential measurement that accepted or rejected; `holdout` is the fresh, fixed-size one on
    inputs that the candidate had never seen, and the only one that a report quotes. `setup` and `usage` (of the
    candidate's session in the holdout) come with a holdout only. `sanitized` says what a build with sanitizers showed
    (C++, C): "clean on N inputs" and which checks were off, "reported" where the evidence is theirs, "not available: …";
    "" where none was run.
    """

    status: Status
    evidence: str = ""
    search: Measurement | None = None
    holdout: Measurement | None = None
    inputs: Counts = Field(default_factory=Counts)
    notes: tuple[str, ...] = ()
    setup: Setup | None = None
    usage: Usage | None = None
    sanitized: str = ""

    @property
    def accepted(self) -> bool:
        return self.status is Status.OK


class ProfileRow(Record):
    """One row of a profile: where the time goes.

    Attributes:
        file: Path as the user knows it.
        line: 1-based line, or 0 where only the function is known.
        function: Qualified name, "" where unknown.
        share: Share of the whole program's time, 0..1.
        count: Number of executions, 0 where unknown.
        note: What the compiler or profiler adds: a vectoriser remark; of a GPU kernel its registers, shared memory and
            instructions, and what the hardware counts.
    """

    file: str
    line: int
    function: str = ""
    share: float = 0.0
    count: int = 0
    note: str = ""


class Profile(Record):
    """Rows, largest share first, and the tool that made them. `seconds` is the profiled run's wall-clock."""

    tool: str
    seconds: float
    rows: tuple[ProfileRow, ...] = ()


BASELINE = "c0"
"""Id of the program that a run began with, as a candidate."""
SIMPLIFY = "simplify"


class Proposal(Record):
    """An edit from a proposer, as the whole new text of the file.

    Attributes:
        source: The whole new source text.
        proposer: "rules", "llm", …; "simplify": its parent without some of the parent's changes, for which "ok" means that
            it is right and not slower than the parent.
        note: One line that says what was changed and why it should be faster.
        rule: Name of the rule or of the model.
        flags: Extra compiler flags that belong to the candidate (C++).
        tokens, dollars: What the proposal cost.
        plan, family: Id and family of the plan that it follows; "" where there is none.
    """

    source: str
    proposer: str
    note: str
    rule: str = ""
    flags: tuple[str, ...] = ()
    tokens: int = 0
    dollars: float = 0.0
    plan: str = ""
    family: str = ""


class Observation(Record):
    """Something about a program that could make it faster, tied to where its time goes.

    Attributes:
        id: "o1", "o2", … in the run.
        claim: What was seen, in a sentence or two.
        category: Family of changes that it calls for; see `codeopt.agent.plan.observe.CATEGORIES`.
        lines: 1-based lines of the program that it is about.
        rows: 1-based rows of the profile that it is about.
        share: Share of the whole time at those lines and rows, 0..1; None without a profile.
        bound: The most that the program can gain if all of that time went away (Amdahl 1967), and never more than a
            roofline leaves; None where neither is known.
        uses: Ids of the observations that it was derived from.
    """

    id: str
    claim: str
    category: str
    lines: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    share: float | None = None
    bound: float | None = None
    uses: tuple[str, ...] = ()


class Plan(Record):
    """A way to make a program faster, in words, made from observations and criticised once.

    Attributes:
        id: "p1", "p2", … in the run.
        parent: Candidate that it would change.
        family: The categories of what it rests on, joined by "+"; "person" for a plan that a person gave.
        title: One line.
        uses: Ids of the observations that it rests on.
        idea: Why it is faster, and why nothing else changes.
        pseudo_code: How.
        bound: The most that it can gain, as for its observations together.
        critique: What the critic said.
        doubt: "" where the critic let it pass, "differs" where results could change, "no gain" where it would not pay.
        counterexample: Input on which the critic saw results differ, as it was given.
        probed: "" where that input is among the visible ones now, else why not.
        model: Who made it; "" for a person.
    """

    id: str
    parent: str
    family: str
    title: str
    uses: tuple[str, ...] = ()
    idea: str = ""
    pseudo_code: str = ""
    bound: float | None = None
    critique: str = ""
    doubt: str = ""
    counterexample: str = ""
    probed: str = ""
    model: str = ""


class Exemplar(Record):
    """A change of other code that an earlier run proved to be faster, as a model is shown it.

    Attributes:
        run: Folder of that run.
        similarity: Of its slow side and the program that is optimised now, 0..1.
        measured: The holdout's measurement.
        note: What was changed, in words.
        slow, fast: What the change touched, before and after.
    """

    run: str
    similarity: float
    measured: Measurement
    note: str
    slow: str
    fast: str


class Written(Record):
    """A program that a model wrote for a specification.

    Attributes:
        source: Its text.
        votes: Answers that hold it; 0 where it was made from another program.
        agreement: Share of the votes that its results have on average over the inputs, 0..1.
        seconds: Of one call on each of the larger inputs; None where it was not timed.
        chosen: It is among those that the consensus found right.
        evidence: Why it is out; "" where it is in.
    """

    source: str
    votes: int
    agreement: float
    seconds: float | None
    chosen: bool
    evidence: str


class Candidate(Record):
    """A whole program after an edit, with its parentage. Ids are "c0" (the baseline), "c1", …"""

    id: str
    parent: str
    proposal: Proposal
