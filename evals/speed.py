"""How much faster a sample is than the program that it was made from, by the same verdict as `codeopt verify`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from codeopt.agent.gates import decided
from codeopt.agent.inputs import build_workload
from codeopt.agent.relations import Relations, checked_relations
from codeopt.agent.tasks.detect import detect
from codeopt.agent.verify import SLOWER
from codeopt.agent.workshop import Workshop
from codeopt.evals import metrics
from codeopt.evals.lane import Lane
from codeopt.evals.rows import Row, Statistic
from codeopt.sandbox.subject import CannotStart
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Workload
from codeopt.types import Measurement, Status

OPT = 1.10
"""From this speedup on PIE counts a program as optimised."""
SEED = 20
MOST_EVIDENCE = 500


class Gain(Row):
    """What one sample is worth.

    Attributes:
        passed: It does the same as the program on all inputs.
        verified: And it is faster: the interval lies above 1.
        speedup: On fresh inputs; 0 where it did not pass, and 1 where the gain was not honest (work moved out of what
            is timed).
        measured: The pairs on fresh inputs, with the interval.
    """

    kind: ClassVar[str] = "speedup"
    headline: ClassVar[str] = "speedup@1"
    given_pass: ClassVar[str] = "speedup_given_pass"
    gain_name: ClassVar[str] = "speedup of a sample"
    ratio: ClassVar[bool] = True

    verified: bool
    speedup: float
    measured: Measurement | None = None

    @property
    def gain(self) -> float:
        """Its speedup."""
        return self.speedup

    @property
    def credited(self) -> float:
        """The speedup as PIE counts it: a program that fails or is slower leaves the old one in place."""
        return max(1.0, self.speedup)

    @classmethod
    def at_k(cls, k: int) -> dict[str, Callable[[Sequence[Gain]], float]]:
        """Of the best of k samples: PIE's Correct, %Opt and Speedup (Shypula et al., ICLR 2024), and verified speedups.

        Over all subsets of k: PIE takes the first k.
        """
        return {
            f"pass@{k}": lambda group: metrics.pass_at_k(len(group), sum(one.passed for one in group), k),
            f"opt@{k}": lambda group: metrics.pass_at_k(len(group), sum(one.speedup >= OPT for one in group), k),
            f"verified@{k}": lambda group: metrics.pass_at_k(len(group), sum(one.verified for one in group), k),
            f"speedup@{k}": lambda group: metrics.eff_at_k([one.credited for one in group], k),
        }

    @classmethod
    def apart(cls, groups: Sequence[Sequence[Gain]]) -> dict[str, tuple[list[float], Statistic]]:
        """Geometric means: of all samples, failures as 1, and of the samples that passed."""
        every = [_geometric([one.credited for one in group]) for group in groups]
        passed = [_geometric([one.speedup for one in group if one.passed]) for group in groups if any(one.passed for one in group)]
        return {"geomean": (every, statistics.geometric_mean), "speedup_given_pass": (passed, statistics.geometric_mean)}

    @classmethod
    def columns(cls, ks: Sequence[int]) -> list[str]:
        """The mean hangs on a few large gains: the geometric one, and how many gained, stand beside it."""
        more = [f"{name}@{k}" for k in ks if k > 1 for name in ("speedup", "verified")]
        return [cls.headline, "geomean", "pass@1", "verified@1", "opt@1", "speedup_given_pass", *more]

    def told(self) -> str:
        """Its speedup, or why there is none."""
        if not self.passed:
            return self.why
        if self.measured is None:
            return f"same, no honest gain: {self.why}"
        least = "≥ " if self.measured.at_least else ""
        doubt = "" if self.verified else ", not verifiably faster"
        return f"{least}{self.speedup:.2f}x ({self.measured.low:.2f}-{self.measured.high:.2f}){doubt}"


def _geometric(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


@dataclass(frozen=True)
class SpeedTask:
    """A program that is to be made faster.

    Attributes:
        task_id: Its name in the suite.
        file: The program; a `codeopt.toml` beside it says what there is to say.
        problem_id: Of the contest problem that the program solves, as PIE names it; "" where there is none.
    """

    task_id: str
    file: Path
    problem_id: str = ""


class SpeedBench:
    """One program with its inputs, ready to judge samples.

    Raises:
        UserError: The program cannot be used here.
    """

    def __init__(self, task: SpeedTask, lane: Lane) -> None:
        self._name = task.task_id
        found = detect(task.file)
        self._shop = Workshop(found, lane.sandbox, cores=lane.cores if found.threads == 1 else ())
        baseline = self._shop.subject(self._shop.baseline_source(), seed=SEED)
        self._judge = Judge(baseline, self._shop.tolerance, limit_s=found.timeout_s, seed=SEED, patience=SLOWER)
        self._workload: Workload | None = None
        self._relations: Relations | None = None

    def close(self) -> None:
        """End its sessions. Idempotent."""
        self._shop.close()

    def calibrate(self) -> None:
        """Make the inputs, and find out how the program is timed. Raises UserError where it cannot be."""
        self._workload = build_workload(self._shop, self._judge, SEED)
        self._relations = checked_relations(self._shop, self._judge, self._workload)

    def score(self, number: int, source: str) -> Gain:
        """Judge one sample; its hidden inputs are drawn now."""
        assert self._workload is not None  # calibrate comes first
        if not source.strip():
            return self._gain(number, Status.SCREEN_FAILED, "the answer holds no program")
        candidate = self._shop.subject(source, seed=SEED + number)
        try:
            verdict = decided(
                self._shop, self._judge, candidate, self._workload, seed=SEED + 1 + number, relations=self._relations
            )
        except CannotStart as error:
            return self._gain(number, error.status, error.evidence)
        finally:
            self._shop.forget(candidate)
        passed = verdict.status in (Status.OK, Status.NOT_FASTER)
        gain = self._gain(number, verdict.status, verdict.evidence, passed=passed, verified=verdict.accepted)
        measured = verdict.holdout if passed else None
        return gain if measured is None else gain.model_copy(update={"speedup": measured.speedup, "measured": measured})

    def _gain(self, number: int, status: Status, evidence: str, *, passed: bool = False, verified: bool = False) -> Gain:
        return Gain(
            task_id=self._name,
            sample=number,
            passed=passed,
            status=status,
            evidence=evidence.strip()[-MOST_EVIDENCE:],
            verified=verified,
            speedup=float(passed),
        )
