"""The model card: what a training made, from what, and how good it is; written anew after each evaluation."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from codeopt.agent.models.hf import split
from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.evals.compare import Difference
from codeopt.machine import library_version
from codeopt.training.conditions import asking
from codeopt.training.settings import FORMS, Settings

TEMPLATES = Path(__file__).parent / "templates"
RESULT = "training.json"
EVALS = "eval"
FOUND = "result.json"
PLOT = "curves.svg"
CURVES = {
    "loss": "loss", "eval_loss": "validation loss", "rewards/accuracies": "preferences met", "ranked_right": "ranked right",
    "rewards/speedup/mean": "reward", "speedup/ok": "verifiably faster", "speedup/not_faster": "right, not faster",
    "speedup/wrong_output": "wrong", "speedup/tampered": "tampered", "frac_reward_zero_std": "groups without a difference",
    "completions/mean_length": "tokens of an answer",
}  # fmt: skip
"""What is drawn of a log, and how it is called."""


def finished(run: Path) -> tuple[Settings, dict[str, Any]]:
    """The settings and the figures of a training that has ended.

    Raises:
        UserError: There is none.
    """
    try:
        told = json.loads((run / RESULT).read_text("utf-8"))
        settings = Settings.model_validate(told["settings"])
    except (OSError, ValueError, KeyError):
        raise UserError(f"{run} holds no training", "name the --out folder of a codeopt train") from None
    if not told["finished"]:
        raise UserError(f"the training in {run} was stopped at step {told['steps']}", "the same codeopt train command goes on with it")
    return settings, told


def trained(run: Path, settings: Settings) -> str:
    """The model that a training made, as --model takes it."""
    if settings.adapter == "full":
        return f"hf:{run / 'model'}"
    return f"hf:{split(settings.model)[0]}@{run / 'adapter'}"


def write(run: Path) -> Path:
    """Write the card of a training, README.md, there and beside the weights. Raises UserError as `finished` does."""
    settings, told = finished(run)
    base, start = split(settings.model)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["json"] = json.dumps
    series = curves(told["log"])
    drawn = draw(series, run / PLOT)
    values = {
        "s": settings, "t": told, "base": base, "start": start, "title": run.resolve().name, "form": FORMS[settings.trainer],
        "model": trained(run, settings), "sources": _sources(settings), "where": _where(told["machine"]),
        "curves": [(CURVES[name], *(f"{points[at][1]:.4g}" for at in (0, -1))) for name, points in series.items()],
        "tail": str(asking("", settings.condition)).strip(), "results": [{**one, "rows": [Difference(**row).cells() for row in one["rows"]]} for one in results(run)],
        "plot": PLOT if drawn else "",
    }  # fmt: skip
    text = environment.get_template("card.md.j2").render(values)
    (run / "README.md").write_text(text, "utf-8")
    beside = run / ("model" if settings.adapter == "full" else "adapter")
    (beside / "README.md").write_text(text, "utf-8")
    if drawn:
        (beside / PLOT).write_bytes((run / PLOT).read_bytes())
    return run / "README.md"


def results(run: Path) -> list[dict[str, Any]]:
    """The evaluations of a training, by suite."""
    return [json.loads(file.read_text("utf-8")) for file in sorted((run / EVALS).glob(f"*/{FOUND}"))]


def curves(log: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of what is drawn, by name."""
    found: dict[str, list[tuple[int, float]]] = {}
    for name in CURVES:
        points = [(int(row["step"]), float(row[name])) for row in log if isinstance(row.get(name), int | float)]
        if points:
            found[name] = points
    return found


def draw(series: Mapping[str, Sequence[tuple[int, float]]], file: Path) -> bool:
    """Draw curves over the steps, one below the other; whether matplotlib is there to do it."""
    if not series or not library_version("matplotlib"):
        return False
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 10, "svg.hashsalt": "codeopt"}), warnings.catch_warnings(action="ignore"):
        figure = Figure(figsize=(7.2, 1.5 * len(series) + 0.6), layout="constrained")
        rows = figure.subplots(len(series), sharex=True, squeeze=False)[:, 0]
        for axes, (name, points) in zip(rows, series.items()):
            axes.plot(*zip(*points), color="#0072B2", linewidth=1.4, marker="o" if len(points) < 30 else "", markersize=3)
            axes.set_ylabel(CURVES[name].replace(" ", "\n", 1), rotation=0, ha="right", va="center")
            axes.grid(color="#DDDDDD")
        rows[-1].set_xlabel("step")
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    file.write_bytes(out.getvalue())
    return True


def _sources(settings: Settings) -> dict[str, str]:
    try:
        return dict(Dataset(Path(settings.data)).manifest.sources)
    except UserError:  # the data may lie elsewhere by now
        return {}


def _where(machine: Mapping[str, Any]) -> str:
    return str(machine.get("gpu") or machine.get("cpu") or "a machine that nobody named")
