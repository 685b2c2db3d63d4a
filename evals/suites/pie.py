"""PIE (Shypula et al., ICLR 2024): C++ and Python programs of competitions, with the test cases of their problems.

Data: `pie/test.jsonl` below the data folder, a program on each line as its authors publish it, and the test cases as
`pie/merged_test_cases/PROBLEM/input.N.txt` and `output.N.txt` (or `public_test_cases`, `generated_test_cases`).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from codeopt import config
from codeopt.errors import UserError
from codeopt.evals.humaneval import folder_of
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._speed import SpeedSuite

FILE = "test.jsonl"
CASES = ("merged_test_cases", "public_test_cases", "generated_test_cases")
IDS = ("src_id", "submission_id_v0")
SOURCES = ("src_code", "input")
SUFFIXES = {"c++": ".cpp", "cpp": ".cpp", "python": ".py"}
FLOAT_TOL = 1e-6
"""For printed numbers. The authors take what is within 1e-3, and do not count the tokens."""


class Pie(SpeedSuite):
    """The programs of a test file."""

    name = "pie"
    licence = "PIE (Shypula et al., ICLR 2024): Apache-2.0; its programs and cases are CodeNet's: CDLA-Permissive-2.0"

    def __init__(self, data: Path | None) -> None:
        self._file = folder_of(data, "pie", FILE) / FILE
        cases = next((self._file.parent / name for name in CASES if (self._file.parent / name).is_dir()), None)
        if cases is None:
            raise UserError(f"no test cases in {self._file.parent}", f"unpack them there as {CASES[0]}/PROBLEM/input.N.txt")
        self._cases = cases
        self._folder = Path(tempfile.mkdtemp(prefix="codeopt-pie-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        try:
            rows = [json.loads(line) for line in filter(str.strip, self._file.read_text("utf-8").split("\n"))]
            self.problems = [self._task(number, row) for number, row in enumerate(rows)]
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise UserError(f"{self._file} is no file of PIE ({type(error).__name__}: {error})", "take it as published") from None

    def _task(self, number: int, row: dict[str, Any]) -> SpeedTask:
        name = str(next((row[key] for key in IDS if row.get(key)), number))
        source = next(row[key] for key in SOURCES if row.get(key))
        language = str(row.get("language") or ("c++" if "#include" in source else "python")).lower()
        place = self._folder / str(number)
        (place / "cases").mkdir(parents=True)
        program = place / f"program{SUFFIXES[language]}"
        program.write_text(source, "utf-8")
        (place / config.NAME).write_text(f'project = "."\nkind = "program"\ncases = "cases"\nfloat_tol = {FLOAT_TOL}\nsanitize = false\n', "utf-8")
        self._link(row, place / "cases")
        return SpeedTask(name, program, str(row["problem_id"]))

    def _link(self, row: dict[str, Any], place: Path) -> None:
        """The cases that the row names, or all of its problem's; a program without any says so when it is used."""
        tests = row.get("tests")
        wanted = json.loads(tests) if isinstance(tests, str) else tests
        for path in sorted((self._cases / str(row["problem_id"])).glob("*.txt")):
            side, _, index = path.stem.partition(".")
            if side in ("input", "output") and (wanted is None or int(index) in wanted):
                os.symlink(path.resolve(), place / path.name)


def create(data: Path | None) -> Pie:
    """The suite. Raises UserError where its data is not there."""
    return Pie(data)
