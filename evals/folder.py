"""What a run over a suite keeps, so that it can go on: its configuration, and a line for each sample as it is ready."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from codeopt.errors import UserError

HINT = "give another --out"
SCORES = "scores"
"""Folder of the scores within that of a run that generated its samples, too."""


class Sampled(Protocol):
    """A row: of one sample of one problem."""

    task_id: str
    sample: int

    def model_dump_json(self) -> str: ...

    @classmethod
    def model_validate_json(cls, json_data: str) -> Any: ...


Row = TypeVar("Row", bound=Sampled)
Item = TypeVar("Item")


def whole_lines(text: str) -> list[str]:
    """The lines that were written to their end: a run that was killed may have torn the last one off."""
    # Only "\n" ends a line: JSON leaves other separators that Unicode knows (U+2028, U+0085) as they are within texts.
    return [line + "\n" for line in text.split("\n")[:-1]]


def parsed(lines: Sequence[str], kind: type[Row], file: Path, noun: str, hint: str) -> list[Row]:
    """The rows in these lines of a file. Raises UserError where one is no `noun`."""
    try:
        return [kind.model_validate_json(line) for line in lines]
    except ValidationError:
        raise UserError(f"{file} holds a line that is no {noun}", hint) from None


class Kept(Generic[Row]):
    """A run's folder, opened to go on; a line that was torn off is dropped.

    Args:
        folder: Made where it is not there.
        name: Of the file of rows.
        kind: Of a row.
        noun: What a row is, for a person.
        config: What has to be the same for a run to go on.
        more: What is noted beside it in a new folder.

    Attributes:
        rows: By task_id and sample.

    Raises:
        UserError: The folder is another run's, or holds a line that is no row.
    """

    def __init__(
        self, folder: Path, name: str, kind: type[Row], noun: str, config: Mapping[str, Any], more: Mapping[str, Any]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "config.json"
        if file.is_file():
            before = json.loads(file.read_text("utf-8"))
            differs = [key for key in config if before.get(key) != config[key]]
            if differs:
                raise UserError(f"{folder} holds another run ({', '.join(differs)} differ)", HINT)
        else:
            file.write_text(json.dumps({**config, **more}, indent=1) + "\n", "utf-8")
        self._file = folder / name
        self._mutex = threading.Lock()
        self.rows: dict[tuple[str, int], Row] = {}
        if self._file.is_file():
            lines = whole_lines(self._file.read_text("utf-8"))
            self._file.write_text("".join(lines), "utf-8")
            for row in parsed(lines, kind, self._file, noun, HINT):
                self.rows[row.task_id, row.sample] = row

    def add(self, row: Row, tell: Callable[[Row], None]) -> None:
        """Keep a new row, and tell it; from any thread, one at a time."""
        with self._mutex, open(self._file, "a", encoding="utf-8") as out:
            out.write(row.model_dump_json() + "\n")
            self.rows[row.task_id, row.sample] = row
            tell(row)


def drain(
    waiting: queue.SimpleQueue[Item], workers: Sequence[Callable[[Item], None]], stop: threading.Event, *, patient: bool
) -> None:
    """Hand out what is waiting to the workers, each in a thread of its own; the first one that fails stops all.

    A single worker that nobody waits for runs in this thread: an interrupt ends it where it stands, and with it a model
    that computes in this process, which as a daemon thread would go on into the interpreter's end and crash there.

    Args:
        stop: Set where no further item is to be begun.
        patient: After an interrupt, wait for the items that were begun.

    Raises:
        BaseException: What a worker raised; KeyboardInterrupt.
    """
    broken = list[BaseException]()

    def work(worker: Callable[[Item], None]) -> None:
        try:
            while not stop.is_set():
                worker(waiting.get_nowait())
        except queue.Empty:
            return
        except BaseException as error:
            broken.append(error)
            stop.set()

    if len(workers) == 1 and not patient:
        work(workers[0])
        if broken:
            raise broken[0]
        return
    # Not Thread.join: until Python 3.13, one that Ctrl-C interrupts takes a running thread for ended.
    ends = [threading.Event() for _ in workers]

    def working(worker: Callable[[Item], None], end: threading.Event) -> None:
        try:
            work(worker)
        finally:
            end.set()

    for worker, end in zip(workers, ends, strict=True):
        threading.Thread(target=working, args=(worker, end), daemon=not patient).start()
    try:
        for end in ends:
            end.wait()
    except KeyboardInterrupt:
        stop.set()
        for end in ends if patient else ():
            end.wait()
        raise
    if broken:
        raise broken[0]
