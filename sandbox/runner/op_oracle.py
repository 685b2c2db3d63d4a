"""Ask the oracle of a numerical function: a user's own in higher precision, or the program itself on longer floats.

Request: calls (encoded), way: "probe" | "given" (file, name of the user's function) | "float64" | "longdouble";
near (how many neighbouring inputs: 6), seconds (60, of all), call_s (10, of one call with its neighbours).
Reply of a probe: way ("" where no cast works), why. Of the others: answers, one for each call, either {"why"} (with
"raises" where the program itself raises) or
{"pairs": [[of the program, of the oracle], …], "delta", "eps", "count", "longest"}. A pair holds encoded
[value, [arguments, keywords] after the call], the first for the input itself, the others for neighbours: the same
input with each float changed by about the relative `delta`. A user's oracle says nothing about the arguments.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

from .inputs_trial import in_child, invoke
from .oracle_numbers import cast, exact, floats, is_numpy, measure, nudged

PROBES = 6
TINY = {"float64": 2.0**-44, "longdouble": 2.0**-58}
STEP = 4.0  # neighbours are this many eps away, so that rounding them leaves the distance about as it is
SLOW_S = 0.25
BYTES = 32 << 20

Function = Callable[[Any], Any]


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    until = time.monotonic() + float(request.get("seconds") or 60.0)
    limit = float(request.get("call_s") or 10.0)
    if request["way"] == "probe":
        return probe(request["calls"], context, limit)
    oracle = oracle_of(request, context)
    answers: list[dict[str, Any]] = []
    for blob in request["calls"]:
        left = min(limit, until - time.monotonic())
        if left <= 0:
            answers.append({"why": "no time was left"})
            continue

        def work(blob: bytes = blob, left: float = left) -> dict[str, Any]:
            return answer(blob, context, oracle, int(request.get("near", 6)), left)

        answers.append(in_child(work, left) or {"why": "it did not end in %.1f s, or it crashed" % left})
    return {"answers": answers}


def oracle_of(request: dict[str, Any], context: Any) -> Function:
    """From a decoded call to [value, after]."""
    if request["way"] != "given":
        return lambda call: called(context.function, cast(call, request["way"]))
    path, name = request["file"], request["name"]
    spec = importlib.util.spec_from_file_location("codeopt_oracle", path)
    if spec is None or spec.loader is None:
        raise ImportError("%s is not a Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["codeopt_oracle"] = module
    spec.loader.exec_module(module)
    function = getattr(module, name)
    return lambda call: [exact(invoke(function, call)), None]


def called(function: Any, call: Any) -> list[Any]:
    value = invoke(function, call)
    return [value, [list(call["args"]), call["kwargs"]]]


def answer(blob: bytes, context: Any, oracle: Function, near: int, limit: float) -> dict[str, Any]:
    """What both say about one call and its neighbours; {"why"} where one of them raises."""
    codec = context.codec

    def both(number: int) -> list[bytes]:
        calls = [codec.decode_live(blob) for _ in range(2)]
        if number >= 0:
            calls = [nudged(call, number, delta) for call in calls]
        return [codec.encode(called(context.function, calls[0])), codec.encode(oracle(calls[1]))]

    try:
        invoke(context.function, codec.decode_live(blob))
    except Exception:
        return {"why": "", "raises": True}
    started = time.monotonic()
    eps, count, longest = measure(codec.decode_live(blob))
    delta = STEP * eps
    try:
        pairs = [both(-1)]
    except Exception as error:
        return {"why": "%s: %s" % (type(error).__name__, str(error)[:200])}
    spent = time.monotonic() - started
    few = min(near, 2) if spent > SLOW_S or sum(map(len, pairs[0])) > BYTES // 6 else near
    for number in range(few if delta and spent * (few + 2) < limit else 0):
        try:
            pairs.append(both(number))
        except Exception:
            continue  # a neighbour outside of the function's domain says nothing
    return {"pairs": pairs, "delta": delta, "eps": eps, "count": count, "longest": longest}


def probe(blobs: list[bytes], context: Any, limit: float) -> dict[str, Any]:
    """Which cast makes the program its own oracle: it has to run, to answer in the longer type, and to feel it."""
    kinds = {leaf.dtype.name for blob in blobs for leaf in floats(context.codec.decode_live(blob)) if is_numpy(leaf)}
    if kinds & {"float16", "float32", "complex64"}:
        way = "float64"
    elif kinds & {"float64", "complex128"}:
        way = "longdouble"
    else:
        return {"way": "", "why": "no NumPy floats among the arguments"}
    why = "its answer does not depend on digits beyond those of its inputs"
    for blob in blobs[:PROBES]:

        def work(blob: bytes = blob) -> list[Any]:
            return feels(blob, context, way)

        found = in_child(work, limit) or [False, "it did not end in time, or it crashed"]
        if found[0]:
            return {"way": way, "why": ""}
        why = found[1] or why
    return {"way": "", "why": why}


def feels(blob: bytes, context: Any, way: str) -> list[Any]:
    """[whether a change beyond the digits of the shorter type changes the answer, why it cannot be said]."""
    codec = context.codec
    plain, moved = (cast(codec.decode_live(blob), way) for _ in range(2))
    moved = nudged(moved, 0, TINY[way])
    try:
        # Only what the program computes counts: an argument that it leaves alone differs anyway.
        before = parts(codec, plain)
        value, value_moved = (invoke(context.function, call) for call in (plain, moved))
        after, after_moved = (parts(codec, call) for call in (plain, moved))
        written = [index for index, text in enumerate(after) if text != before[index]]
        made = floats([value, *(plain["args"][index] for index in written)])
        if way == "longdouble" and not all(map(is_long, filter(is_numpy, made))):
            return [False, "the answer is no longdouble"]
        if way == "longdouble" and any(type(leaf) is float for leaf in floats(value)):
            return [False, "the answer is no longdouble"]
        changed = codec.encode(value) != codec.encode(value_moved)
        return [changed or any(after[index] != after_moved[index] for index in written), ""]
    except Exception as error:
        return [False, "%s: %s" % (type(error).__name__, str(error)[:200])]


def parts(codec: Any, call: Any) -> list[bytes]:
    return [codec.encode(argument) for argument in call["args"]]


def is_long(leaf: Any) -> bool:
    """A NumPy float of a type that really is longer than float64."""
    np = sys.modules.get("numpy")
    return np is not None and is_numpy(leaf) and float(np.finfo(leaf.dtype).eps) < 2.0**-60
