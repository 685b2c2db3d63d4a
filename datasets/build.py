"""Runs in, a dataset out: shard by shard, and the same command goes on where it was stopped.

Runs are read in units of some megabytes, each by one process; the shards of a unit have one number in all
configurations. `.build.jsonl` in the folder has a line for each unit that is whole. Runs that came since become new
units; a run that has grown since takes its unit with it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import codeopt
from codeopt.datasets.rewrite import write_unit
from codeopt.datasets.runs import LeftOut, rows_of
from codeopt.datasets.split import split_of
from codeopt.datasets.store import MANIFEST, Manifest, finish, shards_of
from codeopt.errors import UserError
from codeopt.trace import TRACE_FILE
from codeopt.types import Record

LOG = ".build.jsonl"
LEFT_OUT = "left-out.jsonl"
UNIT_BYTES = 4 << 20
UNIT_RUNS = 256


@dataclass(frozen=True)
class Found:
    """A run: its folder, the name that rows give it, and the bytes of its trace."""

    folder: Path
    name: str
    size: int


class Unit(Record):
    """A line of the log: one unit that is written.

    Attributes:
        number: Of its shards.
        runs: Name of a run -> bytes of its trace when it was read.
        rows: Configuration -> rows.
        left_out: (file, line, kind, why) of what is not in the dataset.
    """

    number: int
    runs: dict[str, int]
    rows: dict[str, int]
    left_out: tuple[tuple[str, int, str, str], ...] = ()


@dataclass(frozen=True)
class Settings:
    """How a dataset is built; a second build into the folder has to be the same."""

    title: str
    seed: int
    shares: tuple[float, ...]
    chat: bool


@dataclass(frozen=True)
class Built:
    """What a build did.

    Attributes:
        manifest: As written.
        runs: In the dataset now.
        read: Of these, read by this build.
        left_out: Everything that is not in the dataset.
    """

    manifest: Manifest
    runs: int
    read: int
    left_out: list[LeftOut]


def build(
    roots: Sequence[Path], out: Path, settings: Settings, *, workers: int = 1, progress: Callable[[int, int], None] = lambda done, of: None
) -> Built:
    """Make a dataset of all runs below some folders, or go on with it.

    Args:
        roots: Folders of runs, or with runs somewhere below them.
        out: The dataset's folder.
        settings: How it is built.
        workers: Processes.
        progress: Told of runs read so far, and of how many there are to read.

    Raises:
        UserError: There are no runs, or `out` holds something else.
        OSError: The disk is full.
    """
    found = find_runs(roots, out)
    log = _Log(out, settings)
    todo = log.missing(found)
    units = list(_units(todo))
    read = 0
    number = log.next_number
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_ignore_interrupts) as pool:
        waiting = {}
        queue = iter(units)
        try:
            while True:
                for unit in queue:
                    waiting[pool.submit(_write, out, number, unit, settings)] = unit
                    number += 1
                    if len(waiting) >= 2 * workers:  # what waits is held in memory
                        break
                if not waiting:
                    break
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    read += len(waiting.pop(future))
                    log.add(future.result())
                    progress(read, len(todo))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    left_out = log.left_out()
    counts = Counter(one.kind for one in left_out)
    manifest = Manifest(
        title=settings.title,
        codeopt=codeopt.__version__,
        chat=settings.chat,
        seed=settings.seed,
        shares=settings.shares,
        left_out=dict(sorted(counts.items())),
    )
    lines = (json.dumps(vars(one), ensure_ascii=True) + "\n" for one in left_out)
    (out / LEFT_OUT).write_text("".join(lines), "utf-8")
    return Built(finish(out, manifest), log.runs, read, left_out)


def find_runs(roots: Iterable[Path], out: Path) -> list[Found]:
    """All runs below some folders, in the order of their names, which are unique. Raises UserError where there is none."""
    found: list[Found] = []
    names: set[str] = set()
    roots = list(roots)
    for root in roots:
        if not root.is_dir():
            raise UserError(f"{root}: no such folder", "give folders of runs, such as .codeopt/runs")
        base = root.resolve()
        for file in sorted(base.rglob(TRACE_FILE)):
            if file.is_relative_to(out.resolve()):
                continue
            name = stem = str(Path(base.name, file.parent.relative_to(base)))
            again = 1
            while name in names:
                again += 1
                name = f"{stem}#{again}"
            names.add(name)
            found.append(Found(file.parent, name, file.stat().st_size))
    if not found:
        where = " ".join(map(str, roots))
        raise UserError(f"{where}: no run is in there", f"a run is a folder with {TRACE_FILE}; codeopt optimize and codeopt data make write them")
    return found


def _units(runs: Iterable[Found]) -> Iterator[list[Found]]:
    unit: list[Found] = []
    size = 0
    for run in runs:
        bodies = run.folder / "bodies"
        own = run.size + (sum(entry.stat().st_size for entry in os.scandir(bodies)) if bodies.is_dir() else 0)
        if unit and (size + own > UNIT_BYTES or len(unit) >= UNIT_RUNS):
            yield unit
            unit, size = [], 0
        unit.append(run)
        size += own
    if unit:
        yield unit


def _write(out: Path, number: int, unit: list[Found], settings: Settings) -> Unit:
    """Read the runs of a unit and write its shards; in a process of its own."""
    rows: dict[str, list[dict[str, Any]]] = {}
    left: list[LeftOut] = []
    told: set[str] = set()
    for run in unit:
        made, missing = rows_of(run.folder, run.name)
        left += missing
        for config, own in made.items():
            if config == "pairs":  # the same program in two runs: one example, whose figures are the first run's
                own = [row for row in own if row["id"] not in told]
                told.update(row["id"] for row in own)
            rows.setdefault(config, []).extend(own)
    problems = {row["problem_id"] for own in rows.values() for row in own}
    split = {problem: split_of(problem, settings.seed, settings.shares) for problem in problems}
    counts = write_unit(out, number, rows, split, settings.chat)
    told_of = tuple((one.file, one.line, one.kind, one.why) for one in left)
    return Unit(number=number, runs={run.name: run.size for run in unit}, rows=counts, left_out=told_of)


class _Log:
    """What is written already."""

    def __init__(self, out: Path, settings: Settings) -> None:
        self.out = out
        self.file = out / LOG
        first = json.dumps(vars(settings))
        if not self.file.is_file():
            if out.exists() and (not out.is_dir() or any(out.iterdir())):
                raise UserError(f"{out} exists and no build is to be gone on with there", "name another folder with --out")
            out.mkdir(parents=True, exist_ok=True)
            self.file.write_text(first + "\n", "utf-8")
        lines = self.file.read_text("utf-8").splitlines(keepends=True)
        if json.loads(lines[0]) != json.loads(first):
            raise UserError(f"{out} was built with other settings ({lines[0].strip()})", "use these, or name another folder with --out")
        if (out / MANIFEST).is_file() and json.loads((out / MANIFEST).read_bytes()).get("filters"):
            raise UserError(f"{out} was filtered since it was built", "name another folder with --out")
        whole = [line for line in lines[1:] if line.endswith("\n")]  # a torn last line is a unit that is not whole
        self._units = {unit.number: unit for unit in map(Unit.model_validate_json, whole)}
        self._save(settings)

    @property
    def next_number(self) -> int:
        return 1 + max(self._units, default=-1)

    @property
    def runs(self) -> int:
        return sum(len(unit.runs) for unit in self._units.values())

    def missing(self, found: Sequence[Found]) -> list[Found]:
        """The runs that are not in the dataset as they are now; units that hold an older state of one are dropped."""
        sizes = {run.name: run.size for run in found}
        for unit in list(self._units.values()):
            if any(sizes.get(name, size) != size for name, size in unit.runs.items()):
                del self._units[unit.number]
                self._remove(unit.number)
        known = {name for unit in self._units.values() for name in unit.runs}
        # A kill between two shards leaves some of a unit that is in no line.
        numbers = {shard.number for place in (self.out / "data").glob("*") for shard in shards_of(self.out, place.name)}
        for number in numbers - self._units.keys():
            self._remove(number)
        for part in (self.out / "data").glob("*/*.part"):
            part.unlink()
        return [run for run in found if run.name not in known]

    def add(self, unit: Unit) -> None:
        self._units[unit.number] = unit
        with self.file.open("a", encoding="utf-8") as file:
            file.write(unit.model_dump_json() + "\n")

    def left_out(self) -> list[LeftOut]:
        return [LeftOut(*one) for number in sorted(self._units) for one in self._units[number].left_out]

    def _save(self, settings: Settings) -> None:
        text = "".join(unit.model_dump_json() + "\n" for unit in self._units.values())
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(vars(settings)) + "\n" + text, "utf-8")
        os.replace(part, self.file)

    def _remove(self, number: int) -> None:
        for file in (self.out / "data").glob(f"*/*-{number:05}.parquet"):
            file.unlink()


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, when the units in hand are whole
