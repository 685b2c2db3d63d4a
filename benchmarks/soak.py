"""One run of the engine over thousands of candidates, a third of them hostile: does it hold, and what does it leave?

    python benchmarks/soak.py [--candidates 2000] [--sandbox bubblewrap] [--lanes 2] [--write]

Each candidate gets a session of its own, the check on two inputs and, where it passes, the first pairs; two lanes at
most, each with a `Judge` and a baseline that live through the whole run. An honest candidate must be found equal (or,
where it is wrong, different); a hostile one must not pass, save those that answer rightly and only leave a mess.
Afterwards everything that is left behind is counted, and the growth of the engine's own memory.
"""

from __future__ import annotations

import argparse
import gc
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

from common import in_lanes, report
from soak_hostile import MAY_PASS, hostile
from soak_leftovers import descriptors, leftovers, rss_mb, threads

from codeopt.sandbox.choose import choose, find_interpreter
from codeopt.sandbox.protocol import Limits, Mount, Sandbox
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime, Session
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Status

BASELINE = """def dedupe(xs):
    seen = []
    for x in xs:
        if x not in seen:
            seen.append(x)
    return seen
"""
RIGHT = ("return list(dict.fromkeys(xs))", "known = {}\n    for x in xs:\n        known[x] = None\n    return list(known)")
WRONG = ("return sorted(set(xs), reverse=True)", "return list(dict.fromkeys(xs))[:-1]", "return tuple(dict.fromkeys(xs))")
# Never the plain process: it sees the machine's processes, and one candidate kills all that it may signal.
ISOLATED = ("docker", "docker-image", "bubblewrap")
LIMIT_S = 1.0
IMPORT_S = 2.0
EARLY = 100  # the growth of memory is counted from here


class Soaked(FunctionSubject):
    """A candidate whose import may not hang for a minute."""

    def _load(self, session: Session) -> None:
        load = session.load
        session.load = lambda request, _: load(request, seconds=IMPORT_S)  # type: ignore[method-assign]
        super()._load(session)


def plan(count: int, seed: int) -> list[tuple[str, str, str]]:
    """(kind, name, source) of every candidate; kind is "right", "wrong" or "hostile" (a third)."""
    made = []
    for number in range(count):
        text = f"def dedupe(xs):\n    # candidate {number}\n    "
        if number % 3 == 2:
            made.append(("hostile", *hostile(number // 3)))
        elif number % 9 == 0:
            made.append(("wrong", "wrong", text + WRONG[number // 9 % len(WRONG)] + "\n"))
        else:
            made.append(("right", "right", text + RIGHT[number % len(RIGHT)] + "\n"))
    random.Random(seed).shuffle(made)
    return made


class Lane:
    """A judge and its baseline on one core."""

    def __init__(self, sandbox: Sandbox, folder: Path, core: int) -> None:
        python = find_interpreter()
        limits = Limits(memory_mb=192, pids=48, tmp_mb=32, output_mb=8, cpus=(core,))
        self.sandbox = sandbox
        self.runtime = Runtime(python.path, (Mount(folder, "/opt/soak"), *python.mounts), limits)
        self.spec = FunctionSpec("m", "dedupe", "/opt/soak/m.py", ("/opt/soak",))
        self.baseline = FunctionSubject(sandbox, self.runtime, BASELINE, self.spec)
        self.judge = Judge(self.baseline, limit_s=LIMIT_S, seed=core)

    def verdict(self, source: str, workload: Workload) -> tuple[Status, str, int]:
        """(status, evidence, pairs); OK where the checks found nothing and pairs were measured."""
        candidate = Soaked(self.sandbox, self.runtime, source, self.spec)
        try:
            race = self.judge.probe(candidate, workload)
        finally:
            candidate.close()
        if race.finding is not None:
            return race.finding.status, race.finding.evidence, len(race.wall)
        return Status.OK, "", len(race.wall)


def workload() -> Workload:
    lists = [[3, 1, 3, 2, 1], list(range(9, 0, -1)) * 3, [i * 7919 % 211 for i in range(600)]]
    cases = [Case(f"v{i}", "case", (codec.encode({"args": [xs], "kwargs": {}}),)) for i, xs in enumerate(lists)]
    return Workload(tuple(cases[:2]), tuple(cases[2:]), repeat=2)


def fits(kind: str, name: str, status: Status) -> bool:
    """Whether a verdict is right."""
    if kind == "right":
        return status is Status.OK
    if kind == "wrong":
        return status is Status.WRONG_OUTPUT
    return status not in (Status.OK, Status.UNDECIDED) or (name in MAY_PASS and status is Status.OK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=2000)
    parser.add_argument("--sandbox", choices=ISOLATED, default="bubblewrap")
    parser.add_argument("--lanes", type=int, default=2, help="candidates at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/soak.json")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    folder.chmod(0o755)
    (folder / "m.py").write_text(BASELINE)
    sandbox = choose(chosen.sandbox, trusted=False)
    lanes: dict[int, Lane] = {}
    work = workload()
    # One session before counting: what is made once (a client, the thread that starts processes) is no leak.
    warm = Lane(sandbox, folder, 0)
    warm.baseline.floor()
    warm.baseline.close()
    names = descriptors()
    before = len(names), sum("socket:" in name for name in names.values()), threads()
    verdicts: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {}
    spent: Counter[str] = Counter()
    wrong: list[str] = []
    memory: dict[str, float] = {}
    mutex = threading.Lock()
    started = time.monotonic()

    def one(item: tuple[str, str, str], core: int) -> None:
        kind, name, source = item
        if core not in lanes:
            lanes[core] = Lane(sandbox, folder, core)
        begun = time.monotonic()
        try:
            status, evidence, pairs = lanes[core].verdict(source, work)
            good = fits(kind, name, status) and (kind != "right" or pairs > 0)
        except Exception:  # an error of the engine's is counted, not fatal: the run shows whether it goes on
            status, evidence, good = Status.UNDECIDED, traceback.format_exc(), False
        with mutex:
            verdicts[kind] += 1
            by_kind.setdefault(name, Counter())[str(status)] += 1
            spent[name] += time.monotonic() - begun  # type: ignore[assignment]
            if not good:
                wrong.append(f"{name}: {status}: {evidence[-1500:]}")
                print(f"wrong: {wrong[-1]}", flush=True)
            done = verdicts.total()
            if done == min(EARLY, chosen.candidates // 2):
                memory["early"] = rss_mb()
            if done % 100 == 0:
                print(f"{done} in {time.monotonic() - started:.0f} s, {rss_mb():.1f} MB, {threads()} threads", flush=True)

    in_lanes(plan(chosen.candidates, chosen.seed), one, chosen.lanes)
    seconds = time.monotonic() - started
    gc.collect()
    memory["end"] = rss_mb()
    for lane in lanes.values():
        lane.baseline.close()
    sandbox.close()
    shutil.rmtree(folder)
    time.sleep(2)  # what the kernel and the engine end by themselves
    left = leftovers(sandbox.name == "bubblewrap", *before)
    counts = {name: found if isinstance(found, int) else len(found) for name, found in left.items()}
    for name, found in by_kind.items():
        total = sum(found.values())
        print(f"{name:22} {spent[name] / total:6.2f} s  {dict(found)}")
    for name, found_left in left.items():
        if found_left:
            print(f"left: {name}: {found_left if isinstance(found_left, int) else found_left[:10]}")
    figures = {
        "sandbox": sandbox.name,
        "candidates": verdicts.total(),
        "hostile": verdicts["hostile"],
        "hostile_kinds": sum(name not in ("right", "wrong") for name in by_kind),
        "wrong_verdicts": len(wrong),
        "leftovers": sum(counts.values()),
        "left": counts,
        "rss_growth_mb": round(memory["end"] - memory.get("early", memory["end"]), 1),
        "rss_end_mb": round(memory["end"], 1),
        "seconds": round(seconds),
        "seconds_each": round(seconds / max(1, verdicts.total()), 2),
        "lanes": chosen.lanes,
    }
    report("soak", figures, keep=chosen.write)
    sys.exit(1 if wrong or figures["leftovers"] else 0)


if __name__ == "__main__":
    main()
