"""What one run says, as rows: pairs, steps, failures and observations. A damaged line is told of and left out, and nothing else."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from codeopt.datasets.deprecated import deprecated, versions_of
from codeopt.datasets.lexing import problem_of
from codeopt.datasets.records import Failure, Origin, Pair, Proof, Row, Seen, Step
from codeopt.errors import UserError
from codeopt.trace import (
    Baseline,
    CandidateMade,
    Damage,
    Event,
    Note,
    Observed,
    Planned,
    ProposalAnswer,
    ProposalIntent,
    RunStarted,
    VerdictReached,
    salvage,
)
from codeopt.types import (
    BASELINE,
    SIMPLIFY,
    Candidate,
    Measurement,
    Observation,
    Plan,
    Profile,
    Status,
    Verdict,
)

MOST_DIFF_LINES = 4000
MOST_CHARS = 1_000_000
"""Of one program: a longer one is no example that anybody could learn from."""
_ORIGINS: dict[str, Origin] = {
    "rules": "rule", "tune": "rule", "compile": "rule", "inverse": "inverse rule", "llm": "model", "import": "imported", "person": "person",
}  # fmt: skip
_RANK: tuple[Origin, ...] = ("rule", "inverse rule", "imported", "model", "person")
"""Of a change in several steps, the origin that comes last here counts: what a model began is a model's."""
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class LeftOut:
    """A record that is not in the dataset.

    Attributes:
        file: Where it stands.
        line: 1-based; 0 for the file as a whole.
        kind: Why, in a word or two, to be counted by.
        why: In a line.
    """

    file: str
    line: int
    kind: str
    why: str


@dataclass
class Run:
    """What is known of a run while its trace is read."""

    name: str
    started: RunStarted | None = None
    source: str = ""
    profile: Profile | None = None
    made: dict[str, Candidate] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    seen: list[tuple[str, Observation]] = field(default_factory=list)

    @property
    def task(self) -> Mapping[str, Any]:
        return self.started.task if self.started else {}

    def said(self, name: str) -> str:
        """A field of the task, as text."""
        value = self.task.get(name)
        return value if isinstance(value, str) else ""

    @cached_property
    def problem_id(self) -> str:
        """The one that the task names; else equal for equal programs, whatever their layout."""
        return self.said("problem") or "program-" + problem_of(self.source, self.said("language"))

    def text(self, name: str) -> str:
        """The program of a candidate."""
        return self.source if name == BASELINE else self.made[name].proposal.source

    def line(self, name: str) -> list[Candidate]:
        """A candidate and what it was made from, oldest first, without the baseline."""
        found: list[Candidate] = []
        while name in self.made and self.made[name] not in found:
            found.insert(0, self.made[name])
            name = found[0].parent
        return found

    @cached_property
    def about(self) -> dict[str, Any]:
        """What every row of the run says of where it comes from."""
        return {"run": self.name, "problem_id": self.problem_id}

    @cached_property
    def machine(self) -> str:
        """The machine's fingerprint as JSON."""
        return _json(self.started.machine) if self.started else ""

    @cached_property
    def home(self) -> dict[str, Any]:
        return {"source": self.said("source"), "licence": self.said("licence")}


def rows_of(folder: Path, name: str) -> tuple[Rows, list[LeftOut]]:
    """The rows of a run by configuration, and what had to be left out.

    Args:
        folder: The run's.
        name: As the rows name it.
    """
    run = Run(name)
    left: list[LeftOut] = []
    steps: list[tuple[Event, dict[str, Any], str]] = []
    file = f"{name}/trace.jsonl"
    try:
        for number, record, event in salvage(folder):
            if isinstance(event, Damage):
                left.append(LeftOut(file, number, event.kind, event.why))
                continue
            _learn(run, event)
            steps.append((event, record, _text(event, folder)))
    except UserError as error:
        left.append(LeftOut(file, 0, "unreadable run", str(error)))
        return {}, left
    if run.started is None:
        left.append(LeftOut(file, 0, "no beginning", "there is no run_started event"))
        return {}, left
    run.source = run.source or _original(folder, run.said("file"))
    if not run.source:
        left.append(LeftOut(file, 0, "no program", "the run ended before its baseline was measured"))
        return {}, left
    rows: Rows = {
        Step.config: [_step(run, *step) for step in steps],
        Seen.config: [_seen(run, parent, one) for parent, one in run.seen if parent == BASELINE or parent in run.made],
        Pair.config: [],
        Failure.config: [],
    }
    for config, row in _outcomes(run, left, file):
        rows[config].append(row)
    return rows, left


def _learn(run: Run, event: Event) -> None:
    if isinstance(event, RunStarted):
        run.started = run.started or event
    elif isinstance(event, Baseline):
        run.source, run.profile = event.source or run.source, event.profile or run.profile
    elif isinstance(event, CandidateMade):
        run.made[event.candidate.id] = event.candidate
    elif isinstance(event, Planned):
        run.plans[event.plan.id] = event.plan
    elif isinstance(event, VerdictReached):
        run.verdicts[event.candidate] = event.verdict
    elif isinstance(event, Observed):
        run.seen += [(event.parent, one) for one in event.observations]


def _original(folder: Path, file: str) -> str:
    """The program as the run's folder keeps it; traces of before the baseline held its text."""
    path = folder / "original" / Path(file).name
    try:
        data = path.read_bytes()
        told = json.loads((folder / "result.json").read_bytes())["source_sha256"]
        return data.decode("utf-8") if told == hashlib.sha256(data).hexdigest() else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


# ---------------------------------------------------------------- pairs and failures
def _outcomes(run: Run, left: list[LeftOut], file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    told: set[str] = set()
    for name, verdict in run.verdicts.items():
        if name not in run.made:
            left.append(LeftOut(file, 0, "no candidate", f"a verdict names {name}, which is not in the trace"))
            continue
        candidate = run.made[name]
        if candidate.parent not in run.made and candidate.parent != BASELINE:
            left.append(LeftOut(file, 0, "no parent", f"{name} was made from {candidate.parent}, which is not in the trace"))
            continue
        if max(len(run.text(name)), len(run.source)) > MOST_CHARS:
            left.append(LeftOut(file, 0, "too long", f"{name} has over {MOST_CHARS:,} characters"))
            continue
        made = _outcome(run, candidate, verdict)
        if made is None or (isinstance(made, Pair) and made.id in told):
            continue
        if not (valid(made.input) and valid(made.target)):
            left.append(LeftOut(file, 0, "not Unicode", f"{name} has a lone surrogate"))
            continue
        if isinstance(made, Pair):
            told.add(made.id)
        yield made.config, written(made)


def _outcome(run: Run, candidate: Candidate, verdict: Verdict) -> Pair | Failure | None:
    measured = verdict.holdout
    if measured is not None and measured.speedup > 0:
        if verdict.accepted and measured.low > 1:
            return _pair(run, BASELINE, candidate.id, measured, "holdout", verdict)
        slower = verdict.status is Status.NOT_FASTER and 0 < measured.low <= measured.high < 1
        if slower and not candidate.proposal.flags:  # flags belong to a fast side
            return _pair(run, candidate.id, BASELINE, _reversed(measured), "holdout", verdict)
    if verdict.accepted:
        found = verdict.search
        if candidate.proposal.proposer == SIMPLIFY or found is None or found.low <= 1 or measured is not None:
            return None
        return _pair(run, candidate.parent, candidate.id, found, "search", verdict)
    shown = measured or verdict.search
    return Failure(
        **run.about,
        language=run.said("language"),
        kind=run.said("kind"),
        function=run.said("function"),
        input=run.text(candidate.parent),
        target=candidate.proposal.source,
        status=str(verdict.status),
        evidence=verdict.evidence,
        speedup=shown.speedup if shown else None,
        low=shown.low if shown else None,
        high=shown.high if shown else None,
        candidate=candidate.id,
        **_story(run, [candidate]),
        flags=candidate.proposal.flags,
        **run.home,
        seed=run.started.seed if run.started else 0,
    )


def _reversed(measured: Measurement) -> Measurement:
    """The other way round: the paired log-ratios change their sign, and the test was not made in that direction."""
    return measured.model_copy(
        update={
            "speedup": 1 / measured.speedup,
            "low": 1 / measured.high,
            "high": 1 / measured.low,
            "wall_speedup": 1 / measured.wall_speedup if measured.wall_speedup else 0.0,
            "baseline_s": measured.candidate_s,
            "candidate_s": measured.baseline_s,
            "at_least": False,
        }
    )


def _pair(run: Run, slow: str, fast: str, measured: Measurement, proof: Proof, verdict: Verdict) -> Pair:
    before, after = run.text(slow), run.text(fast)
    turned = fast == BASELINE
    candidate = run.made[slow if turned else fast]
    # A search measures against the parent: what came before that is not in this pair.
    steps = [candidate] if proof == "search" else run.line(candidate.id)
    flags = () if turned else candidate.proposal.flags
    language, started = run.said("language"), run.started
    assert started is not None
    versions = versions_of(before, started.machine, language) | versions_of(after, started.machine, language)
    dropped = {name for text in (before, after) for name in deprecated(text, versions)} if language == "python" else ()
    return Pair(
        **run.about,
        id=pair_id(language, flags, before, after),
        language=language,
        kind=run.said("kind"),
        function=run.said("function"),
        submission_id_v0=slow,
        submission_id_v1=fast,
        input=before,
        target=after,
        diff=diff(before, after),
        code_v0_loc=loc(before),
        code_v1_loc=loc(after),
        **(figures(measured) | ({"p_value": None} if turned else {})),
        proof=proof,
        **_story(run, steps),
        profile=run.profile.model_dump_json() if run.profile and slow == BASELINE else "",
        flags=flags,
        visible=sum(verdict.inputs.visible.values()),
        hidden=sum(verdict.inputs.hidden.values()),
        inputs=_json(run.task["kept_inputs"]) if run.task.get("kept_inputs") else "",
        **run.home,
        machine=run.machine,
        versions=_json(versions),
        deprecated=tuple(sorted(dropped)),
        codeopt=started.codeopt,
        seed=started.seed,
    )


def figures(measured: Measurement) -> dict[str, Any]:
    """What a measurement says, as the columns of a pair."""
    return {
        "measured_runtime_v0": measured.baseline_s,
        "measured_runtime_v1": measured.candidate_s,
        "runtime_lift": measured.baseline_s / measured.candidate_s if measured.candidate_s else None,
        "speedup": measured.speedup,
        "low": measured.low,
        "high": measured.high,
        "p_value": measured.p_value,
        "measured_pairs": measured.pairs,
        "clock": measured.clock,
        "at_least": measured.at_least,
        "warm_cache": measured.warm_cache,
    }


def _story(run: Run, steps: Iterable[Candidate]) -> dict[str, Any]:
    """Who made a change, and what is said of it."""
    origins, rules, notes, plans = set[Origin](), list[str](), list[str](), list[str]()
    for step in steps:
        proposal = step.proposal
        if proposal.proposer == SIMPLIFY:  # it takes away from what others made
            continue
        plan = run.plans.get(proposal.plan)
        person = plan is not None and plan.family == "person"
        origins.add("person" if person else _ORIGINS.get(proposal.proposer, "model"))
        rules.append(proposal.rule)
        notes.append(proposal.note)
        if plan is not None:
            plans.append(f"{plan.title}: {plan.idea}" if plan.idea else plan.title)
    return {
        "origin": max(origins or {"rule"}, key=_RANK.index),
        "rule": "+".join(filter(None, dict.fromkeys(rules))),
        "note": "; ".join(filter(None, notes)),
        "plan": "\n".join(dict.fromkeys(plans)),
    }


def pair_id(language: str, flags: Iterable[str], slow: str, fast: str) -> str:
    """Name of a pair: equal for equal programs."""
    whole = "\0".join((language, " ".join(flags), slow, fast))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def diff(slow: str, fast: str) -> str:
    """Unified diff, for a person; "" where the programs are so long that finding one takes minutes."""
    if max(slow.count("\n"), fast.count("\n")) > MOST_DIFF_LINES:
        return ""
    lines = difflib.unified_diff(slow.splitlines(), fast.splitlines(), "input", "target", lineterm="", n=2)
    return "\n".join(lines)


def loc(text: str) -> int:
    """Lines that are not empty."""
    return sum(map(bool, map(str.strip, text.splitlines())))


# ---------------------------------------------------------------- steps and observations
def _text(event: Event, folder: Path) -> str:
    """The long text that an event is about."""
    if isinstance(event, CandidateMade):
        return event.candidate.proposal.source
    if isinstance(event, Baseline):
        return event.source
    if isinstance(event, Note):
        return event.text
    name = event.prompt_sha256 if isinstance(event, ProposalIntent) else getattr(event, "answer_sha256", "")
    if isinstance(event, ProposalIntent | ProposalAnswer) and name:
        body = folder / "bodies" / name
        return body.read_text("utf-8", "replace") if body.is_file() else ""
    return ""


def _step(run: Run, event: Event, record: dict[str, Any], text: str) -> dict[str, Any]:
    candidate = parent = plan = status = ""
    measured: Measurement | None = None
    if isinstance(event, CandidateMade):
        candidate, parent, plan = event.candidate.id, event.candidate.parent, event.candidate.proposal.plan
        record = {**record, "candidate": _without(record["candidate"], "proposal", "source")}
    elif isinstance(event, VerdictReached):
        candidate, status = event.candidate, str(event.verdict.status)
        measured = event.verdict.holdout or event.verdict.search
    elif isinstance(event, Planned):
        plan, parent = event.plan.id, event.plan.parent
    elif isinstance(event, Baseline):
        record = _without(record, "source")
    elif isinstance(event, Note):
        record = _without(record, "text")
    elif isinstance(event, Observed | ProposalIntent):
        parent = event.parent
    step = Step(
        **run.about,
        seq=event.seq,
        t=event.t,
        event=event.event,
        candidate=candidate,
        parent=parent,
        plan=plan,
        status=status,
        speedup=measured.speedup if measured else None,
        low=measured.low if measured else None,
        high=measured.high if measured else None,
        text=text,
        body=_json(record),
    )
    return written(step)


def _without(record: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """A record without the field at the end of a path."""
    name, *rest = path
    if rest:
        inner = record.get(name)
        return {**record, name: _without(inner, *rest)} if isinstance(inner, Mapping) else dict(record)
    return {key: value for key, value in record.items() if key != name}


def _seen(run: Run, parent: str, one: Observation) -> dict[str, Any]:
    profile = run.profile if parent == BASELINE else None
    seen = Seen(
        **run.about,
        language=run.said("language"),
        input=run.text(parent),
        claim=one.claim,
        category=one.category,
        lines=one.lines,
        rows=one.rows,
        share=one.share,
        bound=one.bound,
        profile=profile.model_dump_json() if profile else "",
        **run.home,
    )
    return written(seen)


def valid(text: str) -> bool:
    """Whether a text can be written as UTF-8: it has no lone surrogate."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def written(row: Row) -> dict[str, Any]:
    """A row as it is written: what no UTF-8 can hold is a question mark."""
    # The fields of a row are plain: `model_dump` would only copy them.
    fields = row.__dict__
    text = "".join([value for value in fields.values() if isinstance(value, str)])
    if valid(text):
        return fields
    return {name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for name, value in fields.items()}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
