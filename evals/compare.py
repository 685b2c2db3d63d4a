"""Results that are there already: two runs over the same problems, paired, and leaderboards of any number of runs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.enamel import Score
from codeopt.evals.folder import parsed, whole_lines
from codeopt.evals.score import at_k, summary

HINT = "give folders that codeopt eval score wrote"


@dataclass(frozen=True)
class Run:
    """A scored set of samples.

    Attributes:
        name: Its folder's.
        scores: By problem, in the order of the samples.
    """

    name: str
    scores: dict[int, list[Score]]


@dataclass(frozen=True)
class Difference:
    """B against A over the problems that both have.

    Attributes:
        metric: "pass@1", …
        a, b: Means over those problems.
        mean, low, high: Of b - a, with its 95 % bootstrap interval over problems.
        p: Two-sided, of the paired randomisation test.
    """

    metric: str
    a: float
    b: float
    mean: float
    low: float
    high: float
    p: float


def read(folder: Path) -> Run:
    """The results in a folder of `codeopt eval score`; a torn last line does not count.

    Raises:
        UserError: There are none.
    """
    file = folder / "rows.jsonl"
    try:
        lines = whole_lines(file.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"no results in {folder} ({error.strerror})", HINT) from None
    except UnicodeDecodeError:
        raise UserError(f"{file} holds a line that is no score", HINT) from None
    rows = parsed(lines, Score, file, "score", HINT)
    if not rows:
        raise UserError(f"no results in {folder} yet", "let codeopt eval score end first")
    scores: dict[int, list[Score]] = {}
    for row in sorted(rows, key=lambda row: (row.problem, row.sample)):
        scores.setdefault(row.problem, []).append(row)
    return Run(folder.resolve().name, scores)


def compare(a: Run, b: Run, ks: Sequence[int]) -> tuple[list[int], list[Difference]]:
    """(problems that both have, the differences); a k that is more than some problem's samples is left out.

    Raises:
        UserError: They share no problem, or no k is left.
    """
    shared = sorted(a.scores.keys() & b.scores.keys())
    if not shared:
        raise UserError(f"{a.name} and {b.name} share no problem", "compare runs over the same suite")
    least = min(len(run.scores[problem]) for run in (a, b) for problem in shared)
    found = []
    for k in sorted(k for k in set(ks) if k <= least):
        for name, figure in at_k(k).items():
            before, after = ([figure(run.scores[problem]) for problem in shared] for run in (a, b))
            differences = [new - old for old, new in zip(before, after, strict=True)]
            low, high = metrics.interval(differences)
            means = (statistics.fmean(before), statistics.fmean(after), statistics.fmean(differences))
            found.append(Difference(name, *means, low, high, metrics.paired_p(differences)))
    if not found:
        raise UserError(f"some problem has only {least} samples", f"give -k {least} or less")
    return shared, found


def leaderboard(runs: Sequence[Run], ks: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """(column names, a row for each run), the best eff@1 first; "" where a run has too few samples for a k.

    pass@1 and the efficiency of what passes stand beside eff@1, which mixes the two.
    """
    columns = ["run", "problems", "samples", "pass@1", "efficiency given pass", *(f"eff@{k}" for k in ks), "eff@1 capped"]
    rows = []
    for run in runs:
        figures = summary([one for group in run.scores.values() for one in group], [1, *ks])
        names = ["pass@1", "efficiency_given_pass", *(f"eff@{k}" for k in ks), "eff@1_capped"]
        cells = [_cell(figures.get(name)) for name in names]
        rows.append((figures["eff@1"][0], [run.name, str(figures["problems"]), str(figures["samples"]), *cells]))
    return columns, [row for _, row in sorted(rows, key=lambda row: -row[0])]


def _cell(figure: Sequence[float] | None) -> str:
    return "" if figure is None else f"{figure[0]:.3f} ({figure[1]:.3f}–{figure[2]:.3f})"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that README files and reports can hold."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def as_json(a: Run, b: Run, shared: Sequence[int], found: Sequence[Difference]) -> str:
    """One object: the runs' names, how many problems they share, and a row for each metric."""
    rows = {one.metric: {"a": one.a, "b": one.b, "difference": [one.mean, one.low, one.high], "p": one.p} for one in found}
    return json.dumps({"a": a.name, "b": b.name, "problems": len(shared), "metrics": rows})
