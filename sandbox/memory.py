"""A limit on a candidate's peak memory: what the kernel counts for a fresh session that runs the checked inputs once.

All of the session counts: the interpreter (about 7 MiB), arguments and answers, files that it is the first to read. A
program is built in another session, so a compiler does not count. The figures of identical programs differ by about 1 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codeopt.sandbox.race import Finding
from codeopt.sandbox.subject import CannotStart, Subject
from codeopt.sandbox.workload import Case
from codeopt.types import Status, Usage

if TYPE_CHECKING:
    from codeopt.sandbox.verdict import Judge


@dataclass
class MemoryLimit:
    """What a judge holds candidates to.

    Attributes:
        factor: Times the baseline's peak; 0 where the limit is `mb`.
        mb: MiB; 0 where the limit is `factor`.
    """

    factor: float
    mb: float
    _baseline: dict[tuple[str, ...], float | None] = field(default_factory=dict)

    def held(self, judge: Judge, candidate: Subject, cases: Sequence[Case]) -> tuple[Usage, str, Finding | None]:
        """(what the candidate's session used, both figures in one line, what is wrong with them)."""
        try:
            candidate.session()  # where it has yet to be built, that is done here
        except CannotStart as error:
            return Usage(), "", Finding(error.status, error.evidence)
        candidate.close()
        finding = judge.check(candidate, cases)
        usage = candidate.usage()
        if finding is not None:
            return usage, "", finding
        usual = self._usual(judge, cases) if self.factor else 0.0
        if usage.peak_memory_mb is None or usual is None:
            return usage, "", Finding(Status.UNDECIDED, "the peak of the memory cannot be read any more")
        peak, most = usage.peak_memory_mb, self.factor * usual or self.mb
        of = f" ({self.factor:g} times the baseline's {usual:.1f} MiB)" if self.factor else ""
        told = f"peak memory {peak:.1f} MiB, at most {most:.1f} MiB{of}"
        return usage, told, Finding(Status.OUT_OF_MEMORY, told) if peak > most else None

    def _usual(self, judge: Judge, cases: Sequence[Case]) -> float | None:
        """The baseline's peak on the same cases; None where it cannot be read."""
        key = tuple(case.id for case in cases)
        if key not in self._baseline:
            judge.baseline.close()
            for case in cases:
                judge.baseline.run(case, limit_s=judge.limit_s, extras=True)
            self._baseline[key] = judge.baseline.usage().peak_memory_mb
        return self._baseline[key]
