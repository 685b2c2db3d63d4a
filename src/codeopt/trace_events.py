"""The events of a trace, as they are written down, and the documentation that is made from them."""

from __future__ import annotations

import inspect
import re
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import Field

from codeopt.types import (
    Candidate,
    Counts,
    Exemplar,
    Measurement,
    Observation,
    Plan,
    Profile,
    Record,
    Status,
    Verdict,
    Written,
)

VERSION = 2


class BaseEvent(Record):
    """What every event has.

    Attributes:
        t: Unix seconds when it was written.
        seq: Number of the event in the run, from 0, without gaps.
    """

    t: float = 0.0
    seq: int = -1


class RunStarted(BaseEvent):
    """The first event of a run.

    Attributes:
        version: Version of this schema. A reader refuses a newer one than its own.
        command: The command line, as words.
        task: What is optimised: file, function, language, kind, checks.
        options: The settings in force, defaults included.
        machine: Fingerprint: CPU, GPU, compilers, interpreter, libraries.
        codeopt: Version of codeopt.
        seed: Seed of everything that is random in the run.
    """

    event: Literal["run_started"] = "run_started"
    version: int = VERSION
    command: tuple[str, ...] = ()
    task: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    codeopt: str = ""
    seed: int = 0


class Baseline(BaseEvent):
    """What the sandbox found out about the untouched program.

    Attributes:
        status: "ok", or why the run could not go on.
        evidence: The first useful lines when it is not "ok".
        seconds: Median seconds of one timed region.
        noise: Coefficient of variation of its samples, 0..1.
        clock: "cpu" or "wall": the clock that decides in this run.
        profile: Where its time goes.
        source: The program's text: the slow side of every pair.
    """

    event: Literal["baseline"] = "baseline"
    status: Status
    evidence: str = ""
    seconds: float = 0.0
    noise: float = 0.0
    clock: str = ""
    profile: Profile | None = None
    source: str = ""


class Inputs(BaseEvent):
    """The inputs that stand behind "same behaviour".

    Attributes:
        counts: How many, by kind, and how many could not be encoded.
        note: One line for a person.
    """

    event: Literal["inputs"] = "inputs"
    counts: Counts
    note: str = ""


class Exemplars(BaseEvent):
    """The changes of earlier runs that a model is shown in this one; a resumed run shows the same.

    Attributes:
        exemplars: The most similar one last.
    """

    event: Literal["exemplars"] = "exemplars"
    exemplars: tuple[Exemplar, ...] = ()


class ProposalIntent(BaseEvent):
    """A model is about to be asked. Without an answer that follows, the call counts as spent in full.

    Attributes:
        id: Name of the call, unique in the run.
        proposer: Who asks.
        model: Name of the model.
        host: Host that receives the prompt, and so the code.
        prompt_sha256: Body with the request as JSON: model, messages, temperature, token limit.
        seed: Seed that was sent with it.
        index: How many times this same prompt had been asked before in the run.
        parent: Candidate that the proposal would change.
        tokens: Upper bound of the tokens, in and out, reserved for the call.
        dollars: Upper bound of its price, reserved for the call.
    """

    event: Literal["proposal_intent"] = "proposal_intent"
    id: str
    proposer: str
    model: str
    host: str
    prompt_sha256: str
    seed: int
    index: int
    parent: str = ""
    tokens: int = 0
    dollars: float = 0.0


class ProposalAnswer(BaseEvent):
    """The answer to a proposal_intent, or how the call failed.

    Attributes:
        id: The intent's id.
        answer_sha256: Body with the raw answer; "" when the call failed.
        tokens_in: Tokens of the prompt, as billed.
        tokens_out: Tokens of the answer, reasoning included, as billed.
        estimated: The server gave no usage: tokens are counted as characters / 4.
        dollars: Price of the call.
        cached: Answered from this trace after a resume: no call was made and nothing is paid again.
        finish: Why the model stopped ("stop", "length"); "" when the server did not say.
        error: Why there is no answer; "" when there is one.
    """

    event: Literal["proposal_answer"] = "proposal_answer"
    id: str
    answer_sha256: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: bool = False
    dollars: float = 0.0
    cached: bool = False
    finish: str = ""
    error: str = ""


class Observed(BaseEvent):
    """What a model saw in a program before any plan was made.

    Attributes:
        parent: The candidate that it looked at.
        observations: Those whose evidence is there.
        left_out: How many had none: no such line, no such row, no form.
    """

    event: Literal["observations"] = "observations"
    parent: str
    observations: tuple[Observation, ...] = ()
    left_out: int = 0


class Planned(BaseEvent):
    """A plan after its critique; its candidates name it (`proposal.plan`).

    Attributes:
        plan: The plan.
    """

    event: Literal["plan"] = "plan"
    plan: Plan


class Consensus(BaseEvent):
    """What a model's programs for a specification agree on; the run goes on with the fastest of those that do.

    Attributes:
        best: The program that is taken.
        confidence: Share of the answers that agree with it, on average over the inputs; 0 where it passes no example.
        clusters: Different behaviours among the programs that run.
        inputs: On which they were compared.
        examples: Of the specification's own, those "passed" and those "given".
        programs: All of them.
    """

    event: Literal["consensus"] = "consensus"
    best: str
    confidence: float
    clusters: int
    inputs: int
    examples: dict[str, int]
    programs: tuple[Written, ...] = ()


class Intervention(BaseEvent):
    """What a person said between rounds of plan search (`--interactive`); a resumed run takes it from here.

    Attributes:
        round: Number of the round that was over, or not over yet where a limit was reached in its middle; from 1.
        command: "hint", "plan", "forbid", "budget", "accept", or "go" for the next round.
        text: What came after the command.
    """

    event: Literal["intervention"] = "intervention"
    round: int
    command: str
    text: str = ""


class CandidateMade(BaseEvent):
    """A whole program after an edit; "c0" is the baseline.

    Attributes:
        candidate: The program and its parentage.
    """

    event: Literal["candidate"] = "candidate"
    candidate: Candidate


class VerdictReached(BaseEvent):
    """What the sandbox proved about a candidate.

    Attributes:
        candidate: The candidate's id.
        verdict: Status, evidence and measurements.
        machine_code: Hash of the code that it was built into; "" where nothing was built.
    """

    event: Literal["verdict"] = "verdict"
    candidate: str
    verdict: Verdict
    machine_code: str = ""


class Phase(BaseEvent):
    """The run enters a phase.

    Attributes:
        phase: Its name ("specification", "build", "baseline", "profile", "rivals", "search", "simplify", "holdout", "report").
        detail: One line for a person.
    """

    event: Literal["phase"] = "phase"
    phase: str
    detail: str = ""


class Best(BaseEvent):
    """A new best candidate.

    Attributes:
        candidate: Its id.
        measurement: The measurement that made it the best.
        holdout: Whether that is the fresh measurement on unseen inputs.
    """

    event: Literal["best"] = "best"
    candidate: str
    measurement: Measurement
    holdout: bool = False


class BudgetSpent(BaseEvent):
    """What the run has spent so far.

    Attributes:
        wall_s: Seconds since the run started or was last resumed, without those in which a person was waited for.
        dollars: Dollars of the whole run.
        tokens: Tokens of the whole run, in and out.
        candidates: Candidates of the whole run.
    """

    event: Literal["budget"] = "budget"
    wall_s: float
    dollars: float
    tokens: int
    candidates: int


class Note(BaseEvent):
    """Something a person should know.

    Attributes:
        level: "note" or "warning".
        text: One line.
    """

    event: Literal["note"] = "note"
    level: Literal["note", "warning"] = "note"
    text: str


class Interrupted(BaseEvent):
    """The run was told to stop and ended cleanly.

    Attributes:
        signal: "SIGINT", "SIGTERM".
    """

    event: Literal["interrupted"] = "interrupted"
    signal: str


class Resumed(BaseEvent):
    """A later process goes on with the run.

    Attributes:
        version: Version of this schema that the process writes.
        command: The command line, as words.
        codeopt: Version of codeopt.
        machine: Fingerprint of the machine it goes on with.
    """

    event: Literal["resumed"] = "resumed"
    version: int = VERSION
    command: tuple[str, ...] = ()
    codeopt: str = ""
    machine: dict[str, Any] = Field(default_factory=dict)


class RunFinished(BaseEvent):
    """The last event of a run that ended by itself.

    Attributes:
        exit_code: 0 a verified speedup, 1 none found, 2 bad input, 130 interrupted.
        reason: One line: why it ended.
    """

    event: Literal["run_finished"] = "run_finished"
    exit_code: int
    reason: str = ""


Event = (
    RunStarted | Baseline | Inputs | Exemplars | ProposalIntent | ProposalAnswer | Observed | Planned | Intervention | Consensus
    | CandidateMade | VerdictReached | Phase | Best | BudgetSpent | Note | Interrupted | Resumed | RunFinished
)  # fmt: skip


_INTRO = """# The trace of a run

A run is a folder. `trace.jsonl` holds its events, one JSON object a line, in the order in which they happened. The file
is only ever appended to; a line is whole or, when a kill or a power cut tore the last one, ignored and cut off by the
next writer. Damage anywhere else is an error. One process at a time writes a run: it holds a lock on `.lock`.

Any string longer than 1 KiB lies in `bodies/SHA256`, a file named by the SHA-256 of its UTF-8 text, and the line holds
`{"$body": "SHA256"}` in its place. `codeopt.trace.read_trace(folder)` puts them back and checks the hash. Fields whose
name ends in `_sha256` hold such a hash as a plain string, whatever the length of the text.

Numbers that JSON cannot hold are the strings "nan", "inf" and "-inf". Values of environment variables that look like
keys (OPENAI_API_KEY, names that end in KEY, TOKEN, SECRET or PASSWORD) are replaced by `***` before anything is written.

Every event has `event` (its kind), `t` and `seq`. The version of this schema is VERSION_NUMBER; `run_started` and `resumed` carry
it, and a reader refuses a newer one. This file is made by `python -m codeopt.trace > docs/trace.md`.
"""

_MEANINGS = {
    "event": "Kind of the event.",
    "tool": "The profiler.",
    "rows": "Largest share first.",
    "visible": "Inputs that the search may see, by kind.",
    "hidden": "Inputs that only the decision sees, by kind.",
    "not_encodable": "Calls that were left out because a value cannot be encoded.",
    "parent": "Id of the candidate it was made from.",
    "proposal": "The edit.",
    "notes": "What a person should know about the verdict.",
    "inputs": "The inputs behind it.",
    "search": "The sequential measurement of the search.",
    "holdout": "The fresh measurement on unseen inputs.",
    "setup": "Seconds before the first call, with a holdout.",
    "usage": "What the candidate's session used, with a holdout.",
    "sanitized": "What a build with sanitizers showed (C++, C).",
    "status": "What became of it.",
    "evidence": "The first useful lines of why.",
    "seconds": "Wall-clock of the profiled run.",
    "id": "Its name in the run.",
}


def trace_markdown() -> str:
    """docs/trace.md, from the classes and their docstrings."""
    parts = [_INTRO.replace("VERSION_NUMBER", str(VERSION)), "## Events\n"]
    queue: list[type[Record]] = []
    for model in get_args(Event):
        parts.append(_section(f"### `{model.model_fields['event'].default}`", model, queue))
    parts.append("## Records inside events\n")
    for model in queue:
        parts.append(_section(f"### {model.__name__}", model, queue))
    statuses = ", ".join(f"`{status.value}`" for status in Status)
    parts.append(f"### Status\n\nOne of {statuses}.\n")
    return "\n".join(parts)


def _section(title: str, model: type[Record], queue: list[type[Record]]) -> str:
    text = inspect.getdoc(model) or ""
    summary, _, attributes = text.partition("Attributes:")
    shared = (inspect.getdoc(BaseEvent) or "").partition("Attributes:")[2]
    meaning = _MEANINGS | _meanings(shared) | _meanings(attributes)
    rows = []
    for name, field in model.model_fields.items():
        for inner in _records_in(field.annotation):
            if inner not in queue:
                queue.append(inner)
        kind = f'"{field.default}"' if name == "event" else _type_name(field.annotation)
        rows.append(f"| `{name}` | {kind} | {meaning[name]} |")
    table = "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])
    return f"{title}\n\n{' '.join(summary.split())}\n\n{table}\n"


def _meanings(attributes: str) -> dict[str, str]:
    """Field -> text, from the Attributes part of a docstring ("low, high: …" documents two)."""
    found: dict[str, str] = {}
    for names, text in re.findall(r"^ {4}([\w, ]+): (.*(?:\n {5,}.*)*)", attributes, re.MULTILINE):
        for name in names.split(","):
            found[name.strip()] = " ".join(text.split()).replace("|", "\\|")
    return found


def _records_in(annotation: Any) -> list[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [record for inner in get_args(annotation) for record in _records_in(inner)]


def _type_name(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f'"{value}"' for value in inner)
    if origin is UnionType:
        return " or ".join("null" if part is type(None) else _type_name(part) for part in inner)
    if origin in (tuple, list):
        return f"list of {_type_name(inner[0])}"
    if origin is dict:
        return f"object of {_type_name(inner[1])}"
    return "any" if annotation is Any else str(getattr(annotation, "__name__", annotation))
