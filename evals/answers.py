"""Answers that were paid for, kept as they come, by what was asked: a run that was stopped asks nothing twice."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from codeopt.agent.models.asker import Asker
from codeopt.agent.models.chat import Request
from codeopt.evals.folder import drain, whole_lines

ANSWERS_FILE = "answers.jsonl"
_ASKED = ("model", "seed", "messages")


class Answers:
    """Answers by what was asked and with which seed; a line that was torn off is dropped.

    Args:
        folder: Of the file.
        asked: The file holds model, seed and conversation of each answer, too.
    """

    def __init__(self, folder: Path, *, asked: bool = False) -> None:
        self._file = folder / ANSWERS_FILE
        self._mutex = threading.Lock()
        self._asked = asked
        self._known: dict[str, dict[str, Any]] = {}
        if self._file.is_file():
            lines = whole_lines(self._file.read_text("utf-8"))
            self._file.write_text("".join(lines), "utf-8")
            self._known = {row["key"]: _heard(row) for row in map(json.loads, lines)}

    @staticmethod
    def _key(request: Request) -> str:
        return hashlib.sha256(f"{request.seed}\n{request.body()}".encode("utf-8", "surrogatepass")).hexdigest()

    def of(self, request: Request) -> dict[str, Any] | None:
        """The answer to a request, where it is known."""
        return self._known.get(self._key(request))

    def keep(self, request: Request, **reply: Any) -> None:
        """Keep an answer; from any thread."""
        row = {"key": self._key(request), **reply}
        more = {"model": request.model, "seed": request.seed, "messages": request.messages} if self._asked else {}
        with self._mutex, open(self._file, "a", encoding="utf-8") as out:
            self._known[row["key"]] = row
            out.write(json.dumps({**row, **more}) + "\n")

    def total(self, name: str) -> int:
        """Sum of a count over all answers: "tokens_in" or "tokens_out"."""
        with self._mutex:
            return sum(row[name] for row in self._known.values())


def _heard(row: dict[str, Any]) -> dict[str, Any]:
    """The answer alone: prompts need not be held in memory."""
    return {name: value for name, value in row.items() if name not in _ASKED}


def ask(missing: Sequence[Request], askers: Sequence[Asker], answers: Answers) -> None:
    """Have a model answer; one asker gets all at once, several share them out.

    Raises:
        UserError: The model cannot be asked (any more); what was answered is kept.
    """
    waiting: queue.SimpleQueue[Sequence[Request]] = queue.SimpleQueue()
    for piece in [missing] if len(askers) == 1 else [[one] for one in missing]:
        waiting.put(piece)

    def asking(asker: Asker) -> Callable[[Sequence[Request]], None]:
        def work(piece: Sequence[Request]) -> None:
            for index, reply in asker.answers(piece):
                answers.keep(
                    piece[index], text=reply.text, finish=reply.finish, tokens_in=reply.tokens_in, tokens_out=reply.tokens_out
                )

        return work

    drain(waiting, [asking(asker) for asker in askers], threading.Event(), patient=False)
