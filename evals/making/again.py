"""Pairs of a dataset judged again, on inputs that are made anew: is the fast one still right, and still faster?"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.evals.making.judging import Item, Judged, Program, Refused, judged
from codeopt.evals.making.keeping import restore
from codeopt.types import BASELINE, Status, Verdict

MEASURED = (Status.OK, Status.NOT_FASTER)
UNDECIDED = (Status.UNDECIDED, Status.TIMEOUT)
"""No answer was wrong, and nothing was measured."""


@dataclass
class Again:
    """What came of it.

    Attributes:
        asked: Pairs that were chosen.
        run: Those with a verdict.
        confirmed: Right, and faster: the interval lies above 1.
        not_confirmed: Right, and the interval holds 1.
        slower: Ids: right, and the interval lies below 1.
        wrong: Id -> what differs.
        no_verdict: Why there is none -> how many.
        seed: Of the inputs.
    """

    asked: int = 0
    run: int = 0
    confirmed: int = 0
    not_confirmed: int = 0
    slower: list[str] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    no_verdict: Counter[str] = field(default_factory=Counter)
    seed: int = 0

    def add(self, pair_id: str, verdict: Verdict, turned: bool) -> None:
        """Count a verdict; `turned`: the program that was judged is the slow side."""
        if verdict.status in UNDECIDED or (verdict.status in MEASURED and verdict.holdout is None):
            self.no_verdict[str(verdict.status)] += 1
            return
        self.run += 1
        if verdict.status not in MEASURED or verdict.holdout is None:
            self.wrong[pair_id] = f"{verdict.status}: {verdict.evidence}"[:300]
            return
        low, high = verdict.holdout.low, verdict.holdout.high
        if turned:
            low, high = 1 / high, 1 / max(low, 1e-9)
        if high < 1:
            self.slower.append(pair_id)
        elif low > 1:
            self.confirmed += 1
        else:
            self.not_confirmed += 1


def rerun(
    rows: Iterable[Mapping[str, Any]],
    *,
    seed: int,
    sandbox: str,
    lanes: int,
    pairs: int,
    tell: Callable[[str], None],
) -> Again:
    """Judge pairs again, each in the direction in which it was measured.

    Args:
        rows: Of `pairs`; they are all held in memory.
        seed: Of the inputs; another one is taken where a pair was made with it.
        tell: Called with a line for each pair that is wrong or slower.

    Raises:
        UserError: The engine's.
    """
    found, chosen = Again(), list(rows)
    used = {int(row["seed"]) for row in chosen}
    found.seed = next(number for number in range(seed, seed + len(used) + 1) if number not in used)
    found.asked = len(chosen)
    groups: dict[tuple[Any, ...], list[tuple[str, bool, Program]]] = {}
    for row in chosen:
        turned = row["submission_id_v1"] == BASELINE
        base, other = (row["target"], row["input"]) if turned else (row["input"], row["target"])
        flags = tuple(row["flags"])
        if turned and flags:
            found.no_verdict["the base has flags of its own"] += 1
            continue
        key = (row["language"], row["kind"], row["function"], base, row["inputs"])
        groups.setdefault(key, []).append((row["id"], turned, Program(other, flags, row["id"])))
    place = Path(tempfile.mkdtemp(prefix="codeopt-rerun-"))

    def items() -> Iterator[Item]:
        for (language, kind, function, base, inputs), members in groups.items():
            name = hashlib.sha256(json.dumps([base, inputs]).encode("utf-8", "surrogatepass")).hexdigest()[:16]
            try:
                kept = dict(json.loads(inputs)) if inputs else {}
                if kind != "function" and not kept:
                    found.no_verdict["its cases are not kept"] += len(members)
                    continue
                file = restore(place / name, base, language, kind, function, kept)
            except (ValueError, TypeError, KeyError, AttributeError):  # somebody else's dataset may hold anything
                found.no_verdict["its inputs cannot be read"] += len(members)
                continue
            yield Item(name, file, tuple(program for _, _, program in members))

    ways = {pair_id: turned for members in groups.values() for pair_id, turned, _ in members}
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        events = judged(items(), sandbox=sandbox, lanes=lanes, pairs=pairs, seed=found.seed)
        stack.callback(events.close)
        for event in events:
            if isinstance(event, Judged):
                before = len(found.wrong) + len(found.slower)
                found.add(event.program.name, event.verdict, ways[event.program.name])
                if len(found.wrong) + len(found.slower) > before:
                    tell(f"{event.program.name}: {found.wrong.get(event.program.name, 'slower now')}")
            elif isinstance(event, Refused):
                found.no_verdict[f"the base is refused: {event.why}"[:100]] += len(event.item.programs)
    return found
