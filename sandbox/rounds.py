"""Several short regions in one fork: for benchmarks that repeat a case, where a fork for each repeat costs too much.

A region ends here with a word, not with the answer, so that what it costs to encode answers is not timed. A word can be
said too early: in the round after it the rest of the work is timed instead, and after the last one `Rounds.late_s`
shows it. Work could still be moved from one round to another, so several rounds are for programs whose text cannot
do that (evals/stateless.py); all others get one round a fork, and the caller adds what came late.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from codeopt.sandbox.session import AROUND_S, Broken, Session
from codeopt.sandbox.subject import FunctionSubject
from codeopt.types import Status


@dataclass
class Rounds:
    """What became of them.

    Attributes:
        status, evidence: OK, or why there are no answers.
        answer: Encoded outcomes: of all calls of all rounds, in order, fewer where a call raised; or of the last call.
        seconds: Wall-clock of each round, by the parent, from its GO until its done.
        late_s: From the last done until the answers were there.
    """

    status: Status = Status.OK
    evidence: str = ""
    answer: bytes = b""
    seconds: list[float] = field(default_factory=list)
    late_s: float = 0.0


class RoundSession(Session):
    """A session that can also time rounds."""

    def rounds(
        self, call: bytes, *, copies: int, rounds: int, limit_s: float, every: bool, idle: bool = False
    ) -> Rounds:
        """`rounds` regions of `copies` fresh copies of a call; a call that raises ends its round and the rest.

        The module's text is run again for each copy, before the clock starts: copies share nothing in it.

        Args:
            limit_s: Seconds that each round may take.
            every: Answer with the outcomes of all calls.
            idle: Call nothing of the module's, to see what a region costs by itself.
        """
        found = Rounds()
        try:
            self._send({"do": "rounds", "calls": [call], "repeat": copies, "rounds": rounds, "all": every, "idle": idle})
            body, pid = self._frame(time.monotonic() + AROUND_S + limit_s)
            reply = self._parse(body)
            if "ready" in reply and pid:
                self._is_new(pid)
            ended = 0.0
            while "ready" in reply and len(found.seconds) < rounds:
                started = time.perf_counter()
                self._byte(b"G")
                body, by = self._frame(time.monotonic() + limit_s)
                ended = time.perf_counter()
                found.seconds.append(ended - started)
                reply = self._from(pid, body, by)
                if "done" in reply and not reply.get("last"):
                    reply = self._from(pid, *self._frame(time.monotonic() + AROUND_S + limit_s))
            if "done" in reply:
                reply = self._from(pid, *self._frame(time.monotonic() + AROUND_S + limit_s))
                found.late_s = time.perf_counter() - ended
            if "end" in reply:
                sample = self._ended(reply)
                found.status, found.evidence = sample.status, sample.evidence
                return found
            if not isinstance(reply.get("answer"), bytes):
                raise self._broken(Status.TAMPERED, "a malformed answer")
            found.answer = reply["answer"]
            if "end" not in self._receive(time.monotonic() + AROUND_S + limit_s):
                raise self._broken(Status.TAMPERED, "more frames than answers")
            if reply.get("failed"):
                found.status, found.evidence = Status.WRONG_OUTPUT, str(reply["failed"])[:2000]
        except Broken as broken:
            late = broken.status is Status.TIMEOUT
            found.status = broken.status
            found.evidence = f"still running after {limit_s:.3g} s" if late else broken.evidence
        return found

    def _from(self, pid: int, body: bytes, by: int) -> dict[str, Any]:
        """A message of the sample's own process, or the server's word that it has ended. Raises Broken."""
        message = self._parse(body)
        if by != pid and "end" not in message:
            raise self._broken(Status.TAMPERED, "the answer comes from another process than the one that was asked")
        return message


class RoundSubject(FunctionSubject):
    """A function whose sessions can time rounds."""

    session_type = RoundSession

    def rounds(
        self, call: bytes, *, copies: int, rounds: int, limit_s: float, every: bool, idle: bool = False
    ) -> Rounds:
        """As `RoundSession.rounds`. Raises CannotStart."""
        session = self.session()
        assert isinstance(session, RoundSession)
        return session.rounds(call, copies=copies, rounds=rounds, limit_s=limit_s, every=every, idle=idle)
