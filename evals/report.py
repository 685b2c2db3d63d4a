"""Scored runs as one HTML page: leaderboard, plots, and where the runs come from. It needs no other file and no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codeopt import __version__
from codeopt.evals import costs, plots
from codeopt.evals.compare import Run, leaderboard, printable
from codeopt.page.html import environment

TEMPLATES = Path(__file__).parent / "templates"
ORIGIN = ("run", "suite", "model", "strategy", "sandbox", "CPU", "tokens a sample", "dollars a sample")


def page(runs: Sequence[Run], ks: Sequence[int]) -> str:
    """The page; the same runs make the same text.

    Raises:
        UserError: The runs are scored in different ways, or matplotlib is not installed.
    """
    columns, rows = leaderboard(runs, ks)
    order = {row[0]: place for place, row in enumerate(rows)}
    runs = sorted(runs, key=lambda run: order[run.name])
    spent = [costs.of(run) for run in runs]
    problems = [set(run.scores) for run in runs]
    return environment(TEMPLATES).get_template("report.html.j2").render(
        version=__version__,
        suites=sorted({str(run.config.get("suite", "?")) for run in runs}),
        columns=columns,
        rows=rows,
        same_problems=all(one == problems[0] for one in problems),
        plots=plots.draw(runs, spent),
        origin=ORIGIN,
        origins=[_origin(run, cost) for run, cost in zip(runs, spent, strict=True)],
    )


def _origin(run: Run, cost: costs.Cost | None) -> list[str]:
    machine = run.config.get("machine")
    cpu = str(machine.get("cpu", "")) if isinstance(machine, dict) else ""
    made = [cost.model, cost.strategy] if cost else ["", ""]
    tokens = f"{'≈ ' if cost.estimated else ''}{cost.tokens:,.0f}" if cost else ""
    dollars = f"{cost.dollars:.2g}" if cost and cost.dollars is not None else ""
    told = [str(run.config.get("suite", "")), *made, str(run.config.get("sandbox", "")), cpu]
    return [run.name, *map(printable, told), tokens, dollars]
