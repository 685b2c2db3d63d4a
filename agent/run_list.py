"""The runs and evaluations that lie below a `.codeopt` folder: what came of each, and which may go."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.agent.accounts import accounts
from codeopt.errors import UserError
from codeopt.trace import TRACE_FILE, Best, Damage, Event, Resumed, RunFinished, salvage
from codeopt.types import Measurement

RUNS, EVALS = "runs", "evals"
RESULT = "result.json"
MOST_FIRST_LINE = 1 << 20
ENDS = {0: "verified", 1: "none found", 2: "refused", 130: "interrupted"}
IDENTITY = ("file", "kind", "function", "command")
"""Fields of a task that say which program it is; the others say how it is run and checked."""


@dataclass(frozen=True)
class Found:
    """One run or evaluation.

    Attributes:
        folder: Where it lies.
        kind: "run" or "eval".
        started: Seconds since the epoch; of an eval, when its folder's configuration was written.
        what: The file and function, the command, or the suite and the model.
        status: "verified", "none found", "refused" (bad input), "interrupted", "running" or "unfinished"; of an
            eval its samples.
        measurement: Of the holdout; of a run without one, of the search's best so far.
        dollars, tokens: What models cost.
        size: Bytes of all its files.
        touched: When something in it was last written.
        summary: What `result.json` holds; {} where there is none.
        task: As the trace has it.
    """

    folder: Path
    kind: str
    started: float
    what: str
    status: str
    measurement: Measurement | None
    dollars: float
    tokens: int
    size: int
    touched: float
    summary: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Plain data for --json."""
        measured = self.measurement
        return {
            "folder": str(self.folder),
            "kind": self.kind,
            "started": self.started,
            "what": self.what,
            "status": self.status,
            "measurement": measured.model_dump() if measured else None,
            "dollars": self.dollars,
            "tokens": self.tokens,
            "bytes": self.size,
        }


def listed(root: Path, kind: str) -> list[Found]:
    """The runs (`RUNS`) or evaluations (`EVALS`) below a `.codeopt` folder, oldest first; what is neither is left out."""
    folder = root / kind
    read = run_in if kind == RUNS else eval_in
    found = [one for path in (sorted(folder.iterdir()) if folder.is_dir() else ()) if (one := read(path)) is not None]
    return sorted(found, key=lambda one: (one.started, one.folder.name))


def strangers(root: Path, kind: str) -> list[Path]:
    """What lies among them and is none: it is never removed."""
    folder = root / kind
    known = {one.folder for one in listed(root, kind)}
    return [path for path in (sorted(folder.iterdir()) if folder.is_dir() else ()) if path not in known]


def run_in(folder: Path) -> Found | None:
    """The run in a folder; None where it holds none: no real folder, or no trace that begins as a run's."""
    first = _first(folder)
    if first is None:
        return None
    summary = _json(folder / RESULT)
    code = summary.get("exit_code")
    measurement = _measurement(summary.get("measurement"))
    dollars, tokens = summary.get("dollars"), summary.get("tokens")
    if not summary or dollars is None:
        # Nobody summed it up: it was killed, or it is a command's, whose functions have runs of their own.
        folders = [folder, *(path.parent for path in sorted(folder.glob(f"*/{TRACE_FILE}")))]
        events = [event for one in folders for event in _events(one)]
        spent = accounts(events)
        dollars, tokens = sum(one["dollars"] for one in spent), sum(one["tokens_in"] + one["tokens_out"] for one in spent)
        best = [event.measurement for event in events if isinstance(event, Best)]
        if not summary:
            measurement = best[-1] if best else None
            ends = [event for event in events if isinstance(event, RunFinished | Resumed)]
            code = ends[-1].exit_code if ends and isinstance(ends[-1], RunFinished) else None
    status = "running" if is_running(folder) else ENDS.get(code if isinstance(code, int) else -1, "unfinished")
    size, touched = _weight(folder)
    said = first.get("task")
    task: dict[str, Any] = said if isinstance(said, dict) else {}
    return Found(
        folder, "run", float(first["t"]), _what(task), status, measurement, float(dollars or 0), int(tokens or 0), size, touched,
        summary, task,
    )  # fmt: skip


def eval_in(folder: Path) -> Found | None:
    """The evaluation in a folder; None where it holds none."""
    config = _json(folder / "config.json") if _real(folder) else {}
    files = [folder / name for name in ("samples.jsonl", "rows.jsonl", "scores/rows.jsonl")]
    if not isinstance(config.get("suite"), str) or not any(map(_regular, files)):
        return None
    made, *scored = [_lines(file) for file in files]
    rows = [row for row in made if isinstance(row, dict)]
    size, touched = _weight(folder)
    tokens = sum(int(row.get("tokens_in") or 0) + int(row.get("tokens_out") or 0) for row in rows)
    what = " ".join(filter(None, [config["suite"], str(config.get("strategy") or ""), str(config.get("model") or "")]))
    status = ", ".join([f"{len(made)} samples"] * bool(made) + [f"{sum(map(len, scored))} scored"])
    started = (folder / "config.json").stat().st_mtime
    dollars = sum(float(row.get("dollars") or 0) for row in rows)
    return Found(folder, "eval", started, what, status, None, dollars, tokens, size, touched)


def named(text: str, root: Path) -> Found:
    """The run that a person means: a folder, or (the beginning of) a name below `root`/runs; "" is the newest one.

    Raises:
        UserError: There is none, or there are several.
    """
    if text and (Path(text) / TRACE_FILE).is_file():
        found = run_in(Path(text))
        if found is None:
            raise UserError(f"{text} holds a trace that does not begin as a run's", "give the folder of a run")
        return found
    runs = listed(root, RUNS)
    if not runs:
        raise UserError(f"no runs in {root / RUNS}", "codeopt optimize FILE makes one")
    fitting = [one for one in runs if one.folder.name == text] or [one for one in runs if one.folder.name.startswith(text)]
    if not text:
        return runs[-1]
    if not fitting:
        raise UserError(f"no run {text!r} in {root / RUNS}", "codeopt runs list shows them")
    if len(fitting) > 1:
        names = ", ".join(one.folder.name for one in fitting[:6])
        raise UserError(f"{text!r} is the beginning of {len(fitting)} runs", f"say which: {names}")
    return fitting[0]


def is_running(folder: Path) -> bool:
    """Whether a process holds the run's lock."""
    try:
        lock = os.open(folder / ".lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


# --- two runs ------------------------------------------------------------------------------------------------


def differences(a: Found, b: Found) -> tuple[list[str], list[str]]:
    """(what says that they are not the same program, what else of their tasks and machines differs), by name."""
    other = [key for key in sorted({*a.task, *b.task}) if a.task.get(key) != b.task.get(key)]
    identity = [key for key in IDENTITY if key in other]
    texts = [one.summary.get("source_sha256") for one in (a, b)]
    if all(texts):  # where both are known, the text says it and not its place
        identity = [key for key in identity if key != "file"] + ["the file's text"] * (texts[0] != texts[1])
    machines = [one.summary.get("machine") for one in (a, b)]
    rest = [key for key in other if key not in identity]
    if all(machines) and machines[0] != machines[1]:
        rest.append("machine")
    return identity, rest


def direct(a: Found, b: Found) -> str:
    """The command that measures B's result against A's; "" where one of them has none, or has flags of its own."""
    if any("new" not in one.summary.get("files", {}) or one.summary.get("flags") for one in (a, b)):
        return ""
    words = shlex.split(str(a.summary.get("verify") or ""))
    if words[:2] != ["codeopt", "verify"]:
        return ""
    return shlex.join([*words[:2], a.summary["files"]["new"], b.summary["files"]["new"], *words[4:]])


# --- what may go ---------------------------------------------------------------------------------------------


def surplus(found: Sequence[Found], keep: int | None, older_than_days: float | None, now: float | None = None) -> list[Found]:
    """Those that may go: not among the `keep` newest, and last written more than so many days ago; never a running one.

    Args:
        found: Oldest first.
        keep: None keeps none for being new.
        older_than_days: None asks for no age.
        now: Seconds since the epoch.
    """
    now = time.time() if now is None else now
    past = found if keep is None else found[: max(0, len(found) - keep)]
    old = [one for one in past if older_than_days is None or now - one.touched > older_than_days * 86400]
    return [one for one in old if one.status != "running"]


def remove(one: Found) -> None:
    """Remove a run's or an evaluation's folder, after one more look at what it is.

    Raises:
        UserError: It is none any more, a process writes it, or it cannot be removed.
    """
    again = (run_in if one.kind == "run" else eval_in)(one.folder)
    if again is None:
        raise UserError(f"{one.folder} holds no {one.kind} any more", "nothing of it was removed")
    if again.status == "running":
        raise UserError(f"{one.folder}: a process writes this run", "nothing of it was removed")
    try:
        shutil.rmtree(one.folder)
    except OSError as error:
        raise UserError(f"{one.folder} cannot be removed whole ({error.strerror})", "check its permissions") from error


# --- reading -------------------------------------------------------------------------------------------------


def _real(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def _regular(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _first(folder: Path) -> dict[str, Any] | None:
    """The first line of a run's trace, where it is that of one."""
    file = folder / TRACE_FILE
    if not (_real(folder) and _regular(file)):
        return None
    with file.open("rb") as trace:
        line = trace.readline(MOST_FIRST_LINE)
    try:
        first = json.loads(line)
    except ValueError:
        return None
    begins = isinstance(first, dict) and first.get("event") == "run_started" and isinstance(first.get("t"), int | float)
    return first if begins and line.endswith(b"\n") else None


def _events(folder: Path) -> Iterable[Event]:
    try:
        return [event for _, _, event in salvage(folder) if not isinstance(event, Damage)]
    except UserError:
        return []  # a newer codeopt wrote it


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8")) if _regular(file) else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(file: Path) -> list[Any]:
    """The rows of a file of JSON lines; a torn or damaged one does not count."""
    rows = []
    for line in file.read_bytes().split(b"\n") if _regular(file) else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def _measurement(plain: object) -> Measurement | None:
    try:
        return Measurement.model_validate(plain) if plain else None
    except ValueError:
        return None


def _what(task: Mapping[str, Any]) -> str:
    if task.get("kind") == "command" and isinstance(task.get("command"), list):
        return shlex.join(map(str, task["command"]))
    file, function = str(task.get("file") or "?"), str(task.get("function") or "")
    with suppress(ValueError):
        file = str(Path(file).relative_to(Path.cwd()))
    return f"{file}:{function}" if function else file


def _weight(folder: Path) -> tuple[int, float]:
    """Bytes of the files below a folder, and when the newest of them was written; links are not followed."""
    size, touched = 0, folder.lstat().st_mtime
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                about = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue  # a running one moves its files
            size += about.st_size
            touched = max(touched, about.st_mtime)
    return size, touched
