"""Hardware counters of a module's kernels: what ncu is asked for, and its table as figures.

Sources: the Nsight Compute CLI manual (`--page raw --csv`: a line of names, one of units, then one for each launch) and the
Kernel Profiling Guide (sections, names of metrics, what warps wait for). Sections are asked for and not metrics: which metrics
a device has depends on its generation, and one name that it does not know ends ncu.
"""

from __future__ import annotations

import csv
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codeopt.sandbox.kernels.ptx import plain

SECTIONS = ("SpeedOfLight", "Occupancy", "ComputeWorkloadAnalysis", "WarpStateStats")
NAME = "Kernel Name"
DRAM = re.compile(r"(?:gpu__)?dram_+throughput\.avg\.pct_of_peak_sustained_elapsed")
SM = re.compile(r"sm__throughput\.avg\.pct_of_peak_sustained_elapsed")
OCCUPANCY = re.compile(r"sm__warps_active\.avg\.pct_of_peak_sustained_active")
TENSOR = re.compile(r"sm__(?:inst_executed_)?pipe_tensor\w*\.avg\.pct_of_peak_sustained_active")
STALL = re.compile(r"smsp__average_warps_issue_stalled_([a-z_]{1,40})_per_issue_active\.ratio")
WORKS = {"selected", "not_selected"}
"""Warps that could go on: no stalls."""
MOST_LAUNCHES = 16
LONGEST = 4
LEAST_TENSOR = 0.1


@dataclass(frozen=True)
class Counted:
    """What the counters say of one kernel, means over its launches; None where the device has no such counter.

    Attributes:
        dram, sm, tensor: Throughput of the memory, of the multiprocessors' busiest unit and of the tensor cores, percent of
            the peak.
        occupancy: Warps that are resident while a multiprocessor works, percent of the most.
        stall: What most of the waiting warps wait for, as the profiler names it; stalled is its share of all cycles of
            warps, percent.
    """

    dram: float | None = None
    sm: float | None = None
    tensor: float | None = None
    occupancy: float | None = None
    stall: str = ""
    stalled: float = 0.0

    def told(self) -> str:
        """All of it in one line."""
        peaks = [
            f"DRAM {self.dram:.0f} %" if self.dram is not None else "",
            f"SM {self.sm:.0f} %" if self.sm is not None else "",
            f"tensor cores {self.tensor:.0f} %" if self.tensor is not None and self.tensor > LEAST_TENSOR else "",
        ]
        found = ", ".join(filter(None, peaks))
        words = [
            f"{found} of peak" if found else "",
            f"occupancy {self.occupancy:.0f} %" if self.occupancy is not None else "",
            f"stalled by {self.stall.replace('_', ' ')} {self.stalled:.0f} %" if self.stall else "",
        ]
        return ", ".join(filter(None, words))


def asked(names: Sequence[str]) -> list[str]:
    """ncu's options for one call of a module, of whose kernels the first few are counted.

    The clocks are left as they are (setting them takes rights, and disturbs others); what is counted begins and ends where the
    program says so.
    """
    of = "|".join(dict.fromkeys(re.escape(plain(name)) for name in names[:LONGEST]))
    sections = [word for section in SECTIONS for word in ("--section", section)]
    return [
        "--csv", "--page", "raw", "--clock-control", "none", "--profile-from-start", "off", "--target-processes", "application-only",
        "--launch-count", str(MOST_LAUNCHES), "--kernel-name", f"regex:^({of})$", *sections,
    ]  # fmt: skip


def failure(text: str) -> str:
    """Why a run of ncu gave no table, in its own words; "" where it gave one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(line.startswith('"ID"') for line in lines):
        return ""
    errors = [line for line in lines if line.startswith("==ERROR==")]
    warnings = [line for line in lines if line.startswith("==WARNING==")]
    told = (errors or warnings or lines[-1:] or ["it says nothing"])[0]
    return "ncu: " + told.removeprefix("==ERROR==").removeprefix("==WARNING==").partition(". For instructions")[0].strip()[:200]


def parsed(text: str) -> dict[str, Counted]:
    """ncu's table by the kernels' own names (`plain`). What is no number is no figure."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.startswith('"ID"')), len(lines))
    values: dict[str, dict[str, list[float]]] = {}
    try:
        rows = list(csv.DictReader(line for line in lines[start:] if line.startswith('"')))
    except csv.Error:  # a program may print what looks like a table
        return {}
    for row in rows:
        if row.get(NAME):  # the line of units has none
            held = values.setdefault(plain(row[NAME]), {})
            for metric, value in row.items():
                number = _number(value)
                if number is not None:
                    held.setdefault(str(metric), []).append(number)
    return {name: _figures({metric: statistics.fmean(found) for metric, found in held.items()}) for name, held in values.items()}


def _figures(held: Mapping[str, float]) -> Counted:
    waits = {found[1]: value for metric, value in held.items() if (found := STALL.fullmatch(metric))}
    whole = sum(waits.values())
    top = max((reason for reason in waits if reason not in WORKS), key=waits.__getitem__, default="")

    def most(pattern: re.Pattern[str]) -> float | None:
        return max((value for metric, value in held.items() if pattern.fullmatch(metric)), default=None)

    stalled = 100 * waits[top] / whole if top and whole else 0.0
    return Counted(most(DRAM), most(SM), most(TENSOR), most(OCCUPANCY), top if stalled else "", stalled)


def _number(value: object) -> float | None:
    try:
        found = float(str(value).replace(",", ""))
    except ValueError:
        return None
    return found if 0 <= found < 1e15 else None
