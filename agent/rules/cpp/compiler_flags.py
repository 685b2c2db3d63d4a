"""The same text with other compiler flags. No flag here changes what a correct program prints."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cppedit import functions, parse

SUMMARY = "compiler flags: -funroll-loops, -march=native (less portable); never -ffast-math"
EXPECTS = "1.15x measured with unrolling, 1.3x with -march=native"
SOURCE = "GCC manual, Options That Control Optimization; x86 Options"

_CHOICES = (
    (("-O3", "-funroll-loops"), "flags: -O3, loops unrolled"),
    (
        ("-O3", "-march=native", "-ffp-contract=off"),
        "flags: instructions of this CPU, no fused multiply-add; the binary runs only on CPUs that have them",
    ),
    (
        ("-O3", "-march=native", "-ffp-contract=off", "-funroll-loops", "-fno-plt", "-fwhole-program"),
        "flags: whole program, this CPU's instructions, loops unrolled; runs only on CPUs that have them",
    ),
)


def apply(code: Code) -> Iterator[Rewrite]:
    main = any(f.name == "main" for f in functions(parse(code.text)))
    for flags, note in _CHOICES:
        if main or "-fwhole-program" not in flags:
            yield Rewrite(code.text, note, 1, flags)
