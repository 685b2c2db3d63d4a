"""`from codeopt import optimize`: what `codeopt optimize` does, for programs and notebooks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt import config
from codeopt.errors import UserError
from codeopt.types import Measurement


@dataclass(frozen=True)
class Result:
    """What came of it. True where there is a verified speedup.

    Attributes:
        run: Folder of the run, with trace, report and patch.
        reason: Why it ended.
        measured: The speedup with its interval, on inputs that the winner had not seen; None without a verified one.
        file: The program's file.
        old, new: The text before and after; equal without a verified speedup.
        summary: All facts as plain data, as `result.json` has them.
    """

    run: Path
    reason: str
    measured: Measurement | None
    file: Path
    old: str = field(repr=False)
    new: str = field(repr=False)
    summary: dict[str, Any] = field(repr=False)

    def __bool__(self) -> bool:
        return self.measured is not None

    @property
    def speedup(self) -> float:
        """Times faster; 1.0 without a verified speedup."""
        return self.measured.speedup if self.measured else 1.0

    @property
    def diff(self) -> str:
        """Unified diff."""
        lines = difflib.unified_diff(self.old.splitlines(True), self.new.splitlines(True), "before", "after", n=3)
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)

    def apply(self) -> Path:
        """Put the new text in the place of the file, which must not have changed since. Returns the file.

        Raises:
            UserError: There is no verified speedup, the file has changed, or it was a function of a notebook's cell.
        """
        from codeopt.agent.report import apply_result
        from codeopt.agent.tasks.live import PLACE

        if PLACE.absolute() in self.file.parents:
            raise UserError("it was defined in no file", "take the text from result.new")
        return apply_result(self.run)

    def __str__(self) -> str:
        if self.measured is None:
            return f"no verified speedup: {self.reason}"
        least = "at least " if self.measured.at_least else ""
        return f"{least}{self.speedup:.2f}x faster (95 % interval {self.measured.low:.2f}-{self.measured.high:.2f}), {self.measured.pairs} pairs"

    def _repr_html_(self) -> str:
        """For a notebook: the result and the change, side by side."""
        from markupsafe import escape

        colours = {"+": "#1a7f37", "-": "#cf222e", "@": "#6e7781"}
        lines = [f'<span style="color:{colours.get(line[0], "inherit")}">{escape(line)}</span>' for line in self.diff.splitlines()[2:]]
        return f"<p><b>{escape(str(self))}</b><br>{escape(self.run)}</p><pre>{chr(10).join(lines)}</pre>"


def optimize(
    what: Callable[..., Any] | str | Path,
    *,
    time: float = 300.0,
    inputs: Callable[[int, int], Any] | str | None = None,
    model: str | Sequence[str] = (),
    max_dollars: float = 1.0,
    strategy: str = "plan",
    base_url: str = "",
    sandbox: str = "auto",
    seed: int = 0,
    run: str | Path | None = None,
    quiet: bool = True,
    **settings: Any,
) -> Result:
    """Find a faster version of a function or program, prove that it does the same, and measure it.

    Args:
        what: A function (also one of a notebook's cell), FILE, FILE:FUNCTION or MODULE:FUNCTION.
        time: Seconds.
        inputs: Generator make(size, seed) of the arguments, or "FILE:NAME"; by default they are guessed.
        model: Of a server, gguf:FILE or hf:NAME; without one, rewrite rules only.
        max_dollars: Hard limit of what a model may cost.
        strategy, base_url, sandbox, seed: As on the command line.
        run: The run's folder (default: .codeopt/runs/NAME-TIME).
        quiet: Print nothing.
        settings: What a codeopt.toml says: tests, timeout, keep_signature and so on.

    Raises:
        UserError: Bad input; its message is one line, its hint says what to do.
    """
    from codeopt.agent.budget import Budget
    from codeopt.agent.proposers.base import ProposerSettings, usual
    from codeopt.agent.run import optimize as optimize_task
    from codeopt.agent.run_folder import Options, holds_run, new_run_folder
    from codeopt.agent.tasks.live import located
    from codeopt.agent.tasks.named import target
    from codeopt.cli.view import make_view
    from codeopt.sandbox.choose import check_kind

    check_kind(sandbox)
    if callable(inputs):
        made, name, _ = located(inputs)
        inputs = f"{made}:{name}"
    said: dict[str, Any] = {**settings, **({"inputs": inputs} if inputs else {})}
    text = str(what)
    if callable(what):
        file, function, written = located(what)
        text, said = str(file), {"function": function, **({"project": str(file.parent)} if written else {}), **said}
    task = target(text, config.validated(said, "optimize()"))
    models = (model,) if isinstance(model, str) else tuple(model)
    models = tuple(one for one in models if one)
    folder = Path(run or new_run_folder(Path.cwd(), task.function.rpartition(".")[2] or Path(task.file).stem)).absolute()
    if holds_run(folder):
        raise UserError(f"{folder} already holds a run", "name another one with run=")
    options = Options(
        run=folder,
        budget=Budget(wall_s=time, dollars=max_dollars),
        proposers=usual(task.kind, bool(models)),
        model=ProposerSettings(models=models, strategy=strategy, seed=seed, base_url=base_url),
        sandbox=sandbox,
        seed=seed,
        command=("codeopt.optimize", text),
    )
    old = Path(task.file).read_text("utf-8")
    with (view := make_view(quiet=quiet, as_json=False)):
        outcome = optimize_task(task, options, view)
    new = outcome.files["new"].read_text("utf-8") if outcome.speedup and "new" in outcome.files else old
    return Result(outcome.run, outcome.reason, outcome.speedup, Path(task.file), old, new, outcome.summary)
