"""Generated kernels for KernelBench (Ouyang et al., 2025), with the modules that they are to replace.

- a folder of KernelBench's runs: `level_1_problem_2_sample_0_kernel.py`, and its `eval_results.json` where there is one;
- the published samples: `level1/MODEL/problem_2/sample_0/kernel.json` with `level`, `problem_id`, `kernel`, `eval_result`;
- a file with an object on each line, or a list of them: `kernel` or `custom_code`, and `ref_arch_src` or `ref_code`, or
  `level` (`level_id`) and `problem_id` (`task_id`).

A module that a record does not hold is found in KernelBench's own folder (`level1/2_NAME.py`), named with --companion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codeopt.datasets.importers import (
    Bad,
    Form,
    Imported,
    Record,
    Unusable,
    checked,
    each,
    name_of,
    text,
    text_of,
)
from codeopt.datasets.importers._json import MOST_BYTES, parsed, records
from codeopt.errors import UserError

RESULTS = "eval_results.json"
_FILE = re.compile(r"level_(\d+)_problem_(\d+)_sample_(\d+)_kernel\.py")
_NUMBER = re.compile(r"\d{1,6}")


def read(path: Path, companion: Path | None) -> Iterator[Imported | Bad]:
    """The pairs of a folder or a file. Raises UserError where it cannot be read."""
    if path.is_file():
        return each(records(path), path, lambda line, record: _pair(path, line, record, companion))
    if not path.is_dir():
        raise UserError(f"there is no {path}", "name a folder of KernelBench's runs, or a file of samples")
    return _folder(path, companion)


def _folder(path: Path, companion: Path | None) -> Iterator[Imported | Bad]:
    results: dict[Path, Mapping[str, Any]] = {}
    for file in sorted(path.rglob("*")):
        found = _FILE.fullmatch(file.name)
        if found is None and file.name != "kernel.json":
            continue
        try:
            if found is None:
                yield _pair(file, 1, parsed(_bytes(file, path)), companion)
                continue
            level, problem, sample = found.groups()
            record: dict[str, Any] = {
                "level": int(level), "problem_id": int(problem), "sample_id": int(sample), "run_name": file.parent.name,
                "kernel": text_of(file, path),
            }  # fmt: skip
            if file.parent not in results:
                results[file.parent] = _results(file.parent, path)
            if said := _said(results[file.parent].get(problem), int(sample)):
                record["eval_result"] = said
            yield _pair(file, 1, record, companion)
        except Unusable as error:
            yield Bad(file, 1, error.why, error.detail)


def _pair(file: Path, line: int, record: Record, companion: Path | None) -> Imported:
    fast_key = next((key for key in ("kernel", "custom_code", "kernel_code") if record.get(key)), "kernel")
    slow_key = next((key for key in ("ref_arch_src", "ref_code") if record.get(key)), "")
    level, problem = (
        name_of(record, next((key for key in keys if record.get(key) is not None), keys[0]), "")
        for keys in (("level", "level_id"), ("problem_id", "task_id"))
    )
    if not _NUMBER.fullmatch(level) or not _NUMBER.fullmatch(problem):
        raise Unusable("missing field", "level and problem_id")
    fast = checked(text(record, fast_key), fast_key)
    slow = checked(text(record, slow_key), slow_key) if slow_key else _reference(companion, level, problem)
    sample = name_of(record, "sample_id", "")
    return Imported(
        file, line, "kernelbench-samples", record, f"level{level}/{problem}", "python", slow, fast,
        kind="kernel",
        names=("Model", f"sample_{sample}" if sample else "ModelNew"),
        model=text(record, "model_name", "") or text(record, "run_name", ""),
        wrong=_wrong(record),
    )  # fmt: skip


def _reference(companion: Path | None, level: str, problem: str) -> str:
    if companion is None:
        raise Unusable("no reference", "name KernelBench's folder with --companion")
    place = next((one for one in (companion, companion / "KernelBench") if (one / f"level{level}").is_dir()), companion)
    found = sorted((place / f"level{level}").glob(f"{problem}_*.py"))
    if not found:
        raise Unusable("no reference", f"level{level}/{problem}_*.py")
    return checked(text_of(found[0], companion), found[0].name)


def _wrong(record: Record) -> str:
    """What its own evaluation says against it."""
    said = record.get("eval_result")
    said = said["eval_0"] if isinstance(said, dict) and isinstance(said.get("eval_0"), dict) else said
    said = said if isinstance(said, dict) else record
    if said.get("compiled") is False:
        return "its source says: it does not compile"
    if said.get("correct", said.get("correctness")) is False:
        return "its source says: its results differ"
    return ""


def _results(folder: Path, root: Path) -> Mapping[str, Any]:
    """The results of a run by problem; none where there are none, or they are no JSON."""
    try:
        return parsed(_bytes(folder / RESULTS, root))
    except Unusable:
        return {}


def _said(results: Any, sample: int) -> Mapping[str, Any] | None:
    listed = results if isinstance(results, list) else [results]
    return next((one for one in listed if isinstance(one, dict) and one.get("sample_id") == sample), None)


def _bytes(file: Path, root: Path) -> bytes:
    if not file.resolve().is_relative_to(root.resolve()):
        raise Unusable("leads out of the data", file.name)
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unusable("no program", f"{file.name}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise Unusable("too long", f"over {MOST_BYTES >> 20} MiB in {file.name}")
    return data


FORM = Form("KernelBench samples (Ouyang et al., 2025)", "", read, columns={"kernelbench-samples": {"kernel": "target"}})
