"""The user's own pytest: which function they spend their time in, and whether they pass on a candidate."""

from __future__ import annotations

from pathlib import Path

from codeopt.agent.search import View
from codeopt.agent.tasks.functions import functions_of
from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.pytest_judge import judge
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart
from codeopt.types import Proposal, Status

SECONDS = 120.0


def with_hottest(task: Task, sandbox: Sandbox, view: View) -> Task:
    """The task with the function of its file in which the user's tests spend most of their time.

    Raises:
        UserError: The tests do not run, or spend no noticeable time in the file.
    """
    with Workshop(task, sandbox) as shop:
        session = shop.project_session()
        request = {"mode": "script", "pytest": list(task.tests), "args": [], "seconds": SECONDS}
        try:
            reply = session.op("profile", request, SECONDS + 30)
        except Broken as broken:
            raise UserError(f"the tests do not run ({broken.evidence})", "name the function with --function") from broken
    known = {info.qualname: info for info in functions_of(Path(task.file).read_text("utf-8"))}
    shares: dict[str, float] = {}
    for row in reply.get("functions", []):
        info = known.get(str(row["qualname"]))
        if Path(str(row["file"])).name == Path(task.file).name and info is not None and info.reachable:
            shares[info.qualname] = float(row["own_share"])
    if not shares:
        why = str(reply.get("error") or "the tests spend no time there").strip().splitlines()[-1]
        raise UserError(f"no hot function of {Path(task.file).name} was found ({why})", "name it with --function")
    name = max(shares, key=lambda qualname: shares[qualname])
    view.note(f"of the functions of this file, {name} takes most of the tests' time ({shares[name]:.0%}): optimising it")
    return task.model_copy(update={"function": name})


def tests_on(shop: Workshop, proposal: Proposal) -> tuple[Status, str]:
    """Run the user's tests with the candidate answering the calls of the function.

    The tests and the untouched file run in one session, the candidate in another. Returns OK with a note for the
    report, UNDECIDED with a note where no call could cross, else the status and the evidence against the candidate.
    """
    subject = shop.proposed(proposal)
    try:
        reply = judge(shop.maker(whole_project=True), subject.session(), shop.task.tests, SECONDS)
    except (Broken, CannotStart) as error:
        return error.status, f"your tests: {error.evidence}"
    finally:
        shop.forget(subject)
    status = Status(reply["status"])
    if status is Status.OK:
        note = f"your tests pass on it: {reply['passed']} passed, {reply['crossed']} calls answered by the candidate"
        missed = reply.get("not_crossable") or 0
        return status, f"{note}, {missed} could not cross and ran the old code" if missed else note
    if status is Status.UNDECIDED:
        return status, f"your tests could not judge it: {reply['evidence']}"
    return status, f"your tests: {reply['evidence']}"
