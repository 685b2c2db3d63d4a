"""Where a program's time goes: runs the profiler that fits inside the sandbox, brings back one schema."""

from __future__ import annotations

import math
from collections.abc import Callable

from codeopt.agent.workshop import Workshop
from codeopt.sandbox import profile_native, remarks
from codeopt.sandbox.session import Broken, Session
from codeopt.sandbox.subject import CannotStart, FunctionSubject, NativeProgram, PythonProgram
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Profile

SECONDS = 30.0
STARTED_S = 0.01
CALLGRIND_FACTOR = 100  # how many times slower a program runs under it

Seconds = Callable[[Case], float]


def profile_of(
    shop: Workshop, workload: Workload, source: str, seconds: float = SECONDS, expected: Seconds = lambda case: 1.0
) -> Profile | None:
    """The profile of one version of the program on its first timed case; None where no profiler works.

    Args:
        shop: Where it is built.
        workload: Its inputs.
        source: The version.
        seconds: About how long it may take.
        expected: How long the program runs on a case: a profiler that is slow takes one that it can finish.
    """
    task = shop.task
    subject = shop.subject(source)
    try:
        if isinstance(subject, NativeProgram):
            return _native(shop, subject, workload, seconds, expected)
        if task.kind == "function" and isinstance(subject, FunctionSubject):
            subject.runtime = shop.with_tools(subject.runtime)
            blobs = list(workload.timed[0].calls[:20])
            reply = subject.session().op("profile", {"mode": "calls", "blobs": blobs, "seconds": seconds}, seconds + 30)
        else:
            assert isinstance(subject, PythonProgram)
            session = shop.project_session()
            text = session.put("candidate.py", source.encode("utf-8", "surrogateescape"))
            case = workload.timed[0]
            request = {"mode": "script", "script": text, "argv": list(case.argv), "stdin": case.stdin, "seconds": seconds}
            reply = session.op("profile", request, seconds + 30)
            session.close()
        return _rows(reply)
    except (Broken, CannotStart):
        # A profile is a hint: rules and models work without one.
        return None
    finally:
        shop.forget(subject)


def _rows(reply: dict[str, object]) -> Profile | None:
    if reply.get("error") and not reply.get("rows"):
        return None
    return Profile.model_validate(
        {
            "tool": str(reply.get("tool", "")),
            "seconds": float(str(reply.get("seconds", 0.0))),
            "rows": tuple(reply.get("rows") or ()),  # type: ignore[arg-type]
        }
    )


def _native(
    shop: Workshop, subject: NativeProgram, workload: Workload, seconds: float, expected: Seconds
) -> Profile | None:
    """perf where it may record, else callgrind; the compiler's vectoriser remarks are merged in."""
    name = "program" + subject.toolchain.suffix
    with Session(shop.sandbox, subject.runtime) as session:
        binary = subject.build(session, "-g", *remarks.remark_flags(subject.toolchain.compiler))
        for profiler in ("perf", "callgrind"):
            case = workload.timed[0] if profiler == "perf" else _affordable(workload, seconds, expected)
            plan = profile_native.commands(
                profiler, "{folder}/program", "{folder}/stdin", "{folder}", case.argv, seconds
            )
            reply = session.run(
                plan.argvs,
                files={"program": binary, "stdin": case.stdin},
                outputs=[plan.output],
                seconds=seconds + 5,
            )
            text = bytes(reply["outputs"].get(plan.output, b"")).decode("utf-8", "replace")
            profile = profile_native.parse(profiler, text, [name]) if text else None
            if profile is not None and profile.rows:
                rows = remarks.parse_remarks(subject.remarks, [name])
                return _renamed(remarks.merge_remarks(profile, rows), shop.task.file)
    return None


def _affordable(workload: Workload, seconds: float, expected: Seconds) -> Case:
    """The case that callgrind takes about `seconds` for; not one that is over before the program has started well."""
    cases = [case for case in workload.visible if expected(case) >= STARTED_S]
    return min((workload.timed[0], *cases), key=lambda case: abs(math.log(expected(case) * CALLGRIND_FACTOR / seconds)))


def _renamed(profile: Profile, file: str) -> Profile:
    """The rows under the name that the user knows; the build calls every source "program"."""
    rows = tuple(row.model_copy(update={"file": file}) for row in profile.rows)
    return profile.model_copy(update={"rows": rows})
