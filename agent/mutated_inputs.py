"""Hidden inputs of a program whose user gave a few texts and no generator: mutations that the program reads well."""

from __future__ import annotations

import time
from collections.abc import Sequence

from codeopt.agent.text_mutations import mutations
from codeopt.agent.workshop import Workshop
from codeopt.sandbox.subject import CannotStart, NativeProgram, Subject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case
from codeopt.types import Status

SECONDS = 6.0  # for making them; checking them costs about three times as much
MOST_BYTES = 1 << 20
# What an input that breaks the program's own assumptions does to C or C++ is no behaviour that a candidate owes. Both
# need no runtime library and no room in the address space.
CHECKED = ("-D_GLIBCXX_ASSERTIONS", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")


def mutated(shop: Workshop, judge: Judge, visible: Sequence[Case], count: int, draw: int) -> list[Case]:
    """Up to `count` texts, made from the visible ones in turn, on which the baseline exits with 0.

    For C and C++ a build of the baseline with checks has to exit with 0 as well, and to print the same; where there is
    no such build, there are no mutations.
    """
    until = time.monotonic() + SECONDS
    origins = [case for case in visible if 0 < len(case.stdin) <= MOST_BYTES and judge.expect(case).exit == 0]
    origins.sort(key=lambda case: judge.expect(case).wall_s)
    known = {case.stdin for case in visible}
    checked = _checked(shop, judge) if origins else None
    if checked is None:
        return []
    kept: list[Case] = []
    try:
        # The quickest first; twice as many texts as are wanted, since some will not be read.
        for number, origin in enumerate(origins):
            wanted = -(-2 * count // len(origins))
            for text in mutations(origin.stdin, wanted, draw + number):
                if len(kept) >= count or time.monotonic() > until:
                    return kept
                case = Case(f"m{draw % 9973}-{len(known)}", "mutated", stdin=text, argv=origin.argv)
                if text not in known and _reads(judge, checked, case):
                    kept.append(case)
                known.add(text)
        return kept
    finally:
        if checked is not judge.baseline:
            shop.forget(checked)


def _checked(shop: Workshop, judge: Judge) -> Subject | None:
    """What decides whether a text is an input: the baseline, or a build of it with checks; None where it does not build."""
    if not isinstance(judge.baseline, NativeProgram):
        return judge.baseline
    subject = shop.subject(judge.baseline.source, (*judge.baseline.extra_flags, *CHECKED))
    try:
        subject.session()
    except CannotStart:
        shop.forget(subject)
        return None
    return subject


def _reads(judge: Judge, checked: Subject, case: Case) -> bool:
    first = judge.expect(case)
    if first.status is not Status.OK or first.exit != 0:
        return False
    if checked is judge.baseline:
        return True
    again = checked.run(case, limit_s=judge.limit_s)
    return again.status is Status.OK and judge.difference(case, first, again) == ""
