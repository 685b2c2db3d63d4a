"""The verdict of a user's pytest on a candidate: the tests run in one session, the candidate in another.

The judge's session has the pristine module and the tests; each call of the function under test comes here as bytes
and goes to the candidate's session. Nothing that the candidate says is decoded in this process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from codeopt.sandbox.runner.codec import encode
from codeopt.sandbox.session import Broken, Session
from codeopt.types import Status

START_S = 20.0


class Invoker(Protocol):
    """What answers calls: a session with the candidate loaded."""

    alive: bool

    def invoke(self, call: bytes, limit_s: float = 30) -> bytes: ...


class Relay:
    """Passes calls on; what ends the candidate becomes an answer, so that the tests can end in order."""

    def __init__(self, candidate: Invoker, until: float, call_s: float) -> None:
        self._candidate, self._until, self._call_s = candidate, until, call_s
        self.status = Status.OK
        self.evidence = ""

    def __call__(self, blob: bytes) -> bytes:
        left = min(self._call_s, self._until - time.monotonic())
        if not self._candidate.alive or left <= 0:
            return self._gone(Status.TIMEOUT, "the tests took too long" if left <= 0 else self.evidence)
        try:
            return self._candidate.invoke(blob, left)
        except Broken as broken:
            if "Unencodable" in broken.evidence:
                return encode({"unencodable": broken.evidence[-300:]})
            return self._gone(broken.status, broken.evidence)

    def _gone(self, status: Status, evidence: str) -> bytes:
        if self.status is Status.OK:
            self.status, self.evidence = status, evidence
        return encode({"gone": f"{status}: {evidence}"[:500]})


def judge(
    judge_session: Session, candidate_session: Invoker, tests: Sequence[str], seconds: float, call_s: float = 30.0
) -> dict[str, Any]:
    """Run the tests (paths inside the judge's session) against the candidate.

    Returns:
        passed, failed, errors, skipped, failures ([{"test", "message"}]), crossed and not_crossable (calls),
        why, gone, exit, error; and status with evidence: OK when every test passed and at least one call reached
        the candidate, else what the candidate is guilty of; UNDECIDED where no call could cross.

    Raises:
        Broken: The judge's own session ended; it says nothing about the candidate.
    """
    relay = Relay(candidate_session, time.monotonic() + seconds, call_s)
    request = {"tests": list(tests), "args": [], "seconds": seconds}
    reply = judge_session.op("judge", request, seconds + START_S, relay)
    return {**reply, **_verdict(reply, relay)}


def _verdict(reply: Mapping[str, Any], relay: Relay) -> dict[str, Any]:
    if relay.status is not Status.OK:
        return {"status": relay.status, "evidence": relay.evidence}
    bad = int(reply.get("failed") or 0) + int(reply.get("errors") or 0)
    if bad:
        first = (reply.get("failures") or [{"test": "", "message": ""}])[0]
        return {"status": Status.WRONG_OUTPUT, "evidence": f"{first['test']}: {first['message']}"}
    if reply.get("timed_out"):
        return {"status": Status.TIMEOUT, "evidence": "the tests did not end in time"}
    if reply.get("error") or reply.get("exit") != 0:
        return {"status": Status.UNDECIDED, "evidence": str(reply.get("error") or f"pytest ended with {reply['exit']}")}
    if not reply.get("crossed"):
        return {"status": Status.UNDECIDED, "evidence": "no call of the tests could reach the candidate"}
    return {"status": Status.OK, "evidence": ""}
