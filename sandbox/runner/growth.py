"""Find the size at which a call of the baseline takes about as long as wanted, for one way of making inputs."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any

from .inputs_trial import Trials

Call = dict[str, Any]
Make = Callable[[int, random.Random], Call]
FIRST = 4
ENOUGH = 0.5
BISECTIONS = 7
FAILURES = 3
FAILURES_FIRST = 7
FLAT = 3
HUNT = 50
MOST_DRAWS = 10
CHEAP_S = 0.03
# Where a call is long only because its input is, larger ones cost more to make and to send than they tell.
PLENTY_BYTES = 128 << 10
LEAST_S = 0.006


@dataclasses.dataclass
class Found:
    """Where growing ended: the best size, an input of it, its seconds, and why it went no further ("" at the target)."""

    size: int = 0
    seconds: float = 0.0
    why: str = ""
    first_seconds: float = 0.0
    tried: int = 0
    blob: bytes = b""


class Growth:
    """Grows one `make`.

    Args:
        target_s: Seconds that one call should take; at least half of it is enough, twice is the most.
        max_bytes: Most bytes of an encoded call.
        max_size: Largest size that is asked for.
    """

    def __init__(self, make: Make, trials: Trials, target_s: float, max_bytes: int, max_size: int, seed: str) -> None:
        self.make, self.trials, self.target_s = make, trials, target_s
        self.max_bytes, self.max_size, self.seed = max_bytes, max_size, seed
        self.too_big = ""
        self.bytes = 0
        self.blob = b""  # the slowest input of the last size

    def enough(self, taken: float) -> bool:
        """Whether a call of that many seconds is long enough to be timed, given the bytes of the last input."""
        if taken >= ENOUGH * self.target_s:
            return True
        return self.bytes >= PLENTY_BYTES and taken >= min(LEAST_S, ENOUGH * self.target_s)

    def seconds(self, size: int, draw: int = 0) -> tuple[float | None, bytes]:
        """Time of one call at this size: None where the baseline does not survive it, inf where it is too slow."""
        rng = random.Random("%s/%s/%s" % (self.seed, size, draw))
        try:
            call = self.make(size, rng)
        except (ValueError, TypeError, ArithmeticError, MemoryError, IndexError, KeyError, RecursionError) as error:
            self.trials.last_why = "%s: %s" % (type(error).__name__, error)
            return None, b""
        try:
            blob = self.trials.encode(call)
        except RecursionError:
            return None, b""
        if not blob:
            return None, b""
        if len(blob) > self.max_bytes:
            self.too_big = "an input of size %d has %d MiB" % (size, len(blob) >> 20)
            return float("inf"), b""
        self.bytes = len(blob)
        outcome = self.trials.run(blob)
        if outcome.ok and not outcome.raised:
            return outcome.seconds, blob
        if outcome.raised:
            self.trials.last_why = "it raises " + outcome.raised
        if outcome.why.startswith("it did not end"):
            return float("inf"), b""
        return None, b""

    def slowest(self, size: int) -> float | None:
        """The longest of a few draws: any one can end early by luck (a match, a small factor)."""
        times: list[float] = []
        failed = 0
        started = time.monotonic()
        for draw in range(MOST_DRAWS):
            taken, blob = self.seconds(size, draw)
            if taken is None:
                failed += 1
                if failed == 2 and not times:
                    return None
                continue
            if self.enough(taken) and blob:
                # One slow run can be the machine's.
                taken = min(taken, self.trials.run(blob).seconds)
            if blob and taken >= max(times, default=0.0):
                self.blob = blob
            times.append(taken)
            spent = time.monotonic() - started
            if self.enough(taken) or (draw >= 2 and spent > CHEAP_S) or spent > 10 * CHEAP_S:
                break
        return max(times) if times else None

    def search(self, until: float) -> Found:
        """Geometric growth, faster where the time says that it is far, then bisection where it overshot."""
        found = Found()
        size, failures, flat = FIRST, 0, 0
        above: int | None = None
        while time.monotonic() < until:
            found.tried += 1
            began = time.monotonic()
            taken = self.slowest(size)
            if taken is None:
                failures += 1
                if failures >= (FAILURES if found.size else FAILURES_FIRST):
                    found.why = "the baseline fails on larger inputs (%s)" % self.trials.last_why[:120]
                    break
                size *= 2
                continue
            if taken > 2 * self.target_s:
                above = size
                break
            found.first_seconds = min(found.first_seconds or taken, taken)
            flat = flat + 1 if found.size and taken < 1.15 * found.seconds + 2e-5 else 0
            if taken >= found.seconds:
                found.size, found.seconds, found.blob = size, taken, self.blob
            if self.enough(taken):
                return found
            # Making the input costs more than calling with it, and calling does not get slower.
            useless = flat >= FLAT and time.monotonic() - began > max(0.3, 3 * self.target_s)
            if size >= self.max_size or useless:
                found.why = "the time does not grow with the size (%.2g s at size %d)" % (taken, size)
                break
            size = min(self.max_size, size * (2 if taken > 0.02 * self.target_s else 4) * (4 if flat > 3 else 1))
        else:
            found.why = found.why or "the time for growing was spent"
        if above is not None:
            self.bisect(found, above, until)
        return found

    def bisect(self, found: Found, above: int, until: float) -> None:
        """Between a size that is quick and one that is too slow or too big."""
        low = found.size or 1
        for _ in range(BISECTIONS):
            middle = int((low * above) ** 0.5) if above < 1 << 60 else (low + above) // 2
            if middle in (low, above) or time.monotonic() > until:
                break
            taken = self.slowest(middle)
            if taken is None or taken > 2 * self.target_s:
                above = middle
                continue
            low = middle
            if taken >= found.seconds:
                found.size, found.seconds, found.blob = middle, taken, self.blob
            if self.enough(taken):
                return
        if not self.enough(found.seconds) and not found.why:
            found.why = self.too_big or "one step larger takes more than %.2g s" % (2 * self.target_s)

    def draws(self, size: int, count: int, typical: float, until: float) -> list[dict[str, Any]]:
        """Distinct calls of one size that the baseline survives; those that end far too early or late come last."""
        kept: list[dict[str, Any]] = []
        quick: list[dict[str, Any]] = []
        seen = set()
        started = time.monotonic()
        for draw in range(1000, 1000 + HUNT * count):
            late = time.monotonic() > until and time.monotonic() - started > 1.0
            if len(kept) >= count or late:
                break
            taken, blob = self.seconds(size, draw)
            if not blob or taken is None or blob in seen or taken == float("inf"):
                continue
            seen.add(blob)
            entry = {"blob": blob, "size": size, "seconds": taken}
            (kept if 0.25 * typical <= taken <= 6 * typical else quick).append(entry)
        return (kept + quick)[:count]
