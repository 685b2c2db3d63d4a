"""A lane in a process of its own.

An interpreter runs one of its threads at a time: between lanes that shared one, a lane would wait for another in the
middle of a timed region. Requests and replies are lines of JSON; only the suite travels pickled, from the parent.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
from collections.abc import Callable, Mapping
from typing import IO, Any

from codeopt.errors import UserError
from codeopt.evals.lane import Lane
from codeopt.evals.peer import Peer, answering, main, told
from codeopt.evals.rows import Row
from codeopt.evals.suites import Bench, Problem, Suite
from codeopt.sandbox.choose import choose


class Worker(Peer):
    """A lane's process, seen from its parent: one problem after the other, as a `Bench`.

    Args:
        device: The GPU that it sees, as CUDA_VISIBLE_DEVICES names it; "" leaves that as it is.
    """

    def __init__(self, suite: Suite[Any], sandbox: str, core: int, device: str = "") -> None:
        self._row = suite.row
        packed = base64.b85encode(pickle.dumps(suite)).decode("ascii")
        super().__init__("codeopt.evals.worker", {"suite": packed, "sandbox": sandbox, "core": core, "device": device})

    def open(self, problem: Problem) -> None:
        """Make the problem ready, and time what its samples are held against. Raises UserError where it cannot be used here."""
        self.ask({"do": "open", "task_id": problem.task_id})

    def score(self, number: int, source: str) -> Row:
        """Run and judge one sample of the problem that is open."""
        return self._row.model_validate_json(self.ask({"do": "score", "number": number, "source": source})["row"])


Handler = Callable[[Lane, contextlib.ExitStack, Mapping[str, Any]], dict[str, Any]]
"""Answers a request: with the lane, and with what closes the problem that is open."""


def serve_lane(requests: IO[str], replies: IO[str], begin: Callable[[Mapping[str, Any]], Handler]) -> None:
    """Answer a parent until it closes its end.

    Args:
        requests, replies: Lines of JSON; the first request says the sandbox and the core.
        begin: Makes the handler from the first request.
    """
    answer = answering(replies)
    hello = json.loads(requests.readline())
    handle = begin(hello)
    with contextlib.ExitStack() as stack:
        try:
            lane = Lane(choose(hello["sandbox"], trusted=False), hello["core"])
        except UserError as error:
            return answer({"user_error": (error.message, error.hint)})
        stack.callback(lane.close)
        answer({"ran_in": lane.sandbox.name})
        opened = stack.enter_context(contextlib.ExitStack())
        for line in requests:
            with told(answer):
                answer(handle(lane, opened, json.loads(line)))


def _scoring(hello: Mapping[str, Any]) -> Handler:
    if hello["device"]:
        os.environ["CUDA_VISIBLE_DEVICES"] = hello["device"]
    suite: Suite[Any] = pickle.loads(base64.b85decode(hello["suite"]))
    bench: Bench | None = None

    def handle(lane: Lane, opened: contextlib.ExitStack, request: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal bench
        if request["do"] == "open":
            opened.close()
            bench = suite.bench(suite.names()[request["task_id"]], lane)
            opened.callback(bench.close)
            bench.calibrate()
            return {}
        assert bench is not None
        return {"row": bench.score(request["number"], request["source"]).model_dump_json()}

    return handle


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Score a suite's samples for a parent."""
    serve_lane(requests, replies, _scoring)


if __name__ == "__main__":
    main(serve)
