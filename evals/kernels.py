"""Kernels as problems of a suite: right or not, and how fast beside eager, torch.compile and the roofline."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import ClassVar

from codeopt import config
from codeopt.agent.kernels.shop import KernelShop, sandbox_for
from codeopt.agent.kernels.verify import Examiner, device_of
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.lane import Lane
from codeopt.evals.rows import Row, Statistic
from codeopt.evals.speed import SpeedTask
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.types import Measurement, Status

PS = (1.0, 1.5, 2.0)


class KernelRow(Row):
    """What one sample is worth.

    Attributes:
        passed: Right on every shape.
        eager, best: Speedup over the reference run eagerly, and over the fastest of that and torch.compile: geometric
            means over shapes; 0 where it did not pass.
        verified_eager, verified: And the interval of that speedup lies above 1.
        tie: Not faster than the fastest, and at the roofline: nothing can be.
        rival: Which one was the fastest.
        share: Of the roofline, geometric mean over shapes; 0 where it is not known.
        error_ratio: The largest error of an output over what is allowed.
        close: Within KernelBench's tolerance, too.
        measured: The pairs against the fastest.
    """

    kind: ClassVar[str] = "kernel"
    headline: ClassVar[str] = "fast_1@1"
    given_pass: ClassVar[str] = "geomean_eager"
    gain_name: ClassVar[str] = "speedup over eager"
    ratio: ClassVar[bool] = True

    eager: float = 0.0
    best: float = 0.0
    verified_eager: bool = False
    verified: bool = False
    tie: bool = False
    rival: str = ""
    share: float = 0.0
    error_ratio: float = 0.0
    close: bool = False
    measured: Measurement | None = None

    @property
    def gain(self) -> float:
        """Its speedup over eager."""
        return self.eager

    @classmethod
    def at_k(cls, k: int) -> dict[str, Callable[[Sequence[KernelRow]], float]]:
        """fast_p of the best of k samples, over all subsets of k.

        fast_p = share of problems with a correct sample whose speedup is above p, strictly (KernelBench, Ouyang et al.
        2025, section 3.3), against eager and, `_best`, against the fastest of eager and torch.compile; `verified`: the
        interval lies above 1; `_or_tie` counts what stands at the roofline, too.
        """
        counted: dict[str, Callable[[KernelRow], bool]] = {
            "fast_0": lambda row: row.passed,
            **{f"fast_{p:g}": lambda row, p=p: row.passed and row.eager > p for p in PS},  # type: ignore[misc]
            **{f"fast_{p:g}_best": lambda row, p=p: row.passed and row.best > p for p in PS},  # type: ignore[misc]
            "verified": lambda row: row.verified_eager,
            "verified_best": lambda row: row.verified,
            "verified_best_or_tie": lambda row: row.verified or (row.passed and row.tie),
        }
        return {
            f"{name}@{k}": lambda group, counts=counts: metrics.pass_at_k(len(group), sum(map(counts, group)), k)  # type: ignore[misc]
            for name, counts in counted.items()
        }

    @classmethod
    def apart(cls, groups: Sequence[Sequence[KernelRow]]) -> dict[str, tuple[list[float], Statistic]]:
        """Geometric means over the samples that pass, and their share of the roofline."""
        right = [[row for row in group if row.passed and row.eager] for group in groups]
        right = [group for group in right if group]
        known = [group for group in right if all(row.share for row in group)]
        return {
            "geomean_eager": ([statistics.geometric_mean(row.eager for row in group) for group in right], statistics.geometric_mean),
            "geomean_best": ([statistics.geometric_mean(row.best for row in group) for group in right], statistics.geometric_mean),
            "roofline": ([statistics.geometric_mean(row.share for row in group) for group in known], statistics.geometric_mean),
        }

    @classmethod
    def columns(cls, ks: Sequence[int]) -> list[str]:
        """Right, faster than eager, faster than the fastest, and by how much."""
        more = [f"{name}@{k}" for k in ks if k > 1 for name in ("fast_0", "fast_1", "verified_best")]
        return [cls.headline, "fast_0@1", "verified@1", "fast_1_best@1", "verified_best@1", "geomean_eager", "geomean_best", *more]

    def told(self) -> str:
        """Its speedups, or why there are none."""
        if not self.passed:
            return self.why
        tie = ", at the roofline" if self.tie else ""
        return f"{self.eager:.2f}x eager, {self.best:.2f}x {self.rival}{tie}"


class KernelBench:
    """One kernel with its sessions, ready to judge samples.

    Raises:
        UserError: It cannot be used here: no GPU, no PyTorch, not in the form.
    """

    def __init__(self, task: SpeedTask, lane: Lane) -> None:
        said = config.load(task.file)
        device = device_of(said.device)
        if device == "cpu" and said.device is None:
            raise UserError(f"{task.task_id}: there is no GPU here", 'score it where there is one, or say device = "cpu" in its codeopt.toml')
        kernel = read_kernel(task.file, task.file.read_text("utf-8"))
        self._task = task
        # A lane's own sandbox is kept for its next problem; what shows the GPU is not what a lane was given.
        sandbox = lane.sandbox if device == "cpu" else sandbox_for("auto", device, said.python)
        self._shop = KernelShop(kernel, sandbox, device, said.python, keep_sandbox=device == "cpu", backward=bool(said.backward))
        judge = KernelJudge(self._shop.subject(Side()), rel=said.rel_tol or None)
        self._examiner = Examiner(self._shop, judge)

    def close(self) -> None:
        """End its sessions. Idempotent."""
        self._shop.close()

    def calibrate(self) -> None:
        """Run the reference on all shapes and time its rivals. Raises UserError where it fails."""
        self._examiner.learn()
        self._examiner.rivals()

    def score(self, number: int, source: str) -> KernelRow:
        """Run and judge one sample."""
        try:
            side = Side(*self._shop.kernel.module(source))
        except UserError as error:
            return self._row(number, Status.SCREEN_FAILED, error.message)
        subject = self._shop.subject(side)
        try:
            found = self._examiner.examine(subject, timed=True)
        finally:
            self._shop.forget(subject)
        row = self._row(number, found.status, found.evidence)
        if found.best is None or found.eager is None:
            return row
        shares = [one.share for one in found.rows]
        return row.model_copy(
            update={
                "passed": True,
                "eager": found.eager.speedup,
                "best": found.best.speedup,
                "verified_eager": found.eager.low > 1,
                "verified": found.accepted,
                "tie": found.tie,
                "rival": found.rival,
                "share": statistics.geometric_mean(shares) if all(shares) else 0.0,
                "error_ratio": max(one.error_ratio for one in found.rows),
                "close": all(one.close for one in found.rows),
                "measured": found.best,
            }
        )

    def _row(self, number: int, status: Status, evidence: str) -> KernelRow:
        return KernelRow(
            task_id=self._task.task_id, sample=number, passed=False, status=status, evidence=evidence.strip()[-500:]
        )
