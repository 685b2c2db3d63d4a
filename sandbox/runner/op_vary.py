"""Change one argument of a call to that of another call, and see whether the program survives it.

Request: blobs (encoded calls), each (5, variations of one argument), seconds (5), call_s (1).
Reply: parameters: [{"name", "pairs": [[blob, varied blob], …]}], in the order of the arguments. The name is that of the
function's parameter, or "argument N". An argument that is the same in all calls has no pairs.
"""

from __future__ import annotations

import inspect
import time
from typing import Any

from .inputs_trial import Trials


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    until = time.monotonic() + float(request.get("seconds") or 5.0)
    each = int(request.get("each") or 5)
    trials = Trials(context, float(request.get("call_s") or 1.0))
    blobs = [blob for blob in request["blobs"] if blob]
    shapes = [shape(context.codec.decode_live(blob)) for blob in blobs]
    places = shapes[0] if shapes else []
    alike = [blob for blob, found in zip(blobs, shapes) if found == places]
    parameters = []
    for index, place in enumerate(places):
        pairs: list[list[bytes]] = []
        for number in range(4 * each * len(alike)):
            if len(pairs) >= each or time.monotonic() > until:
                break
            base, other = alike[number % len(alike)], alike[(number + 1 + number // len(alike)) % len(alike)]
            varied = swapped(context.codec, base, other, place)
            if varied and varied != base and [base, varied] not in pairs and survives(trials, base, varied):
                pairs.append([base, varied])
        parameters.append({"name": name_of(context.function, place, index), "pairs": pairs})
    return {"parameters": parameters}


def shape(call: dict[str, Any]) -> list[Any]:
    return [*range(len(call["args"])), *sorted(call["kwargs"])]


def swapped(codec: Any, base: bytes, other: bytes, place: Any) -> bytes:
    """The first call with one argument of the second; b"" where that cannot be encoded."""
    call, donor = codec.decode_live(base), codec.decode_live(other)
    holder = "args" if isinstance(place, int) else "kwargs"
    call[holder] = list(call[holder]) if holder == "args" else call[holder]
    call[holder][place] = donor[holder][place]
    try:
        blob: bytes = codec.encode(call)
    except codec.Unencodable:
        return b""
    return blob


def survives(trials: Trials, *blobs: bytes) -> bool:
    outcomes = [trials.run(blob) for blob in blobs]
    return all(outcome.ok and not outcome.raised for outcome in outcomes)


def name_of(function: Any, place: Any, index: int) -> str:
    if isinstance(place, str):
        return place
    try:
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        names = []
    return names[index] if index < len(names) else "argument %d" % (index + 1)
