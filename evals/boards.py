"""Boards in a process of their own, pinned to a core: programs for specifications are judged beside others, and alone there.

Requests and replies are lines of JSON. What a board has found out stays in the process; one that died is told all programs
again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any

from codeopt.agent.spec.board import Board, Found
from codeopt.agent.spec.judging import judged, polished
from codeopt.agent.spec.reading import Example, Specification
from codeopt.agent.spec.ways import Judged, Tried
from codeopt.errors import EngineRestarted, SandboxBroken, UserError
from codeopt.evals.peer import Peer, answering, main, told
from codeopt.sandbox.choose import choose

TRIES = 2


class Boards(Peer):
    """The process, seen from its parent."""

    def __init__(self, sandbox: str, core: int) -> None:
        super().__init__("codeopt.evals.boards", {"sandbox": sandbox, "core": core})

    def judge(self, key: str, specification: Specification, tried: Sequence[Tried], before: Sequence[Tried], seed: int) -> Judged:
        """Judge programs beside those that were tried before. Raises UserError where the specification cannot be used here."""
        request = {"do": "judge", **self._about(key, specification, before, seed), "tried": [asdict(one) for one in tried]}
        found = self._patiently(request)
        return Judged(**{**found, **{name: tuple(found[name]) for name in ("hot", "right", "held")}})

    def polish(self, key: str, specification: Specification, before: Sequence[Tried], seed: int, seconds: float) -> str:
        """The best program after rewrite rules had their turn, for at most so many seconds."""
        request = {"do": "polish", **self._about(key, specification, before, seed), "seconds": seconds}
        return str(self._patiently(request)["best"])

    @staticmethod
    def _about(key: str, specification: Specification, before: Sequence[Tried], seed: int) -> dict[str, Any]:
        return {
            "key": key,
            "text": specification.text,
            "function": specification.function,
            "language": specification.language,
            "inputs": specification.inputs,
            "examples": [[one.call.hex(), one.answer.hex()] for one in specification.examples],
            "before": [asdict(one) for one in before],
            "seed": seed,
        }

    def _patiently(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply, where need be of a second process; what kills two in a row has no answer."""
        for _ in range(TRIES):
            with contextlib.suppress(EngineRestarted):
                return self.ask(request)
        raise SandboxBroken(f"the board of {request['key']} ends its process")


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Answer a parent until it closes its end."""
    answer = answering(replies)
    hello = json.loads(requests.readline())
    try:
        with contextlib.closing(choose(hello["sandbox"], trusted=False)) as sandbox:
            name = sandbox.name
    except UserError as error:
        return answer({"user_error": (error.message, error.hint)})
    os.sched_setaffinity(0, {hello["core"]})
    answer({"ran_in": name})
    known: dict[str, Found] = {}
    for line in requests:
        request = json.loads(line)
        key = request["key"]
        specification = _specification(request)
        with told(answer), Board(
            specification, hello["sandbox"], (hello["core"],), seed=request["seed"], found=known.get(key)
        ) as board:
            if key not in known:
                for one in request["before"]:
                    board.add(**one)
                if request["do"] == "polish":
                    board.judge()
            if request["do"] == "judge":
                for one in request["tried"]:
                    board.add(**one)
                answer(asdict(judged(board)))
            else:
                answer({"best": polished(board, request["seconds"], request["seed"])})
            known[key] = board.found


def _specification(request: Mapping[str, Any]) -> Specification:
    examples = tuple(Example(bytes.fromhex(call), bytes.fromhex(answer)) for call, answer in request["examples"])
    return Specification(request["text"], request["function"], examples, request["language"], request["inputs"])


if __name__ == "__main__":
    main(serve)
