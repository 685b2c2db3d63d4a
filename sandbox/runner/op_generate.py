"""Make inputs that are large enough to time.

Request: seconds (10), count (8), seed (0), target_s (0.1), max_bytes (16 MiB), examples (encoded calls), and, for a
generator of the user's, file and name: `make(size, seed)` returns a tuple of arguments, a dictionary of keyword
arguments, or one value.
Reply: calls ({"blob", "size", "seconds"}), size, seconds, grew (the calls are larger and slower than the smallest),
why (one line).
"""

from __future__ import annotations

import importlib.util
import inspect
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import inputs_doctest
from .growth import Found, Growth, Make
from .inputs_choose import choose
from .inputs_guess import Guess, call_of, guess
from .inputs_random import Maker
from .inputs_scale import scaling
from .inputs_shapes import Shape
from .inputs_trial import Trials

MOST_ELEMENTS = 1 << 24
MOST_VALUE = 1 << 62
NOTICEABLE_S = 3e-4
OF_EXAMPLES = "examples "  # how the labels of those ways begin
CONTAINERS = ("list", "tuples", "dict", "set", "frozenset", "str", "bytes", "deque", "array", "frame", "series")


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    started = time.monotonic()
    until = started + float(request.get("seconds") or 10.0)
    target_s, seed = float(request.get("target_s") or 0.1), int(request.get("seed") or 0)
    count, max_bytes = int(request.get("count") or 8), int(request.get("max_bytes") or 16 << 20)
    trials = Trials(context, max(4 * target_s, 0.2))
    if request.get("file"):
        ways = [("the generator %s" % request["name"], from_file(request, context), MOST_ELEMENTS)]
    else:
        ways = ways_of(request, context, trials, seed, until)
    # The last part of the time is kept for the draws: each costs target_s, and the making of a large input.
    whole = until - started
    reserve = min(0.4 * whole, max(0.25 * whole, 1.5 * count * (target_s + 0.02)))
    best: tuple[Found, Growth, str] | None = None
    failures: list[str] = []
    for index, (label, make, most) in enumerate(ways):
        left = until - reserve - time.monotonic()
        if left <= 0.05:
            break
        growth = Growth(make, trials, target_s, max_bytes, most, "%s/%s" % (seed, label))
        share = left if len(ways) == 1 else max(left / (len(ways) - index), 0.35 * left)
        found = growth.search(time.monotonic() + share)
        if not found.size:
            failures.append("%s: %s" % (label, found.why))
            continue
        if best is None or found.seconds > 1.3 * best[0].seconds:
            best = (found, growth, label)
        if growth.enough(found.seconds):
            break
    if best is None:
        return reply([], None, "the baseline survived no generated input (%s)" % ("; ".join(failures) or "no way"))
    found, growth, label = best
    calls = growth.draws(found.size, count, found.seconds, until)
    if not calls:  # making inputs took all the time
        calls = [{"blob": found.blob, "size": found.size, "seconds": found.seconds}]
    answer = reply(calls, found, "%s%s" % (label, ": " + found.why if found.why else ""))
    answer["way"] = label
    return answer


def reply(calls: list[dict[str, Any]], found: Found | None, why: str) -> dict[str, Any]:
    times = sorted(call["seconds"] for call in calls)
    seconds = times[len(times) // 2] if times else 0.0
    # Below this, growing sizes only show the cost of touching fresh memory.
    longer = found is not None and seconds > max(3 * found.first_seconds, NOTICEABLE_S)
    grew = bool(calls) and found is not None and found.size > 4 and longer
    return {"calls": calls, "size": found.size if found else 0, "seconds": seconds, "grew": grew, "why": why[:400]}


def from_file(request: dict[str, Any], context: Any) -> Make:
    """The user's `make(size, seed)`."""
    path, name = request["file"], request.get("name") or "make"
    spec = importlib.util.spec_from_file_location("codeopt_inputs", path)
    if spec is None or spec.loader is None:
        raise ImportError("%s is not a Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["codeopt_inputs"] = module
    spec.loader.exec_module(module)
    function = getattr(module, name)
    names = set(inspect.signature(context.function).parameters)

    def make(size: int, rng: random.Random) -> dict[str, Any]:
        made = function(size, rng.getrandbits(31))
        if isinstance(made, tuple):
            return {"args": list(made), "kwargs": {}}
        if isinstance(made, dict) and made and set(made) <= names:
            return {"args": [], "kwargs": made}
        return {"args": [made], "kwargs": {}}

    return make


def ways_of(
    request: dict[str, Any], context: Any, trials: Trials, seed: int, until: float, of_examples: bool = False
) -> list[tuple[str, Make, int]]:
    """(label, make, largest size) of every way to make inputs, or of those from examples; the most faithful first."""
    blobs: list[bytes] = list(request.get("examples") or ())
    if not blobs:
        blobs = inputs_doctest.blobs(context, 2.0)
    blobs = [blob for blob in blobs if survives(trials, blob)][:40]
    decode = context.codec.decode_live
    ways: list[tuple[str, Make, int]] = []
    if blobs:
        for role, repeat, label in (
            ("keep", False, OF_EXAMPLES + "grown"),
            ("size", False, OF_EXAMPLES + "grown, integers too"),
            ("keep", True, OF_EXAMPLES + "repeated"),
        ):
            ways.append((label, scaling(decode, blobs, role, repeat), MOST_ELEMENTS))
    if of_examples:
        return ways
    guessed = guess(context, [decode(blob) for blob in blobs])
    shapes, _ = choose(guessed.parameters, trials, seed, max(0.3, (until - time.monotonic()) / 4))
    return ways + shaped_ways(guessed, shapes)


def survives(trials: Trials, blob: bytes) -> bool:
    outcome = trials.run(blob)
    return outcome.ok and not outcome.raised


def shaped_ways(guessed: Guess, shapes: Sequence[Shape]) -> list[tuple[str, Make, int]]:
    """Generators from the shapes; they differ in what the integers are to the size."""
    names = [parameter.name for parameter, shape in zip(guessed.parameters, shapes) if shape.kind == "int"]
    sized = any(shape.parts or (shape.kind in CONTAINERS and shape.order != "choice") for shape in shapes)
    if not shapes:
        return []
    plans: list[tuple[str, Callable[[str], str], bool]] = []
    if sized:
        plans.append(("generated", lambda name: "within", False))
        plans.append(("generated, values far apart", lambda name: "within", True))
    if names:
        plans.append(("generated, integers as sizes", lambda name: "size", False))
    if names and sized:
        plans.append(("generated, small integers", lambda name: "small", False))
    if len(names) > 1:
        for chosen in names[:3]:
            plans.append(("generated, %s as the size" % chosen, _only(chosen), False))
    if not plans:
        plans.append(("generated", lambda name: "value", False))
    most = MOST_ELEMENTS if sized else MOST_VALUE
    return [(label, shaped(guessed, shapes, role_of, apart), most) for label, role_of, apart in plans]


def _only(chosen: str) -> Callable[[str], str]:
    return lambda name: "size" if name == chosen else "small"


def shaped(guessed: Guess, shapes: Sequence[Shape], role_of: Callable[[str], str], apart: bool) -> Make:
    def make(size: int, rng: random.Random) -> dict[str, Any]:
        values = {}
        maker = Maker(rng, size, apart=apart)
        for parameter, shape in zip(guessed.parameters, shapes):
            if parameter.optional and shape.kind in ("none", "bool", "any"):
                continue
            maker.role = role_of(parameter.name)
            values[parameter.name] = jitter(maker, shape, rng)
        return call_of(guessed.parameters, values)

    return make


def jitter(maker: Maker, shape: Shape, rng: random.Random) -> Any:
    """A size integer varies a little between draws, so that draws are distinct."""
    value = maker.top(shape)
    if type(value) is int and maker.role == "size" and value > 7:
        near = max(2, value // 100)
        return value + rng.randint(-near, near)
    return value
