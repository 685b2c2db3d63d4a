"""The user's relations between answers (metamorphic checks): what has to hold whatever the right answer is.

The relations run in the session that makes inputs, which holds the user's own code only; each question goes through
this process, as encoded values, to the session of the version that is judged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.tasks.detect import relation_names
from codeopt.agent.tasks.pytest_judge import Relay
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.runner.codec import decode_plain, encode
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart, Subject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Status, Verdict

SECONDS = 20.0  # for the program itself; a candidate may take four times as long
MOST_INPUTS = 20
MOST_BYTES = 200_000
MOST_S = 1.0  # of the program on one input


@dataclass(frozen=True)
class Relations:
    """The relations of a task, and the checks that the program itself passed.

    Attributes:
        cases: Inputs; `calls` are the same as the relations get them.
        held: (name of the relation, number of the input), at least one.
    """

    names: tuple[str, ...]
    cases: tuple[Case, ...]
    calls: tuple[bytes, ...]
    held: tuple[tuple[str, int], ...]

    def note(self) -> str:
        used = [name for name in self.names if any(name == item for item, _ in self.held)]
        return f"relations: {len(self.held)} checks hold ({', '.join(used)})"


class _Program:
    """Answers as a session does for a function: stdin in, stdout out."""

    def __init__(self, subject: Subject, case: Case) -> None:
        self.subject, self.case = subject, case
        self.alive = True

    def invoke(self, call: bytes, limit_s: float = 30) -> bytes:
        asked = decode_plain(call)
        text = str(asked["args"][0]).encode("utf-8", "surrogatepass")
        try:
            sample = self.subject.run(Case("relation", "relation", stdin=text, argv=self.case.argv), limit_s=limit_s)
        except CannotStart as error:
            raise Broken(error.status, error.evidence) from error
        if sample.status is not Status.OK and not sample.exit:
            raise Broken(sample.status, sample.evidence)
        if sample.exit:
            return encode({"failed": f"exit status {sample.exit}: {sample.stderr.strip()[-300:]}"})
        return encode({"ok": sample.answer.decode("utf-8", "replace")})


def checked_relations(shop: Workshop, judge: Judge, workload: Workload) -> Relations | None:
    """The relations that the task declares, after the program itself passed them; None where it declares none.

    Raises:
        UserError: The program breaks one, one of them cannot be used, or none says anything about any input.
    """
    if not shop.task.relations:
        return None
    names = tuple(relation_names(Path(shop.task.relations)))
    cases, calls = _inputs(judge, workload)
    known = Relations(names, cases, calls, ())
    hint = f"mend it in {shop.task.relations}, or the program"
    try:
        reply, _ = _ask(shop, judge, judge.baseline, known, SECONDS)
    except (Broken, CannotStart) as error:
        raise UserError(f"the relations do not end ({_line(error.evidence)})", hint) from error
    broken = reply.get("broken")
    if broken:
        where = f"on input {cases[broken['input']].id}: {_line(broken['why'])}"
        raise UserError(f"relation {broken['name']} does not hold for the program itself, {where}", hint)
    for key in ("misuse", "gone", "error"):
        if reply.get(key):
            raise UserError(_line(str(reply[key]).strip().splitlines()[-1]), hint)
    held = tuple((str(name), int(number)) for name, number in reply["held"])
    if not held:
        raise UserError("no relation says anything about an input of the program", hint)
    return Relations(names, cases, calls, held)


def with_relations(shop: Workshop, judge: Judge, candidate: Subject, relations: Relations, verdict: Verdict) -> Verdict:
    """The verdict on a candidate after its answers were put to the relations, on the checks that the program passed."""
    try:
        reply, relay = _ask(shop, judge, candidate, relations, 4 * SECONDS)
    except (Broken, CannotStart) as error:
        return _refused(verdict, Status.UNDECIDED, f"the relations did not end: {error.evidence}")
    if relay.status is not Status.OK:
        return _refused(verdict, relay.status, f"relations: {relay.evidence}")
    broken = reply.get("broken")
    if broken:
        return _refused(verdict, Status.WRONG_OUTPUT, f"relation {broken['name']} does not hold: {broken['why']}")
    for key in ("misuse", "gone", "error"):
        if reply.get(key):
            # The program passed the same checks, so it is the candidate's answers that do not fit.
            return _refused(verdict, Status.WRONG_OUTPUT, f"relations: {reply[key]}")
    if not reply.get("complete"):
        return _refused(verdict, Status.TIMEOUT, f"the relations took longer than {4 * SECONDS:g} s")
    return verdict.model_copy(update={"notes": (*verdict.notes, relations.note())})


def _refused(verdict: Verdict, status: Status, evidence: str) -> Verdict:
    return verdict.model_copy(update={"status": status, "evidence": evidence[:2000], "holdout": None})


def _ask(
    shop: Workshop, judge: Judge, subject: Subject, relations: Relations, seconds: float
) -> tuple[dict[str, Any], Relay]:
    """The runner's reply (see runner/op_relations.py), and what became of the version that answered. Raises Broken."""
    function = shop.task.kind == "function"
    answering = subject.session() if function else _Program(subject, relations.cases[0])
    relay = Relay(answering, time.monotonic() + seconds + judge.limit_s, judge.limit_s)
    request = {
        "file": shop.sandbox.inside(shop.user_file(shop.task.relations, "relations")),
        "names": list(relations.names),
        "calls": list(relations.calls),
        "text": not function,
        "seconds": seconds,
        "checks": [list(item) for item in relations.held],
    }
    return shop.maker().op("relations", request, seconds + judge.limit_s + 30, relay), relay


def _inputs(judge: Judge, workload: Workload) -> tuple[tuple[Case, ...], tuple[bytes, ...]]:
    """Visible inputs that are short and quick, and the same as the relations get them."""
    found: list[tuple[Case, bytes]] = []
    for case in workload.visible:
        call = case.calls[0] if case.calls else _text(case)
        if call is not None and len(call) <= MOST_BYTES and judge.expect(case).wall_s <= MOST_S:
            found.append((case, call))
    chosen: Sequence[tuple[Case, bytes]] = found[:MOST_INPUTS]
    if not chosen:
        raise UserError("no input is small enough for the relations", "give smaller ones with --inputs or --cases")
    return tuple(case for case, _ in chosen), tuple(call for _, call in chosen)


def _text(case: Case) -> bytes | None:
    try:
        return encode({"args": [case.stdin.decode("utf-8")], "kwargs": {}})
    except UnicodeDecodeError:
        return None


def _line(text: str) -> str:
    return " ".join(text.split())[:400]
