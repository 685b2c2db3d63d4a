"""A lane of the judging in a process of its own; see `codeopt.evals.worker`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from codeopt.evals.lane import Lane
from codeopt.evals.making.bench import Bench
from codeopt.evals.peer import Peer, main
from codeopt.evals.worker import Handler, serve_lane
from codeopt.types import Verdict


class Worker(Peer):
    """A lane's process, seen from its parent: one base after the other."""

    def __init__(self, sandbox: str, core: int, pairs: int, seed: int) -> None:
        hello = {"sandbox": sandbox, "core": core, "pairs": pairs, "seed": seed}
        super().__init__("codeopt.evals.making.worker", hello)

    def open(self, file: Path) -> dict[str, Any]:
        """Make a base ready; see `Bench.open`. Raises UserError where it cannot be used here."""
        return dict(self.ask({"do": "open", "file": str(file)})["opened"])

    def judge(self, number: int, source: str, flags: tuple[str, ...]) -> Verdict:
        """Hold a program against the base that is open."""
        reply = self.ask({"do": "judge", "number": number, "source": source, "flags": flags})
        return Verdict.model_validate_json(reply["verdict"])


def _judging(hello: Mapping[str, Any]) -> Handler:
    bench: Bench | None = None

    def handle(lane: Lane, opened: contextlib.ExitStack, request: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal bench
        if request["do"] == "open":
            opened.close()
            bench = Bench(Path(request["file"]), lane, pairs=hello["pairs"], seed=hello["seed"])
            opened.callback(bench.close)
            return {"opened": bench.open()}
        assert bench is not None
        verdict = bench.judge(request["number"], request["source"], tuple(request["flags"]))
        return {"verdict": verdict.model_dump_json()}

    return handle


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Hold programs against bases for a parent."""
    serve_lane(requests, replies, _judging)


if __name__ == "__main__":
    main(serve)
