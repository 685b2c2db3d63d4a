"""Imported records run again: each slow program becomes a task in a folder of its own, and the engine holds the fast ones against it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from codeopt import config
from codeopt.datasets.importers import Case, Imported
from codeopt.datasets.importing import Known, Outcome
from codeopt.evals.making.judging import PAIRS, Item, Judged, Program, Refused, judged

FLOAT_TOL = 1e-6
"""For printed numbers, as the suite of PIE's programs has it."""
TESTS = "test_program.py"
MOST_CASES = 100
SUFFIXES = {"python": ".py", "cpp": ".cpp"}


def remeasure(known: Sequence[Known], sandbox: str, lanes: int, seed: int, pairs: int = PAIRS) -> Iterator[tuple[int, Outcome]]:
    """The verdict on each record, or why its slow program cannot be used here, as they become known.

    Records that start from one program and have the same cases are judged against one baseline.

    Raises:
        UserError: No sandbox works here, or there are fewer cores than lanes.
    """
    groups: dict[object, list[Known]] = {}
    for one in known:
        about = one.imported
        groups.setdefault((about.slow, about.language, about.kind, about.function, about.cases, about.tests), []).append(one)
    with tempfile.TemporaryDirectory(prefix="codeopt-import-") as place:
        taken: dict[str, list[Known]] = {}
        done: dict[str, Callable[[], None]] = {}

        def items() -> Iterator[Item]:
            for number, group in enumerate(groups.values()):
                folder = Path(place) / str(number)
                taken[str(number)] = group
                done[str(number)] = lambda folder=folder: shutil.rmtree(folder, ignore_errors=True)  # type: ignore[misc]
                yield Item(str(number), task(folder, group[0].imported), tuple(Program(one.imported.fast) for one in group))

        for event in judged(items(), sandbox=sandbox, lanes=lanes, pairs=pairs, seed=seed):
            if isinstance(event, Judged):
                yield taken[event.item.name][event.number].number, event.verdict
                if event.number + 1 < len(taken[event.item.name]):
                    continue
            elif isinstance(event, Refused):
                for one in taken[event.item.name]:
                    yield one.number, event.why.replace(place, "")
            else:
                continue
            taken.pop(event.item.name)
            done.pop(event.item.name)()


def task(folder: Path, imported: Imported) -> Path:
    """Write a slow program with what there is to check it by as docs/tasks.md has it. Returns its file."""
    folder.mkdir()
    program = folder / f"program{SUFFIXES[imported.language]}"
    program.write_text(imported.slow, "utf-8")
    settings = ['project = "."', f"kind = {json.dumps(imported.kind)}"]
    if imported.function:
        settings.append(f"function = {json.dumps(imported.function)}")
    if imported.cases and imported.kind == "program":
        settings += ['cases = "cases"', f"float_tol = {FLOAT_TOL}"]
        _cases(folder / "cases", imported.cases)
    if imported.tests and imported.kind == "function":
        settings.append(f"tests = [{json.dumps(TESTS)}]")
        (folder / TESTS).write_text(imported.tests, "utf-8")
    (folder / config.NAME).write_text("\n".join(settings) + "\n", "utf-8")
    return program


def _cases(folder: Path, cases: Sequence[Case]) -> None:
    folder.mkdir()
    for number, case in enumerate(cases[:MOST_CASES]):
        for name, content in (("input", case.stdin), ("output", case.stdout)):
            file = folder / f"{name}.{number}.txt"
            if isinstance(content, Path):
                os.symlink(content.resolve(), file)
            else:
                file.write_text(content, "utf-8")
