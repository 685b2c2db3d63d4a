"""The small types that every room shares. Frozen, plain, and safe to write into a trace."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of everything that is written down: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Status(StrEnum):
    """What became of a candidate."""

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
    candidate's session in the holdout) come with a holdout only.
    """

    status: Status
    evidence: str = ""
    search: Measurement | None = None
    holdout: Measurement | None = None
    inputs: Counts = Field(default_factory=Counts)
    notes: tuple[str, ...] = ()
    setup: Setup | None = None
    usage: Usage | None = None

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
        note: What the compiler or profiler adds (a vectoriser remark).
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


class Proposal(Record):
    """An edit from a proposer, as the whole new text of the file.

    Attributes:
        source: The whole new source text.
        proposer: "rules", "llm", …
        note: One line that says what was changed and why it should be faster.
        rule: Name of the rule or of the model.
        flags: Extra compiler flags that belong to the candidate (C++).
        tokens, dollars: What the proposal cost.
    """

    source: str
    proposer: str
    note: str
    rule: str = ""
    flags: tuple[str, ...] = ()
    tokens: int = 0
    dollars: float = 0.0


class Candidate(Record):
    """A whole program after an edit, with its parentage. Ids are "c0" (the baseline), "c1", …"""

    id: str
    parent: str
    proposal: Proposal
