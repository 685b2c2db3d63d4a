"""Whether the interval of a verdict holds what it says: a program against itself, in sessions of its own each time.

    python benchmarks/intervals.py [--verdicts 100] [--sandbox auto] [--write]

The true ratio is 1, so 95 in 100 intervals should hold it. A session's memory layout has a speed of its own, and with
layouts that stay the same for a whole verdict they do not (sandbox/runner/scatter.py).
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from common import report

from codeopt.sandbox.choose import choose, find_interpreter
from codeopt.sandbox.protocol import Limits, Mount
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Status

SOURCE = """
def total(n):
    found = 0
    for i in range(n):
        found += i * i % 7
    return found
"""
LARGE = 150_000


def case(name: str, n: int) -> Case:
    return Case(name, "grown", (codec.encode({"args": [n], "kwargs": {}}),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verdicts", type=int, default=100)
    parser.add_argument("--sandbox", default="auto", help="auto, docker, docker-image, bubblewrap or process")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/intervals.json")
    chosen = parser.parse_args()
    workload = Workload(
        tuple(case(f"v{n}", n) for n in (0, 1, 5, 20)),
        (case("t", LARGE),),
        lambda count, seed: [case(f"h{i}", 30 + i) for i in range(count)],
        lambda count, seed: [case(f"f{i}", LARGE + seed % 100 + i) for i in range(count)],
    )
    interpreter = find_interpreter(None)
    core = max(os.sched_getaffinity(0))
    started = time.monotonic()
    found, accepted = [], 0
    with tempfile.TemporaryDirectory(prefix="codeopt-") as folder:
        os.chmod(folder, 0o755)
        (Path(folder) / "m.py").write_text(SOURCE, "utf-8")
        sandbox = choose(chosen.sandbox, trusted=True)
        mount = Mount(Path(folder), "/opt/project")
        inside = sandbox.inside(mount)
        runtime = Runtime(interpreter.path, (mount, *interpreter.mounts), Limits(cpus=(core,)))
        spec = FunctionSpec("m", "total", f"{inside}/m.py", (inside,))
        for number in range(chosen.verdicts):
            pair = [FunctionSubject(sandbox, runtime, SOURCE, spec) for _ in range(2)]
            verdict = Judge(pair[0], seed=number).confirm(pair[1], workload, seed=number)
            for subject in pair:
                subject.close()
            if verdict.holdout is None:
                sys.exit(f"no figure: {verdict.status} {verdict.evidence}")
            found.append(verdict.holdout)
            accepted += verdict.status is Status.OK
        sandbox.close()
    figures = {
        "verdicts": len(found),
        "intervals_that_hold_1": sum(one.low <= 1 <= one.high for one in found),
        "accepted": accepted,
        "sd_of_log_speedup": round(statistics.stdev(math.log(one.speedup) for one in found), 4),
        "median_width": round(statistics.median(one.high - one.low for one in found), 4),
        "sandbox": sandbox.name,
        "seconds": round(time.monotonic() - started),
    }
    report("intervals", figures, keep=chosen.write)


if __name__ == "__main__":
    main()
