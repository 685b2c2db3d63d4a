"""Hidden inputs from visible ones: type-preserving mutations that the baseline survives.

Request: blobs, count (20), seed (0), seconds (10), call_s (limit of one call: 2).
Reply: calls ({"blob", "raised", "seconds"}), tried, rejected, not_encodable, not_encodable_why, error.
"""

from __future__ import annotations

import random
import time
from typing import Any

from .inputs_mutate import mutated_calls
from .inputs_trial import Trials
from .op_inputs import Kept


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    until = time.monotonic() + float(request.get("seconds") or 10.0)
    count = int(request.get("count") or 20)
    trials = Trials(context, float(request.get("call_s") or 2.0))
    kept = Kept(trials, count)
    visible = set(request["blobs"])
    rng = random.Random(int(request.get("seed") or 0))
    for blob in mutated_calls(context, request["blobs"], rng, 4 * count):
        if kept.full() or time.monotonic() > until:
            break
        if blob not in visible:
            kept.offer(blob, "mutated")
    calls = kept.result()
    return {
        "calls": calls,
        "tried": trials.tried,
        "rejected": trials.rejected,
        "not_encodable": trials.not_encodable,
        "not_encodable_why": trials.why,
        "error": "" if calls else "no mutation of the inputs survived: %s" % trials.last_why,
    }
