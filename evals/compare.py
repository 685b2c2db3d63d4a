"""Results that are there already: two runs over the same problems, paired, and leaderboards of any number of runs."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.folder import SCORES, parsed, whole_lines
from codeopt.evals.rows import Row, by_task, summary
from codeopt.evals.suites import row_of

HINT = "give folders that codeopt eval score or codeopt eval SUITE wrote"


@dataclass(frozen=True)
class Run:
    """A scored set of samples.

    Attributes:
        name: Its folder's, printable; where its samples were generated in the same go, that of the whole.
        row: What its samples are.
        scores: By task_id, in the order of the samples.
        folder: That holds the scores.
        config: What was scored, and where.
    """

    name: str
    row: type[Row]
    scores: dict[str, list[Row]]
    folder: Path
    config: dict[str, Any]

    @property
    def rows(self) -> list[Row]:
        """All samples, by problem."""
        return [row for group in self.scores.values() for row in group]


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

    def cells(self, p: str = ".3g") -> list[str]:
        """Its row of a table: metric, a, b, difference, interval, p-value (by that format)."""
        return [self.metric, f"{self.a:.3f}", f"{self.b:.3f}", f"{self.mean:+.3f}", f"{self.low:+.3f} to {self.high:+.3f}", f"{self.p:{p}}"]


def read(folder: Path) -> Run:
    """The results in a folder of `codeopt eval score` or of `codeopt eval SUITE`; a torn last line does not count.

    Raises:
        UserError: There are none.
    """
    place = folder if (folder / "rows.jsonl").exists() or not (folder / SCORES).is_dir() else folder / SCORES
    file = place / "rows.jsonl"
    try:
        config = json.loads((place / "config.json").read_text("utf-8"))
        kind = row_of(config["kind"])
        lines = whole_lines(file.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"no results in {folder} ({error.strerror})", HINT) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{folder} holds no run that can be read", HINT) from None
    rows = parsed(lines, kind, file, "score", HINT)
    if not rows:
        raise UserError(f"no results in {folder} yet", "let codeopt eval score end first")
    place = place.resolve()
    whole = place.parent if place.name == SCORES else place
    return Run(printable(whole.name), kind, by_task(sorted(rows, key=lambda row: row.sample)), place, config)


def read_all(folders: Sequence[Path]) -> list[Run]:
    """Several runs; those of the same name are called by the paths that were given. Raises UserError as `read` does."""
    runs = [read(folder) for folder in folders]
    counts = Counter(run.name for run in runs)
    return [replace(run, name=printable(str(folder))) if counts[run.name] > 1 else run for run, folder in zip(runs, folders, strict=True)]


def printable(text: str) -> str:
    """The text without what a table or a page cannot hold: folder names may have any byte."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def compare(a: Run, b: Run, ks: Sequence[int]) -> tuple[list[str], list[Difference]]:
    """(problems that both have, the differences); a k that is more than some problem's samples is left out.

    Raises:
        UserError: They share no problem, they are scored in different ways, or no k is left.
    """
    if a.row is not b.row:
        raise UserError(f"{a.name} is scored by {a.row.kind}, {b.name} by {b.row.kind}", "compare runs over the same suite")
    shared = [name for name in a.scores if name in b.scores]
    if not shared:
        raise UserError(f"{a.name} and {b.name} share no problem", "compare runs over the same suite")
    least = min(len(run.scores[problem]) for run in (a, b) for problem in shared)
    found = []
    for k in sorted(k for k in set(ks) if k <= least):
        for name, figure in a.row.at_k(k).items():
            before, after = ([figure(run.scores[problem]) for problem in shared] for run in (a, b))
            differences = [new - old for old, new in zip(before, after, strict=True)]
            low, high = metrics.interval(differences)
            means = (statistics.fmean(before), statistics.fmean(after), statistics.fmean(differences))
            found.append(Difference(name, *means, low, high, metrics.paired_p(differences)))
    if not found:
        raise UserError(f"some problem has only {least} samples", f"give -k {least} or less")
    return shared, found


def leaderboard(runs: Sequence[Run], ks: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """(column names, a row for each run), the best first; "" where a run has too few samples for a k.

    Raises:
        UserError: The runs are scored in different ways.
    """
    kinds = {run.row for run in runs}
    if len(kinds) > 1:
        raise UserError(f"the runs are scored by {' and '.join(sorted(kind.kind for kind in kinds))}", "give runs over the same suite")
    found = [(run, summary(run.rows, [1, *ks])) for run in runs]
    headline, names = runs[0].row.headline, runs[0].row.columns(ks)
    rows = [
        [run.name, str(figures["problems"]), str(figures["samples"]), *(cell(figures.get(name)) for name in names)]
        for run, figures in sorted(found, key=lambda one: -one[1][headline][0])
    ]
    return ["run", "problems", "samples", *names], rows


def cell(figure: Sequence[float] | None) -> str:
    """A figure with its interval; "" where there is none."""
    return "" if figure is None else f"{figure[0]:.3f} ({figure[1]:.3f}–{figure[2]:.3f})"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that README files and reports can hold."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def as_json(a: Run, b: Run, shared: Sequence[str], found: Sequence[Difference]) -> str:
    """One object: the runs' names, how many problems they share, and a row for each metric."""
    rows = {one.metric: {"a": one.a, "b": one.b, "difference": [one.mean, one.low, one.high], "p": one.p} for one in found}
    return json.dumps({"a": a.name, "b": b.name, "problems": len(shared), "metrics": rows})
