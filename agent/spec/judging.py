"""One round of measurement for a way: the board's consensus and times, the profile of the best, and rules on top of it."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from codeopt.agent.budget import Budget, Meter
from codeopt.agent.profiling import profile_of
from codeopt.agent.proposers.base import ProposerSettings
from codeopt.agent.proposers.rules import create as rules
from codeopt.agent.search import Quiet, Search
from codeopt.agent.spec.board import Board, Entry
from codeopt.agent.spec.ways import Judged
from codeopt.sandbox.workload import Workload
from codeopt.trace import TraceWriter
from codeopt.types import Profile

PROFILE_S = 2.0
HOT_ROWS = 6
INTERESTING = ("numpy",)


def judged(board: Board) -> Judged:
    """What a way is told after its programs were added to the board."""
    found = board.judge()
    best = found.best
    failed = {entry.source: why for entry in found.entries if entry is not best and (why := _why(entry, best))}
    programs = sum(entry.votes for entry in found.entries)
    if best is None:
        return Judged(failed=failed, distinct=len(found.entries), programs=programs)
    profile = _profile(board, best)
    return Judged(
        best=best.source,
        seconds=best.seconds,
        confidence=found.confidence,
        failed=failed,
        hot=_hot(best.source, profile),
        distinct=len(found.entries),
        programs=programs,
        right=tuple(entry.source for entry in found.entries if entry.chosen and not entry.evidence),
        held=best.held,
        inputs=found.inputs,
    )


def _why(entry: Entry, best: Entry | None) -> str:
    if entry.evidence:
        return entry.evidence
    if not entry.chosen:
        return "its results differ from those of most other answers"
    if entry.seconds is None or best is None or not best.seconds:
        return ""
    return f"right, and takes {entry.seconds / best.seconds:.2f} times as long as the best"


def _profile(board: Board, best: Entry) -> Profile | None:
    timed = board.found.timed
    return profile_of(board.shop, Workload((), timed), best.source, PROFILE_S) if timed else None


def _hot(source: str, profile: Profile | None) -> tuple[str, ...]:
    lines = source.split("\n")
    rows = [row for row in profile.rows if 0 < row.line <= len(lines)] if profile else []
    return tuple(f"{row.share:.0%}  line {row.line}: {lines[row.line - 1].strip()[:120]}" for row in rows[:HOT_ROWS])


def polished(board: Board, seconds: float, seed: int) -> str:
    """The best program after rewrite rules had their turn on it, where that was faster and as right; else as it is."""
    best, found = board.found.best, board.found
    if best is None or not found.timed or not found.cases:
        return best.source if best else ""
    judge = board.judge_of(best)
    workload = Workload((*found.cases, found.timed[0]), found.timed, repeat=judge.calibrate(found.timed[0]))
    profile = _profile(board, best)
    meter = Meter(Budget(wall_s=seconds))
    with tempfile.TemporaryDirectory(prefix="codeopt-") as folder, TraceWriter(Path(folder) / "run") as trace:
        search = Search(
            board.shop,
            judge,
            workload,
            [rules(ProposerSettings())],
            meter,
            trace,
            Quiet(),
            profile=lambda source: profile if source == best.source else None,
            facts={"available": board.shop.interpreter.available(INTERESTING)},
            time_left=lambda: (meter.remaining().wall_s or 0.0) if seconds < math.inf else math.inf,
            seed=seed,
        )
        search.run()
    if search.best is None:
        return best.source
    board.add(search.best.candidate.proposal.source, 0)
    board.judge()
    return found.best.source if found.best else best.source
