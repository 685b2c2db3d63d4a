"""A lane of the judging in a process of its own; see `codeopt.evals.worker`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any

from codeopt.evals.lane import Lane
from codeopt.evals.making.bench import Bench
from codeopt.evals.peer import Peer, main
from codeopt.evals.worker import Handler, serve_lane
from codeopt.types import Verdict


class Worker(Peer):
    """A lane's process, seen from its parent: one base after the other."""

    def __init__(self, sandbox: str, core: int, pairs: int) -> None:
        super().__init__("codeopt.evals.making.worker", {"sandbox": sandbox, "core": core, "pairs": pairs})
        self._ahead: tuple[Path, int, Future[dict[str, Any]]] | None = None

    @property
    def ahead(self) -> Path | None:
        """The base that it makes ready though nobody has asked for it yet."""
        return self._ahead[0] if self._ahead else None

    def begin(self, file: Path, seed: int) -> None:
        """Make a base ready in the background: `open` with the same words then waits for that."""
        self.settle()
        made: Future[dict[str, Any]] = Future()
        self._ahead = file, seed, made

        def work() -> None:
            try:
                made.set_result(self._opened(file, seed))
            except BaseException as error:
                made.set_exception(error)

        threading.Thread(target=work, daemon=True).start()

    def settle(self) -> None:
        """Wait for what was begun, and forget it."""
        if self._ahead is not None:
            self._ahead[2].exception()
            self._ahead = None

    def open(self, file: Path, seed: int) -> dict[str, Any]:
        """Make a base ready; see `Bench.open`. Raises UserError where it cannot be used here."""
        if self._ahead is None or self._ahead[:2] != (file, seed):
            self.settle()
            return self._opened(file, seed)
        begun, self._ahead = self._ahead[2], None
        return begun.result()

    def _opened(self, file: Path, seed: int) -> dict[str, Any]:
        return dict(self.ask({"do": "open", "file": str(file), "seed": seed})["opened"])

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
            bench = Bench(Path(request["file"]), lane, pairs=hello["pairs"], seed=request["seed"])
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
