"""A training as one HTML page: its curves, and what it gained where it was evaluated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt import __version__
from codeopt.errors import UserError
from codeopt.evals.compare import Difference
from codeopt.page import charts
from codeopt.page.html import environment
from codeopt.training import card
from codeopt.training.settings import CHECKPOINTS, SETTINGS

TEMPLATES = Path(__file__).parent / "templates"
STATE = "trainer_state.json"


@dataclass(frozen=True)
class Training:
    """What a folder tells of a training, whether it has ended or not.

    Attributes:
        settings: As they were said.
        told: What `training.json` holds; {} before there is one.
        log: A row for each time that something was logged.
        ended: How it ended, in a sentence.
    """

    settings: dict[str, Any]
    told: dict[str, Any]
    log: list[dict[str, Any]]
    ended: str


def read(folder: Path) -> Training:
    """A training that has ended, was stopped, or was killed: then what its last checkpoint logged.

    Raises:
        UserError: There is none.
    """
    told = _json(folder / card.RESULT)
    if isinstance(told.get("settings"), dict):
        ended = f"It ended after {told.get('steps', '?')} steps." if told.get("finished") else f"It was stopped at step {told.get('steps', '?')}; the same command goes on with it."
        return Training(told["settings"], told, _rows(told.get("log")), ended)
    settings = _json(folder / SETTINGS)
    if "trainer" not in settings:
        raise UserError(f"{folder} holds no training", "name the --out folder of a codeopt train")
    states = sorted((folder / CHECKPOINTS).glob(f"*/{STATE}"), key=lambda file: file.stat().st_mtime)
    log = _rows(_json(states[-1]).get("log_history")) if states else []
    return Training(settings, {}, log, "It has not ended: it goes on, or it was killed. The figures are those of its last checkpoint.")


def page(folder: Path) -> str:
    """The page of a training, whole in itself. Raises UserError as `read` does."""
    training = read(folder)
    series = card.curves(training.log)
    plots = []
    for name, points in series.items():
        title = card.CURVES[name]
        svg = charts.curves([charts.Curve(title, [(float(step), value) for step, value in points])], title=title, x="step", y=title, whole=True)
        plots.append((title, svg, f"{points[0][1]:.4g} at first, {points[-1][1]:.4g} at last"))
    machine = training.told.get("machine")
    where = list(machine.items()) if isinstance(machine, dict) else []
    versions = training.told.get("versions")
    where += list(versions.items()) if isinstance(versions, dict) else []
    return environment(TEMPLATES).get_template("page.html.j2").render(
        version=__version__,
        title=folder.resolve().name,
        s=training.settings,
        told=training.told,
        ended=training.ended,
        plots=plots,
        results=[found for found in map(_result, _results(folder)) if found],
        settings=[(name, json.dumps(value, default=str)) for name, value in training.settings.items()],
        where=[(str(name), value if isinstance(value, str) else json.dumps(value, default=str)) for name, value in where],
        folder=str(folder.absolute()),
    )


def _results(folder: Path) -> list[dict[str, Any]]:
    return [_json(file) for file in sorted((folder / card.EVALS).glob(f"*/{card.FOUND}"))]


def _result(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """An evaluation with its rows as text; None where it is something else."""
    try:
        rows = [Difference(**row).cells() for row in told["rows"]]
        about = f"{told['problems']} problems, {told['samples']} samples each, temperature {told['temperature']}; before is {told['before']}, after {told['after']}"
        return {"suite": told["suite"], "about": about, "rows": rows}
    except (KeyError, TypeError, ValueError):
        return None


def _rows(log: Any) -> list[dict[str, Any]]:
    return [row for row in log if isinstance(row, dict) and isinstance(row.get("step"), int)] if isinstance(log, list) else []


def _json(file: Path) -> dict[str, Any]:
    """An object in a file; {} where there is none that can be read."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
