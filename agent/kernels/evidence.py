"""Where a call's time goes on the device, kernel by kernel, with what the compiler made of each and what the hardware counts."""

from __future__ import annotations

from collections.abc import Callable

from codeopt.sandbox.kernels.counters import Counted
from codeopt.sandbox.kernels.ptx import Compiled, plain
from codeopt.sandbox.kernels.session import Gradients
from codeopt.sandbox.kernels.subject import Failure, KernelSubject
from codeopt.types import Profile, ProfileRow

PROFILE_S = 60.0
BUILD_S = 240.0  # a CUDA file is compiled once more
COUNTERS_S = 90.0  # importing PyTorch under the profiler takes most of it
LEAST_S = 20.0
SHARE = 0.1  # of the time that is left, for the counters of one module
MOST_BUILDS = 3
NO_KERNELS = ("Memcpy", "Memset")


class Evidence:
    """Profiles of modules on the first shape.

    Args:
        device: "cuda" or "cpu".
        seed: Of the calls' inputs.
        gradients: What is computed beside the answers.
        tell: Gets a line where something cannot be had; that there are no counters is said once, and not tried again.
    """

    def __init__(self, device: str, seed: int, gradients: Gradients, tell: Callable[[str], None]) -> None:
        self._seed, self._gradients, self._tell = seed, gradients, tell
        self._counts = device == "cuda"

    def rows(self, subject: KernelSubject) -> Profile | None:
        """Kernels of a call, longest first; None where torch's profiler does not work."""
        try:
            rows = subject.at(0).profile(subject.texts[0], self._seed, PROFILE_S, self._gradients)
        except Failure as error:
            self._tell(f"no profile: {error.evidence[-200:]}")
            return None
        whole = sum(spent for _, spent, _ in rows)
        if not whole:
            return None
        made = (ProfileRow(file="", line=0, function=name, share=spent / whole, count=count) for name, spent, count in rows)
        return Profile(tool="torch.profiler", seconds=whole, rows=tuple(made))

    def compiled(self, subject: KernelSubject, profile: Profile | None) -> Profile | None:
        """A profile with what the module's own kernels were compiled to in the notes of their rows."""
        if profile is None:
            return None
        try:
            found = subject.at(0).compiled(subject.texts[0], self._seed, BUILD_S, self._gradients)
        except Failure as error:
            self._tell(f"nothing is known of what its kernels were compiled to: {error.evidence.strip()[-200:]}")
            return profile
        return noted(profile, {name: builds_told(builds) for name, builds in by_name(found).items()})

    def counted(self, subject: KernelSubject, profile: Profile | None, left_s: float) -> Profile | None:
        """A profile with hardware counters in the notes of its longest rows, where they can be read in a tenth of the time left."""
        seconds = min(COUNTERS_S, SHARE * left_s)
        names = [row.function for row in profile.rows if not row.function.startswith(NO_KERNELS)] if profile else []
        if profile is None or not names or not self._counts or seconds < LEAST_S:
            return profile
        try:
            found: dict[str, Counted] = subject.at(0).counters(subject.texts[0], self._seed, names, seconds, self._gradients)
        except Failure as error:
            self._counts = False
            self._tell(f"no hardware counters: {(error.evidence.strip().splitlines() or [str(error.status)])[-1][:200]}")
            return profile
        return noted(profile, {name: one.told() for name, one in found.items()})

    def all(self, subject: KernelSubject, left_s: float) -> Profile | None:
        """Rows, what they were compiled to, and their counters."""
        return self.counted(subject, self.compiled(subject, self.rows(subject)), left_s)


def by_name(found: list[Compiled]) -> dict[str, list[Compiled]]:
    """Compiled kernels by their own names: a template may have been compiled several times."""
    named: dict[str, list[Compiled]] = {}
    for one in found:
        named.setdefault(plain(one.name), []).append(one)
    return named


def builds_told(builds: list[Compiled]) -> str:
    """What a kernel was compiled to, in one line; with several builds each that differs."""
    return " or ".join(list(dict.fromkeys(one.told() for one in builds))[:MOST_BUILDS])


def noted(profile: Profile, notes: dict[str, str]) -> Profile:
    """A profile with more in the notes of rows whose kernels have these names."""
    rows = []
    for row in profile.rows:
        more = notes.get(plain(row.function), "")
        rows.append(row.model_copy(update={"note": "; ".join(filter(None, [row.note, more]))}) if more else row)
    return profile.model_copy(update={"rows": tuple(rows)})
