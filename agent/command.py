"""`codeopt optimize -- CMD`: profile the whole command, optimise its hottest own functions, measure end to end again.

Python commands only (a script or `python -m`). Each hot function becomes a task of kind function whose inputs are
the calls that the command really makes.
"""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codeopt import __version__
from codeopt.agent.ground import ground_of
from codeopt.agent.report import Outcome
from codeopt.agent.run import optimize
from codeopt.agent.run_folder import SOURCE, Options, shown, source_hash
from codeopt.agent.search import View
from codeopt.agent.tasks.commands import Spec, spec_of
from codeopt.agent.tasks.functions import functions_of
from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.place import place_of
from codeopt.agent.workshop import Workshop
from codeopt.config import library_of
from codeopt.errors import UserError
from codeopt.sandbox import stats
from codeopt.sandbox.choose import choose
from codeopt.sandbox.session import Broken, Sample, Session
from codeopt.trace import TRACE_FILE, RunFinished, RunStarted, TraceWriter
from codeopt.types import Measurement, Status

FEWEST_SHARE = 0.05
MOST_FUNCTIONS = 3
PAIRS = 10
FEWEST_S = 5.0  # for one function, whatever is left
_DURATION = re.compile(rb"\b\d+(?:\.\d+)?(?:e-?\d+)? ?(?:ns|us|\xc2\xb5s|ms|s|secs?|seconds?)\b")


@dataclass(frozen=True)
class Hot:
    """An own function of the command: its share of the whole, calls included, and without them."""

    file: str
    qualname: str
    share: float
    own_share: float


def optimize_command(task: Task, options: Options, view: View) -> Outcome:
    """Optimise the hottest own functions of a command.

    Raises:
        UserError: The command fails, or nothing of its time is spent in own functions.
    """
    spec = spec_of(task)
    with TraceWriter(options.run) as trace:
        if not trace.resumed:
            trace.add(
                RunStarted(
                    command=options.command,
                    task=task.model_dump(mode="json"),
                    options=shown(options),
                    machine=ground_of(task),
                    codeopt=__version__,
                    seed=options.seed,
                )
            )
            trace.note(SOURCE + source_hash(task))
        outcome = _optimize(task, spec, options, view)
        trace.add(RunFinished(exit_code=outcome.exit_code, reason=outcome.reason))
    return outcome


def _optimize(task: Task, spec: Spec, options: Options, view: View) -> Outcome:
    view.phase("profile", " ".join(task.command))
    sandbox = choose(options.sandbox, trusted=options.proposers == ("rules",))
    with Workshop(task, sandbox) as shop:
        shop.memory_limit()  # before anything is spent
        reply = _profile(shop, spec)
        hot = _hottest(reply, shop)
        total_s = float(reply.get("seconds", 0.0))
        ceiling = _amdahl(sum(item.own_share for item in hot))
        for item in hot:
            view.note(f"{item.share:.0%} in {item.qualname} ({Path(item.file).name}), {item.own_share:.0%} of its own")
        view.note(f"ceiling of the whole command if these cost nothing: {ceiling:.2f}x")
        kept_s = (3 + 2 * PAIRS) * total_s  # for the runs of the whole command, before and after
        steps, texts = _climb(task, hot, options, view, kept_s)
        measured, note = (None, "no function got faster") if not texts else _end_to_end(shop, spec, texts, view)
    return _outcome(task, options, hot, steps, texts, measured, note, ceiling, total_s)


def _profile(shop: Workshop, spec: Spec) -> dict[str, Any]:
    session = shop.project_session()
    seconds = max(60.0, shop.task.timeout_s)
    try:
        reply = session.op("profile", {"mode": "script", **spec.request(), "cwd": str(Path.cwd()), "seconds": seconds}, seconds + 30)
    except Broken as broken:
        raise UserError(f"the command does not run ({broken.status}: {broken.evidence})", "make it run first") from broken
    finally:
        session.close()
    if reply.get("exit") not in (0, None) or reply.get("error"):
        why = str(reply.get("error") or reply.get("exit")).strip().splitlines()[-1]
        raise UserError(f"the command fails ({why})", "make it run first; it has no network here")
    return reply


def _hottest(reply: dict[str, Any], shop: Workshop) -> list[Hot]:
    """The own functions with the largest own shares that can be called from outside."""
    found = []
    origin = shop.stage.root_origin
    for row in reply.get("functions", []):
        item = Hot(str(row["file"]), str(row["qualname"]), float(row["share"]), float(row["own_share"]))
        path = Path(item.file)
        if not path.is_file() or not path.is_relative_to(origin) or library_of(path) != library_of(origin / "_"):
            continue  # a virtual environment in the project is not its own
        known = {info.qualname: info for info in functions_of(path.read_text("utf-8"))}
        info = known.get(item.qualname)
        if info is not None and info.reachable and not info.is_async and item.own_share >= FEWEST_SHARE:
            found.append(item)
    if not found:
        raise UserError(
            "no own function takes a noticeable share of the command's time", "name a file and function to optimise"
        )
    return sorted(found, key=lambda item: -item.own_share)[:MOST_FUNCTIONS]


def _climb(
    task: Task, hot: list[Hot], options: Options, view: View, kept_s: float
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Optimise each function in turn; later ones in the same file start from the earlier one's result."""
    steps: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    wall = options.budget.wall_s
    until = time.monotonic() + max(0.6 * wall, wall - kept_s) if wall else math.inf
    for number, item in enumerate(hot):
        # What one function leaves of its time goes to the others.
        part_of_rest = item.own_share / sum(other.own_share for other in hot[number:])
        left = max(FEWEST_S, (until - time.monotonic()) * part_of_rest)
        budget = replace(options.budget, wall_s=left if wall else None)
        place = place_of(Path(item.file))
        part = task.model_copy(
            update={
                "kind": "function",
                "file": item.file,
                "function": item.qualname,
                "project": place.project,
                "roots": place.roots,
                "module": place.module,
            }
        )
        view.phase("function", f"{item.qualname} in {item.file}")
        folder = options.run / f"{number + 1}-{item.qualname}"
        try:
            known = (folder / TRACE_FILE).is_file()
            inner = replace(options, run=folder, budget=budget, resume=known)
            outcome = optimize(part, inner, view, source=texts.get(item.file))
        except UserError as error:
            view.note(f"{item.qualname}: {error}")
            steps.append({"function": item.qualname, "file": item.file, "error": str(error)})
            continue
        about = {"function": item.qualname, "file": item.file, "share": item.own_share, "run": str(folder)}
        steps.append({**outcome.summary, **about})
        if outcome.exit_code == 0:
            texts[item.file] = outcome.files["new"].read_text("utf-8")
        if outcome.exit_code == 130:
            raise KeyboardInterrupt
    return steps, texts


def _amdahl(share: float) -> float:
    return 1 / max(1e-3, 1 - min(share, 1.0))


class _Side:
    """The command with or without the new texts, in its own session."""

    def __init__(self, shop: Workshop, spec: Spec, texts: dict[str, str]) -> None:
        self.session: Session = shop.project_session()
        paths = {}
        for real, text in texts.items():
            paths[real] = self.session.put(Path(real).name, text.encode("utf-8", "surrogateescape"))
        overlay = self.session.put("overlay.json", json.dumps(paths).encode())
        self.argv = (
            shop.interpreter.path,
            f"{self.session.runner_path}/command.py",
            overlay,
            spec.mode,
            spec.name,
            *spec.argv,
        )
        roots = ":".join(shop.task.roots)
        self.env = {"PYTHONPATH": roots} if roots else {}

    def run(self, limit_s: float) -> Sample:
        return self.session.execute(self.argv, env=self.env, cwd=str(Path.cwd()), limit_s=limit_s)


def _untimed(output: bytes) -> bytes:
    """What a command prints, without its durations: a faster command prints other ones."""
    return _DURATION.sub(b"(time)", output)


def _end_to_end(shop: Workshop, spec: Spec, texts: dict[str, str], view: View) -> tuple[Measurement | None, str]:
    """Pairs of the whole command by the parent's wall-clock; its output is compared where it repeats itself."""
    view.phase("end to end", "the whole command, before and after")
    old, new = _Side(shop, spec, {}), _Side(shop, spec, texts)
    limit = max(60.0, shop.task.timeout_s)
    first, second, changed = old.run(limit), old.run(limit), new.run(limit)
    for sample in (first, second, changed):
        if sample.status is not Status.OK:
            return None, f"the whole command: {sample.status}: {sample.evidence}"
    if changed.exit != first.exit:
        return None, f"the whole command exits with {changed.exit} instead of {first.exit}: {changed.stderr[-300:]}"
    before, again, after = (_untimed(sample.answer) for sample in (first, second, changed))
    steady = shop.tolerance.output(before, again) == ""
    difference = shop.tolerance.output(before, after) if steady else ""
    if difference:
        return None, f"the whole command prints something else: {difference}"
    pairs = [(old.run(limit), new.run(limit)) for _ in range(PAIRS)]
    d = [math.log(a.wall_s / b.wall_s) for a, b in pairs]
    low, high = stats.interval(d)
    estimate = math.exp(stats.hodges_lehmann(d))
    measured = Measurement(
        pairs=len(d),
        speedup=estimate,
        low=math.exp(low),
        high=math.exp(high),
        p_value=stats.signed_rank_p(d),
        clock="wall",
        wall_speedup=estimate,
        baseline_s=sorted(a.wall_s for a, _ in pairs)[len(pairs) // 2],
        candidate_s=sorted(b.wall_s for _, b in pairs)[len(pairs) // 2],
    )
    return measured, "" if steady else "its output differs from run to run and was not compared"


def _outcome(
    task: Task,
    options: Options,
    hot: list[Hot],
    steps: list[dict[str, Any]],
    texts: dict[str, str],
    measured: Measurement | None,
    note: str,
    ceiling: float,
    total_s: float,
) -> Outcome:
    faster = measured is not None and measured.speedup > math.exp(stats.MARGIN) and measured.p_value < stats.ALPHA
    summary: dict[str, Any] = {
        "command": list(task.command),
        "exit_code": 0 if faster else 1,
        "verified": faster,
        "reason": note or "all functions tried",
        "measurement": measured.model_dump() if measured else None,
        "ceiling": ceiling,
        "profiled_seconds": total_s,
        "functions": steps,
        "hot": [vars(item) for item in hot],
        "files": {},
    }
    options.run.mkdir(parents=True, exist_ok=True)
    lines = [f"# {' '.join(task.command)}\n"]
    if measured is not None:
        lines.append(
            f"End to end: {measured.speedup:.2f}x (95 % interval {measured.low:.2f}-{measured.high:.2f}), "
            f"{measured.pairs} pairs by wall-clock. Ceiling by Amdahl's law: {ceiling:.2f}x.\n"
        )
    if note:
        lines.append(f"{note}\n")
    for item in steps:
        gain = item.get("measurement")
        what = f"{gain['speedup']:.2f}x" if gain else item.get("error") or item.get("reason", "")
        lines.append(f"- `{item['function']}` in {item['file']}: {what}")
    (options.run / "report.md").write_text("\n".join(lines) + "\n", "utf-8")
    (options.run / "result.json").write_text(json.dumps(summary, indent=1, default=str) + "\n", "utf-8")
    files = {"report": options.run / "report.md"}
    patches = [Path(item["files"]["patch"]) for item in steps if item.get("verified")]
    if patches:
        files["patch"] = options.run / "best.patch"
        files["patch"].write_text("".join(path.read_text("utf-8") for path in patches), "utf-8")
    return Outcome(options.run, summary["exit_code"], str(summary["reason"]), measured if faster else None, files, summary)
