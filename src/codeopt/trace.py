"""The record of a run: a folder with `trace.jsonl`, append-only, one event a line, each line whole or ignored.

Strings longer than 1 KiB lie beside it in `bodies/SHA256` and are put back when the trace is read. docs/trace.md
describes every event and is written from the classes below: `python -m codeopt.trace > docs/trace.md`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from codeopt.errors import UserError
from codeopt.trace_events import (
    VERSION,
    Baseline,
    Best,
    BudgetSpent,
    CandidateMade,
    Consensus,
    Event,
    Exemplars,
    Inputs,
    Interrupted,
    Intervention,
    Note,
    Observed,
    Phase,
    Planned,
    ProposalAnswer,
    ProposalIntent,
    Resumed,
    RunFinished,
    RunStarted,
    VerdictReached,
    trace_markdown,
)

__all__ = [
    "VERSION",
    "Baseline",
    "Best",
    "Bodies",
    "BudgetSpent",
    "CandidateMade",
    "Consensus",
    "Damage",
    "Event",
    "Exemplars",
    "Inputs",
    "Interrupted",
    "Intervention",
    "Note",
    "Observed",
    "Phase",
    "Planned",
    "ProposalAnswer",
    "ProposalIntent",
    "Resumed",
    "RunFinished",
    "RunStarted",
    "TraceWriter",
    "VerdictReached",
    "read_trace",
    "salvage",
    "scrub",
    "secrets_of",
    "trace_markdown",
]
TRACE_FILE = "trace.jsonl"
INLINE_BYTES = 1024
MOST_LINE_BYTES = 1 << 24
_BODY_KEY = "$body"
_BODY_MARK = _BODY_KEY.encode()
_HASH = re.compile(r"[0-9a-f]{64}")


_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
_PAID = (ProposalIntent, ProposalAnswer, RunFinished)

_SECRET_NAME = re.compile(r"(?:^|_)(?:TOKEN|SECRET|KEY|PASSWORD)$")


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values of environment variables that look like keys, longest first.

    Short or plain words are left alone ("true", "us"): to blank them out would tear holes into sources.
    """
    found = set()
    for name, value in environment.items():
        if not _SECRET_NAME.search(name.upper()):
            continue
        shortest = 6 if name == "OPENAI_API_KEY" else 8
        word = value.isalpha() and len(value) < 16 and name != "OPENAI_API_KEY"
        if len(value) >= shortest and not word:
            found.add(value)
    return tuple(sorted(found, key=len, reverse=True))


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced by "***"."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


class Bodies:
    """The texts beside a trace, each in a file that is named by the SHA-256 of its content."""

    def __init__(self, folder: Path, secrets: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self._secrets = secrets

    def put(self, text: str, durable: bool = False) -> str:
        """Keep `text`, with secrets blanked out, and return its SHA-256 in hex.

        Args:
            text: What to keep.
            durable: Wait until it is on the disk.

        Raises:
            UserError: The disk is full or the folder cannot be written.
        """
        data = scrub(text, self._secrets).encode("utf-8", "surrogatepass")
        name = hashlib.sha256(data).hexdigest()
        path = self.folder / name
        if path.exists():
            return name
        part = self.folder / f".{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            self.folder.mkdir(exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _cannot_write(self.folder, error) from error
        return name

    def get(self, name: str) -> str:
        """The text with that hash.

        Raises:
            UserError: It is missing, or its content does not have that hash.
        """
        path = self.folder / name
        if not _HASH.fullmatch(name) or not path.is_file():
            raise UserError(f"{self.folder.parent}: the body {name} of the trace is missing", "restore the run's folder")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != name:
            raise UserError(f"{path}: the content does not match its name", "restore the run's folder from a copy")
        return data.decode("utf-8", "surrogatepass")


class TraceWriter:
    """Appends events to the trace of one run, and holds its lock.

    Args:
        folder: The run's folder; it is made where it does not exist.
        secrets: Values that must never be written, beside those of `secrets_of(os.environ)`.

    Attributes:
        resumed: The folder already held events.

    Raises:
        UserError: Another process writes this run, the trace is damaged in the middle, a newer codeopt wrote it,
            or the folder cannot be written.
    """

    def __init__(self, folder: Path, secrets: Iterable[str] = ()) -> None:
        self.folder = folder
        self.secrets = tuple(sorted({*secrets_of(os.environ), *filter(None, secrets)}, key=len, reverse=True))
        self.bodies = Bodies(folder / "bodies", self.secrets)
        self._mutex = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(folder)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        try:
            self._file = os.open(folder / TRACE_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self._recover()
        except OSError as error:
            os.close(self._lock)
            raise _cannot_write(folder, error) from error
        except BaseException:
            os.close(self._lock)
            raise
        self.resumed = self._seq > 0

    def add(self, event: Event) -> Event:
        """Write an event; `t` and `seq` are filled in. Returns it as written. Safe from several threads.

        Raises:
            UserError: The disk is full; the line was taken back whole.
        """
        durable = isinstance(event, _PAID)
        with self._mutex:
            if os.fstat(self._file).st_size != self._size:
                self._recover()  # Ctrl-C came between the last write and its counting
            written = event.model_copy(update={"t": time.time(), "seq": self._seq})
            plain = _store(written.model_dump(), self.bodies, self.secrets, durable)
            line = json.dumps(plain, separators=(",", ":"), allow_nan=False).encode() + b"\n"
            self._append(line, durable)
        return written

    def note(self, text: str, level: Literal["note", "warning"] = "note") -> None:
        """Write a Note."""
        self.add(Note(text=text, level=level))

    def _recover(self) -> None:
        """Cut a torn last line and count the events from the file."""
        self._size = sum(len(line) for _, line, _ in _lines(self.folder))
        self._seq = sum(1 for _ in _records(self.folder))
        os.ftruncate(self._file, self._size)

    def _append(self, line: bytes, durable: bool) -> None:
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise _cannot_write(self.folder, error) from error
        self._seq += 1
        self._size += len(line)

    def close(self) -> None:
        """Let go of the file and the lock. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            os.close(self._lock)
            self._file = self._lock = -1

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_trace(folder: Path) -> Iterator[Event]:
    """The events of a run, bodies put back. A torn last line is left out.

    Raises:
        UserError: There is no trace, it is damaged before its last line, or a newer codeopt wrote it.
    """
    if not (folder / TRACE_FILE).is_file():
        raise UserError(f"{folder}: there is no {TRACE_FILE} here", "give the folder of a run")
    bodies = Bodies(folder / "bodies")
    for number, record in _records(folder):
        try:
            yield _EVENT.validate_python(_restore(record, bodies))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _damaged(folder, number, f"{where}: {first['msg']}") from error


@dataclass(frozen=True)
class Damage:
    """A line of a trace that is not an event. `kind` says why in a word or two, `why` in a line."""

    kind: str
    why: str


def salvage(folder: Path) -> Iterator[tuple[int, dict[str, Any], Event | Damage]]:
    """Line number, content as JSON and event of every line, with what is damaged told of and passed over.

    For readers of many runs, which a damaged one must not stop; `read_trace` is for going on with a run.

    Raises:
        UserError: There is no trace, or a newer codeopt wrote it.
    """
    path = folder / TRACE_FILE
    if not path.is_file():
        raise UserError(f"{folder}: there is no {TRACE_FILE} here", "give the folder of a run")
    bodies = Bodies(folder / "bodies")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_LINE_BYTES):
            number += 1
            if not line.endswith(b"\n"):
                whole = len(line)
                while len(line) == MOST_LINE_BYTES and not line.endswith(b"\n"):
                    line = file.readline(MOST_LINE_BYTES)
                    whole += len(line)
                torn = whole < MOST_LINE_BYTES
                yield number, {}, Damage("torn line" if torn else "too long", f"{whole:,} bytes without an end" if torn else f"{whole:,} bytes")
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, {}, Damage("not JSON", " ".join(str(error).split())[:200])
                continue
            if not isinstance(record, dict):
                yield number, {}, Damage("not an event", f"a {type(record).__name__}")
                continue
            version = record.get("version", VERSION)
            if record.get("event") in ("run_started", "resumed") and isinstance(version, int) and version > VERSION:
                raise UserError(f"{path} has version {version}, this codeopt reads up to {VERSION}", "update codeopt")
            try:
                # Most lines name no body, and looking through all of a record is a good part of what reading it costs.
                filled = _restore(record, bodies) if _BODY_MARK in line else record
                yield number, record, _EVENT.validate_python(filled)
            except ValidationError as error:
                first = error.errors()[0]
                yield number, record, Damage("not an event", f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200])
            except (UserError, OSError, UnicodeDecodeError, RecursionError) as error:
                yield number, record, Damage("no body", str(error)[:200])


def _lines(folder: Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Number, bytes and content of every whole line."""
    path = folder / TRACE_FILE
    if not path.exists():
        return
    with path.open("rb") as file:
        bad = ""
        number = 0
        for number, line in enumerate(file, 1):
            if bad:
                raise _damaged(folder, number - 1, bad)
            try:
                record = json.loads(line) if line.endswith(b"\n") else None
            except ValueError as error:
                bad = str(error)
                continue
            if not isinstance(record, dict):
                bad = "not an event"
                continue
            yield number, line, record


def _records(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and content of every event, with its version and its number checked."""
    for expected, (number, _, record) in enumerate(_lines(folder)):
        version = record.get("version", VERSION)
        if record.get("event") in ("run_started", "resumed") and isinstance(version, int) and version > VERSION:
            raise UserError(
                f"{folder / TRACE_FILE} has version {version}, this codeopt reads up to {VERSION}", "update codeopt"
            )
        if record.get("seq") != expected:
            raise _damaged(folder, number, f"event {record.get('seq')} where {expected} should be")
        yield number, record


def _store(value: Any, bodies: Bodies, secrets: tuple[str, ...], durable: bool) -> Any:
    """`value` as JSON holds it: secrets blanked out, long strings moved to bodies, NaN and infinities as strings."""
    if isinstance(value, str):
        text = scrub(str(value), secrets)
        if len(text.encode("utf-8", "surrogatepass")) > INLINE_BYTES:
            return {_BODY_KEY: bodies.put(text, durable)}
        return text
    if isinstance(value, dict):
        return {
            scrub(str(key), secrets): _store(item, bodies, secrets, durable) for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_store(item, bodies, secrets, durable) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _store(str(value), bodies, secrets, durable)


def _restore(value: Any, bodies: Bodies) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and _BODY_KEY in value:
            return bodies.get(str(value[_BODY_KEY]))
        return {key: _restore(item, bodies) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore(item, bodies) for item in value]
    return value


def _take_lock(folder: Path) -> int:
    import fcntl  # here, so that on Windows the module still imports and the command line can name the supported road

    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise UserError(f"{folder}: another process is writing this run", "wait for it to end, or stop it") from None
    return lock


def _damaged(folder: Path, number: int, why: str) -> UserError:
    return UserError(
        f"{folder / TRACE_FILE}, line {number}: damaged ({why})", "restore the file from a copy, or start a new run"
    )


def _cannot_write(folder: Path, error: OSError) -> UserError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    hint = "free the disk; what was written is kept, --resume goes on" if full else "name another folder with --run"
    return UserError(f"cannot write to {folder} ({error.strerror or error})", hint)


if __name__ == "__main__":
    print(trace_markdown(), end="")
