"""Ill-conditioned inputs from real ones: cancellation, nearly equal values, large offsets.

Request: blobs (encoded calls), count (8), seed (0), seconds (5), call_s (2, limit of one call).
Reply: calls ({"blob", "kind"}), on which the program answers with finite numbers; tried.

What the real input shows is kept, because the program may rely on it: its shapes, which numbers are zero, that
none is negative, that all lie in 0..1, that they are sorted.
"""

from __future__ import annotations

import math
import random
import sys
import time
from typing import Any

from .inputs_trial import in_child, invoke
from .oracle_numbers import floats, is_numpy, mapped

RECIPES = ("cancel", "close", "offset")
# (orders of magnitude to spread over, offset) by the length of a float type: their squares have to stay finite.
SPREAD = {2: (1.0, 30.0), 4: (5.0, 1e4), 8: (8.0, 1e8)}


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    until = time.monotonic() + float(request.get("seconds") or 5.0)
    count, limit = int(request.get("count") or 8), float(request.get("call_s") or 2.0)
    blobs = list(request["blobs"])
    made: dict[bytes, None] = {}
    tried = 0
    for index in range(4 * count if blobs else 0):
        if len(made) >= count or time.monotonic() > until:
            break
        rng = random.Random("hard/%s/%d" % (request.get("seed"), index))
        call = context.codec.decode_live(blobs[index % len(blobs)])
        # A batch of one recipe after the other: consecutive inputs are of different kinds.
        call = harder(call, RECIPES[(index // max(1, len(blobs)) + index) % len(RECIPES)], rng)
        blob = context.codec.encode(call)
        if blob in made or blob in blobs:
            continue
        tried += 1

        def work(blob: bytes = blob) -> bool:
            return finite(context, blob)

        if in_child(work, limit):
            made[blob] = None
    return {"calls": [{"blob": blob, "kind": "ill_conditioned"} for blob in made], "tried": tried}


def finite(context: Any, blob: bytes) -> bool:
    """Whether the program returns, and every float in its answer and its arguments after is finite."""
    call = context.codec.decode_live(blob)
    value = invoke(context.function, call)
    np = sys.modules.get("numpy")
    for leaf in floats([value, call["args"]]):
        if is_numpy(leaf):
            assert np is not None
            if not np.all(np.isfinite(leaf)):
                return False
        elif not math.isfinite(abs(leaf)):
            return False
    return True


def harder(call: dict[str, Any], recipe: str, rng: random.Random) -> dict[str, Any]:
    """The call with its arrays and lists of floats changed; single floats only where there is nothing else."""
    changed = False

    def change(value: Any) -> Any:
        nonlocal changed
        if is_numpy(value) and getattr(value, "size", 1) > 1 and value.dtype.kind == "f":
            changed = True
            return array(value, recipe, rng)
        if type(value) in (list, tuple) and len(value) > 1 and all(type(item) is float for item in value):
            changed = True
            return type(value)(series(list(value), 8, recipe, rng))
        if type(value) is list:
            return [change(item) for item in value]
        if type(value) is tuple:
            return tuple(change(item) for item in value)
        if type(value) is dict:
            return {key: change(item) for key, item in value.items()}
        return value

    args, kwargs = change(list(call["args"])), change(call["kwargs"])
    if not changed:
        # Of the arguments together, in their order: a formula of single numbers.
        leaves = [leaf for leaf in floats([args, kwargs]) if type(leaf) is float]
        new = iter(series(leaves, 8, recipe, rng, sort=False))
        args, kwargs = mapped([args, kwargs], lambda leaf: next(new) if type(leaf) is float else leaf)
    return {"args": args, "kwargs": kwargs}


def array(value: Any, recipe: str, rng: random.Random) -> Any:
    np = sys.modules["numpy"]
    flat = [float(item) for item in value.reshape(-1)]
    return np.array(series(flat, value.dtype.itemsize, recipe, rng)).astype(value.dtype).reshape(value.shape)


def series(values: list[float], size: int, recipe: str, rng: random.Random, sort: bool = True) -> list[float]:
    """Numbers of the same count by a recipe, with what `values` show kept; `size` in bytes bounds the magnitudes."""
    real = [value for value in values if math.isfinite(value)]
    if not real:
        return values
    negative = any(value < 0 for value in real)
    orders, offset = SPREAD.get(size, SPREAD[8])
    count = len(values)
    made: list[float] = []
    if recipe == "cancel":
        # Pairs that nearly cancel, of magnitudes spread over many orders.
        while len(made) < count:
            size_of = 10.0 ** rng.uniform(-orders / 2, orders) * rng.uniform(1, 10)
            made += [size_of, -size_of * (1 + rng.choice((0.0, 1e-3, 1e-6)) * rng.random())]
        made = made[:count]
        rng.shuffle(made)
    else:
        middle = rng.uniform(0.5, 1) * (offset if recipe == "offset" else 1 + max(map(abs, real)))
        width = 1.0 if recipe == "offset" else middle * 1e-5
        made = [middle + width * rng.gauss(0, 1) for _ in values]
        if negative and rng.random() < 0.5:
            made = [-value for value in made]
    if not negative:
        made = [abs(value) for value in made]
    if not negative and max(real) <= 1:
        top = max(made) or 1.0
        made = [value / top for value in made]
    if sort and count > 2 and values == sorted(values):
        made.sort()
    elif sort and count > 2 and values == sorted(values, reverse=True):
        made.sort(reverse=True)
    return [0.0 if old == 0 else new for old, new in zip(values, made)]
