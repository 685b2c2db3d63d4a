"""The rows of a dataset, typed: one class per configuration, in the order in which its columns stand.

`pairs`, `trajectories`, `failures` and `observations` are what the traces say. `sft`, `preference`, `ranked`, `unpaired`
and `prompts` are forms of them that trainers take as they are; see `codeopt.datasets.forms`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from codeopt.types import Record

Origin = Literal["rule", "inverse rule", "model", "imported", "person"]
Proof = Literal["holdout", "search", "claimed"]
"""What stands behind a speedup: fresh inputs and a fixed number of pairs; the search's own; nobody but its source."""


class Row(Record):
    """A row of one configuration.

    Attributes:
        run: Name of the run's folder, or of the imported file; "" where there is none.
        problem_id: Of the problem that the program solves. Everything of a problem is in one split.
    """

    config: ClassVar[str]

    run: str = ""
    problem_id: str


class Pair(Row):
    """A slow program, a fast one that does the same, and what the gain is: PIE's fields (Shypula et al., ICLR 2024) and ours.

    Attributes:
        id: First 16 hex digits of the SHA-256 of language, flags, `input` and `target`.
        language: "python" or "cpp".
        kind: "program", "function" or "kernel".
        function: Qualified name of the function that is timed; "" for a whole program.
        submission_id_v0, submission_id_v1: Names of the two in their source: candidates of a run, or PIE's own.
        input, target: The slow and the fast program, whole.
        diff: Unified diff from `input` to `target`.
        code_v0_loc, code_v1_loc: Lines of code that are not empty.
        measured_runtime_v0, measured_runtime_v1: Seconds of one timed region.
        runtime_lift: `measured_runtime_v0 / measured_runtime_v1`.
        speedup, low, high: Hodges-Lehmann estimate of the paired ratio, with its 95 % interval.
        p_value: Against "no faster"; None where the pair was measured the other way round.
        measured_pairs: Pairs of timings behind it; 0 for a claim.
        clock: "cpu", "wall" or "device".
        at_least, warm_cache: As in `codeopt.types.Measurement`.
        claimed_speedup: What the source says; None where it says nothing.
        proof: What stands behind `speedup`.
        origin: Who made the difference between the two.
        rule: Name of the rule or of the model; "" where it is not known.
        note: What was changed, in words.
        plan: Title and idea of the plan that it follows.
        profile: JSON: where the time of `input` goes, where the run has a profile of it; see `codeopt.types.Profile`.
        flags: Compiler flags that belong to the fast one only.
        visible, hidden: Inputs on which both gave the same answers.
        inputs: JSON: the generator or the cases that the programs were held to, where their inputs are not made from the
            function alone; see `codeopt.evals.making.keeping`.
        source: The suite, package or file that the program comes from.
        licence: Of that source; "" where nobody said.
        machine: JSON: the machine's fingerprint.
        versions: JSON: language, compilers and libraries that it ran under, by name.
        deprecated: Calls in either program that those libraries have deprecated, or dropped.
        codeopt: Version that measured.
        seed: Of the run.
        extra: JSON: of an imported record `form` and `fields`, all of them in their order, {"column": NAME} for what stands
            in that column; "" where the pair was not imported.
    """

    config: ClassVar[str] = "pairs"

    id: str
    language: str
    kind: str = "program"
    function: str = ""
    submission_id_v0: str = ""
    submission_id_v1: str = ""
    input: str
    target: str
    diff: str = ""
    code_v0_loc: int = 0
    code_v1_loc: int = 0
    measured_runtime_v0: float | None = None
    measured_runtime_v1: float | None = None
    runtime_lift: float | None = None
    speedup: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    measured_pairs: int = 0
    clock: str = ""
    at_least: bool = False
    warm_cache: bool = False
    claimed_speedup: float | None = None
    proof: Proof
    origin: Origin
    rule: str = ""
    note: str = ""
    plan: str = ""
    profile: str = ""
    flags: tuple[str, ...] = ()
    visible: int = 0
    hidden: int = 0
    inputs: str = ""
    source: str = ""
    licence: str = ""
    machine: str = ""
    versions: str = ""
    deprecated: tuple[str, ...] = ()
    codeopt: str = ""
    seed: int = 0
    extra: str = ""


class Step(Row):
    """One event of a run, in its order: the whole tree of plans, edits and verdicts.

    Attributes:
        seq: Number of the event in its run.
        t: Unix seconds.
        event: Its kind; see docs/trace.md.
        candidate, parent, plan: Ids that it is about; "" for none.
        status: Of a verdict.
        speedup, low, high: Of its measurement, the holdout's where there is one.
        text: The program, prompt, answer or words that it is about.
        body: JSON: the event whole, but for what stands in `text`.
    """

    config: ClassVar[str] = "trajectories"

    seq: int
    t: float
    event: str
    candidate: str = ""
    parent: str = ""
    plan: str = ""
    status: str = ""
    speedup: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = ""
    body: str = ""


REFUSED = "refused"


class Failure(Row):
    """A change that did not work, and why: wrong, crashed, cheated, or no faster.

    Attributes:
        language, kind, function: As for a pair.
        input, target: The program and the changed one.
        status: What became of it; `REFUSED` where it was never held against `input`, which could not be used here.
        evidence: The first useful lines of why.
        speedup, low, high: Where it was measured.
        claimed_speedup, extra: Of an imported record, as for a pair.
        candidate: Its id in the run.
        origin, rule, note, plan, flags, source, licence, seed: As for a pair.
    """

    config: ClassVar[str] = "failures"

    language: str
    kind: str = "program"
    function: str = ""
    input: str
    target: str
    status: str
    evidence: str = ""
    speedup: float | None = None
    low: float | None = None
    high: float | None = None
    claimed_speedup: float | None = None
    extra: str = ""
    candidate: str = ""
    origin: Origin
    rule: str = ""
    note: str = ""
    plan: str = ""
    flags: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    seed: int = 0


class Seen(Row):
    """What a model saw in a program before any plan was made, with the evidence that it was held to.

    Attributes:
        language: Of the program.
        input: The program.
        claim, category: As in `codeopt.types.Observation`.
        lines, rows: 1-based lines of the program and rows of the profile that it is about.
        share: Of the time that is spent there, 0..1.
        bound: The most that the program can gain by it.
        profile: JSON: the rows of the profile.
        source, licence: As for a pair.
    """

    config: ClassVar[str] = "observations"

    language: str
    input: str
    claim: str
    category: str
    lines: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    share: float | None = None
    bound: float | None = None
    profile: str = ""
    source: str = ""
    licence: str = ""


RECORDED: tuple[type[Row], ...] = (Pair, Step, Failure, Seen)
