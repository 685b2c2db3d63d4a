"""What a run hands back: the new file, a patch, a report, a plain pytest file, and a summary for machines."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import jinja2

from codeopt.agent.accounts import accounts
from codeopt.agent.budget import Meter
from codeopt.agent.equivalence import write_equivalence_test
from codeopt.agent.patched import patched_copy
from codeopt.agent.search import Search, Step
from codeopt.agent.tasks.model import PROMISES, Task
from codeopt.errors import UserError
from codeopt.sandbox.interpreter import Interpreter
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.workload import Workload
from codeopt.trace import read_trace
from codeopt.types import Measurement, Profile, Verdict


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        run: Its folder.
        exit_code: 0 a verified speedup, 1 none found, 130 interrupted.
        reason: Why it ended, one line.
        speedup: The holdout's measurement; None without a verified speedup.
        files: What was written, by name ("patch", "new", "report", "test").
        summary: The same facts as plain data: what `result.json` holds and `--json` prints.
    """

    run: Path
    exit_code: int
    reason: str
    speedup: Measurement | None = None
    files: dict[str, Path] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)


class Origin(Protocol):
    """What the program came from."""

    sandbox: Sandbox
    interpreter: Interpreter

    def outcome(self, source: str) -> tuple[str, str]: ...
    def close(self) -> None: ...


def write_outcome(
    run: Path,
    task: Task,
    *,
    step: Step | None,
    verdict: Verdict | None,
    exit_code: int,
    reason: str,
    workload: Workload | None,
    shop: Origin,
    search: Search | None,
    meter: Meter,
    machine: dict[str, Any],
    profile: Profile | None,
    more: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
) -> Outcome:
    """Write everything into the run's folder; see docs for the names of the files.

    Args:
        more: Further facts for the summary.
        texts: Further files, by name.
    """
    files: dict[str, Path] = {}
    for name, text in (texts or {}).items():
        files[Path(name).stem] = run / name
        (run / name).parent.mkdir(exist_ok=True)
        _write(run / name, text)
    original, new = shop.outcome(step.candidate.proposal.source if step is not None else "")
    measured = verdict.holdout if verdict is not None else None
    library: dict[str, str] = {}
    if step is not None:
        name = Path(task.file).name
        files["new"] = run / name
        files["patch"] = run / "best.patch"
        files["original"] = run / "original" / name
        files["original"].parent.mkdir(exist_ok=True)
        _write(files["original"], original)
        _write(files["new"], new)
        _write(files["patch"], patch(task, original, new))
        library = patched_copy(run, task)
        if workload is not None:
            files["test"] = write_equivalence_test(run, task, workload, step.candidate.proposal.flags)
    spent = meter.spent()
    statuses: dict[str, int] = {}
    for tried in search.statuses if search is not None else []:
        statuses[tried] = statuses.get(tried, 0) + 1
    summary: dict[str, Any] = {
        "file": task.file,
        "function": task.function,
        "exit_code": exit_code,
        "reason": reason,
        "verified": exit_code == 0,
        "measurement": measured.model_dump() if measured else None,
        "inputs": verdict.inputs.model_dump() if verdict else None,
        "setup": verdict.setup.model_dump() if verdict and verdict.setup else None,
        "usage": verdict.usage.model_dump() if verdict and verdict.usage else None,
        "sanitized": sanitized(task, verdict) if verdict else "",
        "winners": {
            "held_out": search.held_out if search is not None else 0,
            "refused": search.refused if search is not None else 0,
        },
        "notes": [*(verdict.notes if verdict else ()), *(workload.notes if workload else ())],
        "candidates": statuses,
        "not_measured": dict(search.novelty.saved) if search is not None else {},
        "seconds": round(spent.wall_s, 3),
        "dollars": spent.dollars,
        "tokens": spent.tokens,
        "models": accounts(read_trace(run)),
        "sandbox": shop.sandbox.name,
        "sandbox_note": shop.sandbox.note,
        "steps": [
            {
                "id": item.candidate.id,
                "rule": item.candidate.proposal.rule,
                "note": item.candidate.proposal.note,
                "gain": round(item.gain, 3),
            }
            for item in (search.chain if search is not None and step is not None else [])
        ],
        "simplified": {"changes": step.changes, "dropped": step.dropped} if step and step.changes else None,
        "flags": list(step.candidate.proposal.flags) if step else [],
        "source_sha256": hashlib.sha256(original.encode("utf-8", "surrogateescape")).hexdigest(),
        "files": {key: str(path) for key, path in files.items()},
        "verify": verify_command(task, files, step) if step else "",
        "library": library,
        "machine": machine,
        "versions": _versions(task, shop),
        **(more or {}),
    }
    files["report"] = run / "report.md"
    _write(files["report"], _report(summary, task, measured, profile))
    summary["files"]["report"] = str(files["report"])
    _write(run / "result.json", json.dumps(summary, indent=1, default=str) + "\n")
    return Outcome(run, exit_code, reason, measured, files, summary)


def patch(task: Task, old: str, new: str) -> str:
    """A unified diff that `git apply` and `patch -p1` take from the project's folder."""
    name = Path(task.file).relative_to(task.project) if task.project else Path(Path(task.file).name)
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def apply_result(run: Path) -> Path:
    """Put the run's new file in the place of the original. Returns the path.

    Raises:
        UserError: There is nothing to apply, or the file has changed since the run started.
    """
    result = run / "result.json"
    if not result.is_file():
        raise UserError(f"{run} has no finished run", "give the folder that codeopt optimize printed")
    summary = json.loads(result.read_text("utf-8"))
    if "functions" in summary:
        parts = [Path(item["run"]) for item in summary["functions"] if item.get("verified")]
        if not (summary["verified"] and parts):
            raise UserError(f"{run} found no verified speedup", "there is nothing to apply")
        return [apply_result(part) for part in parts][-1]
    if "new" not in summary["files"] or not (summary["verified"] or summary["exit_code"] == 0):
        raise UserError(f"{run} found no verified speedup", "there is nothing to apply")
    target = Path(summary["file"])
    if not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != summary["source_sha256"]:
        raise UserError(f"{target} has changed since the run", f"apply {summary['files']['patch']} by hand, or run again")
    new = Path(summary["files"]["new"]).read_bytes()
    part = target.with_name(f".{target.name}.codeopt")
    part.write_bytes(new)
    part.chmod(target.stat().st_mode & 0o7777)
    os.replace(part, target)
    return target


def verify_command(task: Task, files: dict[str, Path], step: Step | None) -> str:
    """The command that repeats the verdict with no search."""
    words = ["codeopt", "verify", str(files["original"]), str(files["new"])]
    words += ["--as", task.file]
    if task.function:
        words += ["--function", task.function]
    if task.language == "python" and task.python != sys.executable:
        words += ["--python", task.python]
    for flag in ("cases", "stdin", "inputs", "codec", "relations", "oracle", "device", "backward", "memory_at_most", *PROMISES):
        if value := getattr(task, flag):
            words += [f"--{flag.replace('_', '-')}", *([value] if isinstance(value, str) else [])]
    if not task.sanitize:
        words += ["--no-sanitize"]
    if task.args:
        words += ["--args", shlex.join(task.args)]
    for test in task.tests:
        words += ["--tests", test]
    if step is not None and step.candidate.proposal.flags:
        words += ["--new-flags", shlex.join(step.candidate.proposal.flags)]
    return shlex.join(words)


def _versions(task: Task, shop: Origin) -> dict[str, str]:
    if task.language == "cpp" and task.kind != "kernel":
        return {"compiler": shlex.join((task.compiler, *task.flags))}
    interpreter = shop.interpreter
    found = interpreter.versions(("numpy", "pandas", "numba", "scipy", "torch", "triton"))
    return {"interpreter": f"{interpreter.implementation} {interpreter.version} ({interpreter.path})", **found}


def _report(summary: dict[str, Any], task: Task, measured: Measurement | None, profile: Profile | None) -> str:
    text = resources.files("codeopt.agent.prompts").joinpath("report.md.j2").read_text("utf-8")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["seconds"] = seconds
    return environment.from_string(text).render(
        s=summary, task=task, m=measured, rows=profile.rows[:8] if profile else (), profile=profile
    )


def seconds(value: float) -> str:
    """A duration for people: 3 significant digits, the unit that fits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def sanitized(task: Task, verdict: Verdict) -> str:
    """What sanitizers showed of a C++ or C program, in one line; "" where they are not for it or were not reached."""
    off = task.language == "cpp" and task.kind == "program" and not task.sanitize
    return "off (--no-sanitize)" if off else verdict.sanitized


def gist(evidence: str) -> str:
    """The line of an evidence that says most: the last one of a traceback, else the first."""
    lines = evidence.strip().splitlines()
    return "" if not lines else lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror})", "free the disk; the trace is kept, --resume goes on") from error
