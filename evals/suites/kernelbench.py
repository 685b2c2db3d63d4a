"""KernelBench (Ouyang et al., 2025) as it is published: a folder of level1 … level4, or the data set on the hub.

A problem's id is its level and number, "level1/23"; its file's name follows the number ("23_Softmax.py"). Data:
`KernelBench/level1/23_Softmax.py` and so on below the data folder (a checkout of the authors' repository is one).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path

from codeopt.errors import UserError
from codeopt.evals.hub import fetch
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._kernel import KernelSuite

REPOSITORY = "ScalingIntelligence/KernelBench"
LEVELS = (1, 2, 3, 4)
_FILE = re.compile(r"(\d+)_.+\.py")


class KernelBenchSuite(KernelSuite):
    """All problems of all levels, by level and number."""

    name = "kernelbench"
    licence = "KernelBench (Ouyang et al., 2025): MIT"

    def __init__(self, data: Path | None) -> None:
        folder = _folder(data)
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="codeopt-kernelbench-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            _from_hub(folder)
        found = []
        for level in LEVELS:
            numbered = [(int(name[1]), file) for file in (folder / f"level{level}").glob("*.py") if (name := _FILE.fullmatch(file.name))]
            found += [SpeedTask(f"level{level}/{number}", file, str(number)) for number, file in sorted(numbered)]
        if not found:
            raise UserError(f"no problems in {folder}", "KernelBench has level1/1_NAME.py and so on")
        self.problems = found

    def names(self) -> dict[str, SpeedTask]:
        """Numbers come again in each level: only the whole id is a name, or the file's, if no other level has it."""
        found = {task.task_id: task for task in self.problems}
        stems = [task.file.stem for task in self.problems]
        return found | {task.file.stem: task for task in self.problems if stems.count(task.file.stem) == 1}


def _folder(data: Path | None) -> Path | None:
    """The folder that holds level1; None where none is named or found."""
    root = data or (Path(os.environ["CODEOPT_DATA"]) if os.environ.get("CODEOPT_DATA") else None)
    if root is None:
        return None
    found = next((place for place in (root, root / "KernelBench", root / "kernelbench") if (place / "level1").is_dir()), None)
    if found is None and data is not None:
        raise UserError(f"no KernelBench in {data}", "its folder holds level1, level2 and so on")
    return found


def _from_hub(folder: Path) -> None:
    """Write the data set's rows as files. Raises UserError where it is not to be had."""
    for level in LEVELS:
        # fetch says what to install where nothing can be fetched: pyarrow comes with it.
        file = fetch(REPOSITORY, f"data/level_{level}-00000-of-00001.parquet")
        import pyarrow.parquet  # type: ignore[import-untyped]

        place = folder / f"level{level}"
        place.mkdir()
        for row in pyarrow.parquet.read_table(file, columns=["code", "name", "problem_id"]).to_pylist():
            name = re.sub(r"[^\w.-]+", "_", str(row["name"]))
            name = name if _FILE.fullmatch(f"{name}.py") else f"{row['problem_id']}_{name}"
            (place / f"{name}.py").write_text(row["code"], "utf-8")


def create(data: Path | None) -> KernelBenchSuite:
    """The suite. Raises UserError where its data is not there."""
    return KernelBenchSuite(data)
