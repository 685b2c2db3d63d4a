"""What a scored sample is, whatever the suite, and the figures of a set of them."""

from __future__ import annotations

import statistics
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from codeopt.evals import metrics
from codeopt.evals.folder import Sampled
from codeopt.types import Record, Status

Statistic = Callable[[Sequence[float]], float]


class Row(Record):
    """A scored sample of one problem.

    Attributes:
        task_id: Of the problem, as its suite names it.
        sample: Its number among the problem's samples, from 0.
        passed: It does what was asked.
        status, evidence: OK, or why it did not pass or get further.
    """

    kind: ClassVar[str]
    """Which figures its samples have: runs of different kinds cannot be compared."""
    headline: ClassVar[str]
    """The figure by which runs are ranked."""
    given_pass: ClassVar[str]
    """The figure of `apart` that says how good the samples are that pass."""
    gain_name: ClassVar[str]
    """What `gain` is, for an axis."""
    ratio: ClassVar[bool]
    """Whether gains are ratios, which belong on a logarithmic axis."""

    task_id: str
    sample: int
    passed: bool
    status: Status
    evidence: str

    @classmethod
    @abstractmethod
    def at_k(cls, k: int) -> dict[str, Callable[[Sequence[Any]], float]]:
        """The figures of one problem's samples for a k, by name; they raise ValueError for fewer samples than k."""

    @classmethod
    @abstractmethod
    def apart(cls, groups: Sequence[Sequence[Any]]) -> dict[str, tuple[list[float], Statistic]]:
        """Further figures: the values of the problems that have one, and what sums them up."""

    @classmethod
    @abstractmethod
    def columns(cls, ks: Sequence[int]) -> list[str]:
        """Names of the figures of a leaderboard, the headline first."""

    @property
    @abstractmethod
    def gain(self) -> float:
        """What the sample is worth, as one number; 0 where it did not pass."""

    @abstractmethod
    def told(self) -> str:
        """What it is worth, in a few words."""

    @property
    def why(self) -> str:
        """Status and evidence in one line."""
        last = self.evidence.splitlines()[-1][:80] if self.evidence else ""
        return f"{self.status}: {last}" if last else str(self.status)


AnyRow = TypeVar("AnyRow", bound=Sampled)


def by_task(rows: Sequence[AnyRow]) -> dict[str, list[AnyRow]]:
    """The samples of each problem, in the order of the rows."""
    groups: dict[str, list[AnyRow]] = {}
    for row in rows:
        groups.setdefault(row.task_id, []).append(row)
    return groups


def summary(rows: Sequence[Row], ks: Sequence[int]) -> dict[str, Any]:
    """The figures of a set of samples of one kind, each as [value, low, high] with its 95 % interval over problems.

    Returns:
        problems, samples, the figures of `at_k` for each k that every problem has samples for, those of `apart`; where
        such a one is over fewer problems, NAME_problems says how many.
    """
    groups = list(by_task(rows).values())
    least = min(map(len, groups), default=0)
    figures: dict[str, Any] = {"problems": len(groups), "samples": len(rows)}
    if not rows:
        return figures
    for k in sorted(k for k in set(ks) if k <= least):
        for name, figure in rows[0].at_k(k).items():
            figures[name] = with_interval([figure(group) for group in groups])
    for name, (values, statistic) in rows[0].apart(groups).items():
        if values:
            figures[name] = with_interval(values, statistic)
            if len(values) < len(groups):
                figures[f"{name}_problems"] = len(values)
    return figures


def with_interval(values: Sequence[float], statistic: Statistic = statistics.fmean) -> list[float]:
    """[value, low, high], rounded to four digits."""
    low, high = metrics.interval(values, statistic)
    return [round(number, 4) for number in (statistic(values), low, high)]


def as_text(figures: Mapping[str, Any]) -> list[list[str]]:
    """The figures of `summary` as lines of a table: name, value, interval."""
    return [
        [name, f"{value[0]:.3f}", f"{value[1]:.3f} to {value[2]:.3f}"] if isinstance(value, list) else [name, str(value), ""]
        for name, value in figures.items()
    ]
