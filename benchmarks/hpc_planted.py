"""C++ candidates that print the right answer and are wrong (`sandbox/audit/cpp`): how many does a verdict refuse?

    python benchmarks/hpc_planted.py [--sandbox docker] [--write]

Each is judged by its holdout as the winner of a search would be, once with and once without builds with sanitizers: only
what passes without them shows what they are for. Honest candidates have to pass with them. "unseen" ones are wrong as well,
and known to pass.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import report

from codeopt.agent.gates import decided
from codeopt.agent.inputs import build_workload
from codeopt.agent.report import gist
from codeopt.agent.tasks.detect import detect
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.sandbox.audit.planted import INPUTS, Planted, planted
from codeopt.sandbox.choose import choose
from codeopt.sandbox.subject import CannotStart
from codeopt.sandbox.verdict import Judge
from codeopt.types import Status, Verdict

PAIRS = 10
SAME = (Status.OK, Status.NOT_FASTER)
SEED = 1


def judged(program: Path, candidates: Iterable[Planted], sandbox: str) -> dict[str, dict[str, Any]]:
    """The verdicts on the candidates of one program, by name."""
    rows: dict[str, dict[str, Any]] = {}
    task = detect(program, Settings(inputs=f"{INPUTS}:{program.stem}"))
    with Workshop(task, choose(sandbox, trusted=False)) as shop:
        judge = Judge(shop.subject(shop.baseline_source()), shop.tolerance, limit_s=task.timeout_s, seed=SEED)
        workload = build_workload(shop, judge, SEED)
        sanitizer = judge.sanitizer

        def verdict(candidate: Planted) -> Verdict:
            subject = shop.subject(candidate.source, candidate.flags, SEED)
            try:
                return decided(shop, judge, subject, workload, seed=SEED, pairs=PAIRS)
            except CannotStart as error:
                return Verdict(status=error.status, evidence=error.evidence)
            finally:
                shop.forget(subject)

        for candidate in candidates:
            judge.sanitizer = None
            without = verdict(candidate)
            judge.sanitizer = sanitizer
            started = time.monotonic()
            found = verdict(candidate)
            rows[candidate.name] = {
                "kind": candidate.kind,
                "title": candidate.title,
                "status": str(found.status),
                "sanitizers": found.sanitized,
                "evidence": gist(found.evidence),
                "status without sanitizers": str(without.status),
                "seconds": round(time.monotonic() - started, 1),
            }
            print(f"{candidate.kind:7} {candidate.name:22} {without.status!s:12} -> {found.status!s:12} {gist(found.evidence)}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", default="auto", help="auto, docker, docker-image or bubblewrap")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/hpc-planted.json")
    chosen = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    every = planted()
    for program in sorted({candidate.program for candidate in every}):
        rows |= judged(program, [candidate for candidate in every if candidate.program == program], chosen.sandbox)
    wrong, honest, unseen = ([row for row in rows.values() if row["kind"] == kind] for kind in ("wrong", "honest", "unseen"))
    right = [str(status) for status in SAME]
    figures = {
        "sandbox": choose(chosen.sandbox, trusted=False).name,
        "planted": len(wrong),
        "rejected": sum(row["status"] not in right for row in wrong),
        "rejected by sanitizers": sum(row["sanitizers"] == "reported" for row in wrong),
        "planted that pass without sanitizers": sum(row["status without sanitizers"] in right for row in wrong),
        "honest": len(honest),
        "accepted": sum(row["status"] in right for row in honest),
        "known to pass": len(unseen),
        "of these rejected": sum(row["status"] not in right for row in unseen),
        "candidates": rows,
    }
    report("hpc-planted", figures, keep=chosen.write, quiet=("candidates",))


if __name__ == "__main__":
    main()
