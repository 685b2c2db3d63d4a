"""Whether an output is near enough to the truth, by the numbers that the reference's process took (runner/kernel_error.py).

The bound of `codeopt.sandbox.oracle`, over a whole tensor:

    error(candidate) <= max(2 E, min(sqrt(n) eps S, rel S))

with E the reference's own error (on one input it is a matter of luck: where a candidate is up to `UNSURE` times beyond the bound,
the largest one relative to S over further inputs counts), S the 2-norm of the truth, n the numbers that one element can depend on, eps of the
output's type and rel the task's tolerance; and no single element may be off by more than four times the same bound in the
maximum norm. KernelBench's tolerance is reported beside it and decides nothing: permuted sums fail it, and NaN passes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeopt.sandbox.oracle import FEWEST_TERMS, SINGLE

REL = {"float64": 1e-9, "float32": 1e-4}
SHORT_REL = 1e-2  # of types shorter than float32
UNSURE = 4.0
PROBED = 2.0  # elements of timed calls are held against the reference's, which has an error of its own


@dataclass(frozen=True)
class Error:
    """How far one output is from the truth.

    Attributes:
        relative, base_relative: error / S, of the candidate and of the reference.
        ratio: error / what is allowed; above 1 the output is wrong.
        near: By how much a single element may be away from the reference's.
        close: Within KernelBench's tolerance.
        told: "" or what is wrong.
    """

    relative: float
    base_relative: float
    ratio: float
    near: float
    close: bool
    told: str = ""


def judged(row: Mapping[str, Any], dtype: str, rel: float | None = None, others: Sequence[Mapping[str, Any]] = ()) -> Error:
    """The judgement on one output.

    Args:
        row: What `kernel_error.row` said.
        dtype: Of the output.
        rel: The task's tolerance; by default KernelBench's for that type.
        others: What it said of the reference's own output on further inputs.
    """
    differ, close = int(row["differ"]), bool(row["close"])
    if not row["floats"]:
        told = f"{differ} integers differ" if differ else ""
        return Error(0.0, 0.0, math.inf if differ else 0.0, 0.0, close, told)
    eps, scale, peak_scale = float(row["eps"]), float(row["scale"]), float(row["peak_scale"])
    error, base, peak, base_peak = (float(row[key]) for key in ("error", "base_error", "peak", "base_peak"))
    for other in others:
        if other["scale"] and other["peak_scale"]:
            base = max(base, float(other["base_error"]) / float(other["scale"]) * scale)
            base_peak = max(base_peak, float(other["base_peak"]) / float(other["peak_scale"]) * peak_scale)
    rounding = math.sqrt(max(FEWEST_TERMS, int(row["terms"]))) * eps
    tolerance = REL.get(dtype, SHORT_REL) if rel is None else rel
    allowed = max(2 * base, min(rounding, tolerance) * scale)
    single = SINGLE * max(2 * base_peak, rounding * peak_scale)
    told = ""
    if differ:
        told = f"NaN or infinity in {differ} elements where the reference has a number, or the other way round"
    elif not error <= allowed:
        told = f"its error against the oracle is {error:.3g}, the reference's {base:.3g}; {allowed:.3g} is allowed"
    elif not peak <= single:
        told = f"one element is off by {peak:.3g}, the reference's worst by {base_peak:.3g}; {single:.3g} is allowed"
    size = scale or 1.0
    ratio = error / allowed if allowed else (math.inf if error else 0.0)
    return Error(error / size, base / size, math.inf if differ else ratio, PROBED * single, close, told)
