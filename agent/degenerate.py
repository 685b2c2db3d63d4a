"""Whether a task's inputs can tell programs apart: asked when its workload is built, told in its notes."""

from __future__ import annotations

from collections.abc import Sequence

from codeopt.agent.workshop import Workshop
from codeopt.sandbox.compare_types import Tolerance
from codeopt.sandbox.degenerate import FEWEST, MARK, Seen, findings
from codeopt.sandbox.session import Broken
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case

MOST = 12  # inputs whose arguments are varied
EACH = 4
BYTES = 200_000


def degenerate_notes(shop: Workshop, judge: Judge, cases: Sequence[Case]) -> list[str]:
    """One line for each way in which the inputs or the tolerance say little; see `codeopt.sandbox.degenerate`."""
    single = {case.calls[0]: case for case in cases if len(case.calls) == 1}
    seen = [_seen(judge, case) for case in single.values()]
    if len(seen) < FEWEST:
        return []
    small = [blob for blob in single if len(blob) <= BYTES][:MOST]
    varied: dict[str, list[tuple[Seen, Seen]]] = {}
    for parameter in _varied(shop, small):
        pairs = [(bytes(a), bytes(b)) for a, b in parameter["pairs"]]  # type: ignore[attr-defined]
        if len(pairs) < FEWEST or parameter["name"] == "self":
            continue
        rows = varied.setdefault(str(parameter["name"]), [])
        for base, other in pairs:
            rows.append((_seen(judge, single[base]), _once(judge, other)))
            if rows[-1][0].answer != rows[-1][1].answer:
                break  # it depends on it
    return findings(seen, {name: rows for name, rows in varied.items() if rows}, Tolerance(judge.tolerance.rel, judge.tolerance.abs_))


def warnings_of(notes: Sequence[str]) -> list[str]:
    """What of a workload's notes qualifies a claim of "same behaviour"."""
    return [note.removeprefix(MARK) for note in notes if note.startswith(MARK)]


def _varied(shop: Workshop, blobs: list[bytes]) -> list[dict[str, object]]:
    try:
        reply = shop.maker().op("vary", {"blobs": blobs, "each": EACH, "seconds": 4.0}, 20.0)
    except Broken:
        return []
    found: list[dict[str, object]] = reply.get("parameters") or []
    return found


def _seen(judge: Judge, case: Case) -> Seen:
    sample = judge.expect(case)
    return Seen(case.calls[0], sample.status, sample.answer, sample.after, sample.stdout)


def _once(judge: Judge, blob: bytes) -> Seen:
    sample = judge.baseline.run(Case("varied", "varied", (blob,)), limit_s=judge.limit_s, extras=True)
    return Seen(blob, sample.status, sample.answer, sample.after, sample.stdout)
