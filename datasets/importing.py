"""Imports: published pairs as a dataset, with what their source claims and what was measured here.

Records are taken in units of some thousands; a unit's shards are written when all of its records are judged. Verdicts
are kept in a journal as they come, so that work that was interrupted goes on where it was:

    OUT/.import/state.json          what is imported, from where, and what was counted so far
    OUT/.import/unit-00007.jsonl    verdicts of the unit at hand
    OUT/left-out.jsonl              the records that were left out: file, line, why
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import codeopt
from codeopt.datasets.importers import Bad, Form, Imported
from codeopt.datasets.records import REFUSED, Failure, Pair
from codeopt.datasets.rewrite import write_unit
from codeopt.datasets.runs import diff, figures, loc, pair_id
from codeopt.datasets.split import SHARES, split_of
from codeopt.datasets.store import MANIFEST, Filter, Manifest, finish, replace
from codeopt.errors import UserError
from codeopt.types import Status, Verdict

LEFT_OUT = "left-out.jsonl"
FOLDER = ".import"
UNIT_RECORDS = 2048
UNIT_CHARACTERS = 64 << 20
SHOWN = 20
FASTER = 1.1
"""From this speedup on PIE counts a program as optimised."""
MOST_EVIDENCE = 2000


class Known(NamedTuple):
    """A record with its number in the input."""

    number: int
    imported: Imported


Outcome = Verdict | str
"""What became of a record that was run again: the verdict, or why it could not be run."""
Remeasure = Callable[[Sequence[Known]], Iterator[tuple[int, Outcome]]]


@dataclass(frozen=True)
class Settings:
    """How an import is made.

    Attributes:
        name: Of the form.
        path: What is imported.
        source, licence: In place of the form's own; "" for those.
        seed, shares: Of the split by problem.
        chat: The trainers' forms are conversational.
        limit: Records that are taken; 0 for all.
        machine, versions: JSON: what it is measured on; "" where nothing is.
    """

    name: str
    path: Path
    source: str = ""
    licence: str = ""
    seed: int = 0
    shares: tuple[float, float, float] = SHARES
    chat: bool = False
    limit: int = 0
    machine: str = ""
    versions: str = ""


@dataclass
class Counted:
    """What an import came to.

    Attributes:
        claimed, claimed_faster: Pairs that were read, and those whose source claims `FASTER` or more.
        measured, faster: Pairs that were found the same and verifiably faster here, and those by `FASTER` or more.
        failed: Status -> records that are not pairs here.
    """

    claimed: int = 0
    claimed_faster: int = 0
    measured: int = 0
    faster: int = 0
    failed: dict[str, int] = field(default_factory=dict)

    def told(self) -> str:
        """In a line."""
        wrong = sum(count for status, count in self.failed.items() if status not in (REFUSED, *_NO_GAIN))
        parts = [
            f"claimed ≥{FASTER}: {self.claimed_faster} of {self.claimed}",
            f"measured ≥{FASTER}: {self.faster} of {self.measured} verified",
            f"wrong here: {wrong}",
            f"no verified gain: {sum(self.failed.get(status, 0) for status in _NO_GAIN)}",
            f"could not be run: {self.failed.get(REFUSED, 0)}",
        ]
        return "; ".join(parts)


_NO_GAIN = (Status.NOT_FASTER.value, Status.UNDECIDED.value)


def bring_in(form: Form, records: Iterable[Imported | Bad], out: Path, settings: Settings, remeasure: Remeasure | None, say: Callable[[str], None]) -> tuple[Manifest, Counted]:
    """Write a dataset of imported records, or go on with one that was interrupted.

    Args:
        form: Of the records.
        records: As `form.read` gives them: the same again where work goes on.
        out: The dataset's folder; new, empty, or one in which this import was begun.
        settings: How.
        remeasure: Runs records again; None to believe their claims.
        say: Told of the first records that are left out, and of the progress.

    Raises:
        UserError: `out` holds something else, another process writes it, or there is no record to take.
    """
    state = _State(out, settings, remeasure is not None)
    try:
        left_out: Counter[str] = Counter()
        units = _units(_taken(records, settings.limit, out, left_out, say))
        for unit, known in enumerate(units):
            if unit < state.next:
                continue
            kept = state.journal(unit)
            outcomes = dict(kept.entries)
            waiting = [one for one in known if not one.imported.wrong and one.number not in outcomes]
            if remeasure is not None and waiting:
                for number, outcome in remeasure(waiting):
                    outcomes[number] = outcome
                    kept.add(number, outcome)
            kept.close()
            counted = _write(out, unit, known, outcomes, form, settings, remeasure is not None, state.counted)
            state.done(unit, counted)
            say(f"{counted.claimed} records, {counted.measured} measured" if remeasure else f"{counted.claimed} pairs")
        if not state.counted.claimed:
            why = f"{left_out.total()} records left out, see {out / LEFT_OUT}" if left_out else "it is empty"
            raise UserError(f"{settings.path}: no pair of the form {settings.name} ({why})", "name the form that it is in")
        done = Filter(
            name="remeasure", before=state.counted.claimed, after=state.counted.measured, told=state.counted.told(),
            parameters={"import": settings.name},
        )  # fmt: skip
        manifest = Manifest(
            title=f"Pairs of slow and fast programs: {settings.source or form.source or settings.path.name}",
            codeopt=codeopt.__version__,
            chat=settings.chat,
            seed=settings.seed,
            shares=settings.shares,
            left_out=dict(left_out),
            filters=(done,) if remeasure else (),
        )
        written = finish(out, manifest)
        state.close(remove=True)
        return written, state.counted
    finally:
        state.close(remove=not state.worth())


def _taken(records: Iterable[Imported | Bad], limit: int, out: Path, left_out: Counter[str], say: Callable[[str], None]) -> Iterator[Imported]:
    """The first records that can be used; the others among them are written down and counted."""
    part = out / f"{LEFT_OUT}.part"
    taken = 0
    with part.open("w", encoding="utf-8") as file:
        for one in records:
            if isinstance(one, Imported):
                yield one
                taken += 1
                if taken == limit:
                    break
                continue
            left_out[one.why] += 1
            file.write(json.dumps({"file": str(one.file), "line": one.line, "why": one.why, "detail": one.detail}) + "\n")
            if left_out.total() <= SHOWN:
                say(f"left out: {one}")
    if left_out.total() > SHOWN:
        say(f"left out: {left_out.total()} records in all, see {out / LEFT_OUT}")
    os.replace(part, out / LEFT_OUT)


def _units(records: Iterator[Imported]) -> Iterator[list[Known]]:
    """Records in groups that memory can hold, the same ones each time."""
    unit: list[Known] = []
    size = 0
    for number, imported in enumerate(records):
        unit.append(Known(number, imported))
        size += len(imported.slow) + len(imported.fast) + len(imported.tests)
        if len(unit) == UNIT_RECORDS or size > UNIT_CHARACTERS:
            yield unit
            unit, size = [], 0
    if unit:
        yield unit


def _write(
    out: Path, number: int, known: Sequence[Known], outcomes: Mapping[int, Outcome], form: Form, settings: Settings, measured: bool, so_far: Counted
) -> Counted:  # fmt: skip
    """Write the shards of a unit. Returns what was counted up to and with it."""
    counted = Counted(**asdict(so_far))
    rows: dict[str, list[dict[str, Any]]] = {Pair.config: [], Failure.config: []}
    for at, imported in known:
        counted.claimed += 1
        counted.claimed_faster += (imported.claimed or 0.0) >= FASTER
        outcome: Outcome | None = outcomes.get(at)
        if imported.wrong:
            outcome = Verdict(status=Status.WRONG_OUTPUT, evidence=imported.wrong)
        if outcome is None and measured:
            outcome = "it was not run"
        if outcome is None or (isinstance(outcome, Verdict) and outcome.accepted and outcome.holdout):
            row = pair(imported, outcome if isinstance(outcome, Verdict) else None, form, settings)
            rows[Pair.config].append(row.model_dump())
            counted.measured += row.proof == "holdout"
            counted.faster += row.proof == "holdout" and row.speedup >= FASTER
        else:
            fallen = failure(imported, outcome, form, settings)
            rows[Failure.config].append(fallen.model_dump())
            counted.failed[fallen.status] = counted.failed.get(fallen.status, 0) + 1
    problems = {row["problem_id"] for row in itertools.chain(*rows.values())}
    write_unit(out, number, rows, {name: split_of(name, settings.seed, settings.shares) for name in problems}, settings.chat)
    return counted


def pair(imported: Imported, verdict: Verdict | None, form: Form, settings: Settings) -> Pair:
    """A row of `pairs`: as its source claims it without a verdict, as it was measured with one."""
    found = verdict.holdout if verdict else None
    claimed = imported.claimed
    about: dict[str, Any] = {
        "measured_runtime_v0": imported.seconds[0],
        "measured_runtime_v1": imported.seconds[1],
        "runtime_lift": imported.seconds[0] / imported.seconds[1] if imported.seconds[0] and imported.seconds[1] else None,
        "speedup": claimed if claimed is not None else 1.0,
        "proof": "claimed",
    }
    if verdict and found:
        about = {**figures(found), "proof": "holdout", "machine": settings.machine, "versions": settings.versions}
        about |= {"visible": sum(verdict.inputs.visible.values()), "hidden": sum(verdict.inputs.hidden.values())}
    return Pair(
        **_common(imported, form, settings),
        **about,
        id=pair_id(imported.language, (), imported.slow, imported.fast),
        submission_id_v0=imported.names[0],
        submission_id_v1=imported.names[1],
        diff=diff(imported.slow, imported.fast),
        code_v0_loc=loc(imported.slow),
        code_v1_loc=loc(imported.fast),
        claimed_speedup=claimed,
        codeopt=codeopt.__version__,
        extra=packed(imported, form),
    )


def failure(imported: Imported, outcome: Outcome, form: Form, settings: Settings) -> Failure:
    """A row of `failures`: what was wrong or no faster here, or could not be run."""
    verdict = outcome if isinstance(outcome, Verdict) else None
    found = (verdict.holdout or verdict.search) if verdict else None
    return Failure(
        **_common(imported, form, settings),
        status=verdict.status.value if verdict else REFUSED,
        evidence=(verdict.evidence if verdict else str(outcome))[-MOST_EVIDENCE:],
        speedup=found.speedup if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        claimed_speedup=imported.claimed,
        extra=packed(imported, form),
        candidate=imported.names[1],
    )


def packed(imported: Imported, form: Form) -> str:
    """The record as `extra` keeps it: its form and its fields in their order; a column's name for what stands in that column.

    Half surrogates stay escaped: the text is ASCII.
    """
    columns = form.columns.get(imported.form, {})
    stands = {"input": imported.slow, "target": imported.fast}
    fields = {
        name: {"column": columns[name]} if name in columns and value == stands[columns[name]] else value
        for name, value in imported.record.items()
    }
    return json.dumps({"form": imported.form, "fields": fields}, separators=(",", ":"))


def _common(imported: Imported, form: Form, settings: Settings) -> dict[str, Any]:
    return {
        "run": imported.file.name,
        "problem_id": imported.problem_id,
        "language": imported.language,
        "kind": imported.kind,
        "function": imported.function,
        "input": imported.slow,
        "target": imported.fast,
        "origin": "imported",
        "rule": imported.model,
        "source": settings.source or form.source or settings.path.name,
        "licence": settings.licence or form.licence,
        "seed": settings.seed,
    }


class _State:
    """What is known of an import that is under way, and its lock."""

    def __init__(self, out: Path, settings: Settings, measured: bool) -> None:
        self._folder = out / FOLDER
        known = {LEFT_OUT, f"{LEFT_OUT}.part", FOLDER, "data"}
        there = {path.name for path in out.iterdir()} if out.is_dir() else set()
        begun = (self._folder / "state.json").is_file()
        if out.exists() and (not out.is_dir() or MANIFEST in there or there - known or ("data" in there and not begun)):
            raise UserError(f"{out} exists and is not an empty folder", "name another one with --out")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise UserError(f"{out}: another process is writing it", "wait for it to end, or stop it") from None
        self._key = _key(settings, measured)
        self.next, self.counted = 0, Counted()
        if begun:
            try:
                found = json.loads((self._folder / "state.json").read_bytes())
                self.next, self.counted = found["next"], Counted(**found["counted"])
            except (ValueError, KeyError, TypeError) as error:
                self.close()
                raise UserError(f"{self._folder} cannot be read ({type(error).__name__})", f"remove {out} and import again") from error
            if found["key"] != self._key:
                self.close()
                raise UserError(f"{out} was begun from another input or with other options", "name another one with --out, or remove it")
        else:
            self._save()

    def journal(self, unit: int) -> _Journal:
        """The verdicts of a unit that are known already, open for more."""
        return _Journal(self._folder / f"unit-{unit:05}.jsonl")

    def done(self, unit: int, counted: Counted) -> None:
        """A unit's shards are written."""
        self.next, self.counted = unit + 1, counted
        self._save()
        (self._folder / f"unit-{unit:05}.jsonl").unlink(missing_ok=True)

    def _save(self) -> None:
        replace(self._folder / "state.json", json.dumps({"key": self._key, "next": self.next, "counted": asdict(self.counted)}))

    def worth(self) -> bool:
        """Whether there is something to go on with."""
        return self.next > 0 or any(file.stat().st_size for file in self._folder.glob("unit-*.jsonl"))

    def close(self, remove: bool = False) -> None:
        """Let go of the lock. Idempotent."""
        if self._lock >= 0:
            if remove:
                shutil.rmtree(self._folder)
                (self._folder.parent / f"{LEFT_OUT}.part").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1


def _key(settings: Settings, measured: bool) -> str:
    """A digest of what makes two imports the same: the input by name, size and time, and the options."""
    stat = settings.path.stat()
    what = [str(settings.path.resolve()), stat.st_size, stat.st_mtime_ns, asdict(settings) | {"path": "", "machine": "", "versions": ""}, measured]
    return hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()


class _Journal:
    """Verdicts by the number of their record, appended as they come; a torn last line is cut."""

    def __init__(self, file: Path) -> None:
        self.entries: dict[int, Outcome] = {}
        whole = 0
        if file.is_file():
            for line in file.read_bytes().splitlines(keepends=True):
                try:
                    found = json.loads(line) if line.endswith(b"\n") else {}
                    verdict = found["verdict"]
                    self.entries[found["number"]] = verdict if isinstance(verdict, str) else Verdict.model_validate(verdict)
                except (ValueError, KeyError):  # torn: these records are run again
                    break
                whole += len(line)
            os.truncate(file, whole)
        self._file = file.open("a", encoding="utf-8")

    def add(self, number: int, outcome: Outcome) -> None:
        verdict = outcome if isinstance(outcome, str) else outcome.model_dump(mode="json")
        self._file.write(json.dumps({"number": number, "verdict": verdict}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
