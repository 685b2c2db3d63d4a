"""A second build of a C++ or C program, with sanitizers: one that reads beyond its arrays is wrong, whatever it prints.

AddressSanitizer (Serebryany et al. 2012) and UndefinedBehaviorSanitizer at -O1, the library's own assertions, and memory
that is not initialised filled with 0xFE, so that an answer that depends on it changes. Candidates run on small inputs, the
quickest first, for a few seconds. The program as it was runs first: a check that reports it is off for its candidates. What
cannot be built or started here is said and held against no candidate.

Not seen: uninitialised values that change no answer, races, overflow of unsigned numbers, reads that the compiler drops at
-O1, code in shared libraries, and what only larger inputs reach. A program can tell that it runs under a sanitizer; one that
names what turns them off is refused, and beyond that nothing here holds against meant harm.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codeopt.sandbox.race import Finding
from codeopt.sandbox.session import Sample
from codeopt.sandbox.subject import CannotStart, NativeProgram, Subject
from codeopt.sandbox.tolerance import Tolerance
from codeopt.sandbox.workload import Case
from codeopt.types import Status

if TYPE_CHECKING:
    from codeopt.sandbox.verdict import Judge

REPORTED = "reported"
BUILD = (
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-D_GLIBCXX_ASSERTIONS",
    "-D_GLIBCXX_SANITIZE_VECTOR",
)
FILL = ("-ftrivial-auto-var-init=pattern",)  # 0xFE; GCC 12, Clang 8
UNFIT = {"-static", "-static-pie", "-s"}  # sanitizers do not go with these; without symbols a report has no lines
EXIT = 86
ADDRESS = {
    "detect_leaks": 0,
    "detect_stack_use_after_return": 1,
    "handle_abort": 1,
    "allocator_may_return_null": 1,
    "malloc_fill_byte": 0xFE,
    "max_malloc_fill_size": 64 << 20,
    "malloc_context_size": 6,
    "exitcode": EXIT,
}
UNDEFINED = {"print_stacktrace": 1, "exitcode": EXIT}
# Deep recursion that fits an ordinary stack overflows this one: frames are two or three times as large.
STACK = 'ulimit -s 1048576 2>/dev/null; exec "$@"'
SECONDS = 5.0  # for all runs of one program
SLOWER, START_S, LONGEST_S = 10, 2.0, 20.0  # of one run: times the usual, and seconds more; at most
MEMORY, MEMORY_MB = 3, 512
NUMBERS = 1e-4  # printed floats may differ so much between -O1 and -O3 with -ffast-math; garbage differs more
KEPT = 4  # binaries of candidates: a winner of a search comes again
FAILURES = 3

_ADDRESS = re.compile(r"SUMMARY: AddressSanitizer: ([\w-]+)")
_ERROR = re.compile(r"ERROR: AddressSanitizer")
_ACCESS = re.compile(r"^(?:READ|WRITE) of size \d+", re.MULTILINE)
_PLACE = re.compile(r"^0x\w+ is (located .*)|^  (?:  )?(\[\d+, \d+\) '\S+'.*<==.*)", re.MULTILINE)
_UNDEFINED = re.compile(r"^(.*?):(\d+)(?::\d+)?: runtime error: (.*)$", re.MULTILINE)
_ASSERTION = re.compile(r"Assertion '(.*)' failed")
_NUMBERS = re.compile(r" \[0x[0-9a-f]+,\s?0x[0-9a-f]+\)| 0x[0-9a-f]+")  # addresses: others in each run
_PID = re.compile(r"==\d+==")
_LINE = re.compile(r"program\.[\w+]+:(\d+)")
_SWITCHES = re.compile(r"\w*no_sanitize\w*|__SANITIZE_\w+|\w+_sanitizer\b|__(?:asan|ubsan|lsan|sanitizer)_\w+|no_address_safety\w*")
# That the sanitizer, not the program, needs more than there is.
_NO_ROOM = re.compile(
    r"AddressSanitizer:? (hard rss limit exhausted|out of memory|failed to \w+)|(ASan cannot proceed|End of process memory map)",
    re.IGNORECASE,
)
_OWN_LIMITS = {"stack-overflow", "out-of-memory", "rss-limit-exceeded", "allocation-size-too-big"}
# Checks of the address sanitizer that can be turned off alone.
_ALONE = {
    "alloc-dealloc-mismatch": "alloc_dealloc_mismatch",
    "container-overflow": "detect_container_overflow",
    "new-delete-type-mismatch": "new_delete_type_mismatch",
    "stack-use-after-return": "detect_stack_use_after_return",
}
# What UndefinedBehaviorSanitizer says, and the name of the check in -fno-sanitize=.
_CHECKS = (
    (r"signed integer overflow|^negation of|^division of", "signed-integer-overflow"),
    (r"division by zero", "integer-divide-by-zero"),
    (r"shift", "shift"),
    (r"out of bounds", "bounds"),
    (r"misaligned", "alignment"),
    (r"passed as argument", "nonnull-attribute"),
    (r"returned from function", "returns-nonnull-attribute"),
    (r"pointer overflow|pointer index|offset", "pointer-overflow"),
    (r"null pointer", "null"),
    (r"valid value for type '(?:bool|_Bool)'", "bool"),
    (r"valid value for type", "enum"),
    (r"insufficient space", "object-size"),
    (r"unreachable", "unreachable"),
    (r"without returning|end of a value-returning", "return"),
    (r"variable length array", "vla-bound"),
    (r"which does not point to an object|vptr", "vptr"),
    (r"representable", "float-cast-overflow"),
    (r"__builtin|passing zero", "builtin"),
)


@dataclass(frozen=True)
class Report:
    """What is wrong with a run.

    Attributes:
        check: The check that found it: "address" or one of `_ALONE`, a name for -fno-sanitize, "assertions"; "output"
            where another answer came, "" where there is no telling.
        text: What to tell.
    """

    check: str
    text: str


class Sanitized(NativeProgram):
    """A program built with sanitizers, in sessions that have room for them."""

    @classmethod
    def of(cls, program: NativeProgram, off: Sequence[str], fill: Sequence[str]) -> Sanitized:
        """The same text, not built yet.

        Args:
            program: Whose toolchain, flags and limits are taken.
            off: Checks that are off.
            fill: Flags that fill what is not initialised.
        """
        tools = program.toolchain
        usual = program.runtime.limits
        memory = MEMORY * usual.memory_mb + MEMORY_MB
        address = {**ADDRESS, **{_ALONE[check]: 0 for check in off if check in _ALONE}, "hard_rss_limit_mb": memory}
        env = {**program.runtime.env, "ASAN_OPTIONS": _options(address), "UBSAN_OPTIONS": _options(UNDEFINED)}
        symbolizer = Path(tools.compiler).resolve().with_name("llvm-symbolizer")
        if symbolizer.is_file():  # Clang's reports have no lines without it
            env["ASAN_SYMBOLIZER_PATH"] = env["UBSAN_SYMBOLIZER_PATH"] = str(symbolizer)
        flags = [f"-fno-sanitize={check}" for check in off if check not in (*_ALONE, "assertions")]
        flags += ["-U_GLIBCXX_ASSERTIONS"] if "assertions" in off else []
        flags += ["-U_GLIBCXX_SANITIZE_VECTOR"] if "container-overflow" in off else []
        made = cls(
            program._sandbox,
            replace(program.runtime, env=env, limits=replace(usual, memory_mb=memory, address_space=False)),
            program.source,
            replace(tools, flags=tuple(flag for flag in tools.flags if flag not in UNFIT)),
            extra_flags=(*(flag for flag in program.extra_flags if flag not in UNFIT), *BUILD, *fill, *flags),
        )
        made.setup_limit_s = min(made.setup_limit_s, 20 + 10 * program.setup_s)
        return made

    def run(self, case: Case, *, repeat: int = 1, limit_s: float = 30, extras: bool = False) -> Sample:
        session = self.session()
        argv = ("/bin/sh", "-c", STACK, "sh", self._path, *case.argv)
        return session.execute(argv, stdin=case.stdin, limit_s=limit_s)

    def why(self, error: CannotStart) -> str:
        """The first line of what the compiler or the linker lacks."""
        lines = [*self.remarks.splitlines(), *error.evidence.splitlines()]
        lacks = ("cannot find", "undefined reference", "error")
        told = [line for word in lacks for line in lines if word in line] or lines
        return told[0].strip()[:200] if told else str(error.status)


def _options(values: dict[str, int]) -> str:
    return ":".join(f"{name}={value}" for name, value in values.items())


class Sanitizer:
    """Holds candidates against one program in builds with sanitizers.

    Args:
        baseline: The program as it is.
    """

    def __init__(self, baseline: NativeProgram) -> None:
        self._program = baseline
        self._off: tuple[str, ...] = ()
        self._fill: tuple[str, ...] = FILL
        self._base: Sanitized | None = None
        self._missing = ""
        self._unbuilt = False
        # Whether the program as it was prints its answer there with sanitizers, too; None where it does not run.
        self._known: dict[str, bool | None] = {}
        self._binaries: dict[tuple[str, ...], bytes] = {}

    def held(self, judge: Judge, candidate: Subject, cases: Sequence[Case]) -> tuple[str, Finding | None]:
        """(what a verdict says about it in one line, what is wrong with the candidate).

        Args:
            judge: Who knows what the program as it was does on `cases`.
            candidate: Does the same on all of them.
            cases: Small and large; the quickest count.
        """
        assert isinstance(candidate, NativeProgram)
        if named := _switches(candidate.source) - _switches(self._program.source):
            told = f"it names {min(named)}, which only serves to be built otherwise with sanitizers"
            return REPORTED, Finding(Status.SCREEN_FAILED, told)
        usable = self._usable(judge, cases)
        if not usable:
            return f"not available: {self._missing}", None
        try:
            with self._built(candidate) as program:
                return self._run(judge, program, usable)
        except CannotStart as error:
            return f"not available: the candidate does not build with them ({program.why(error)})", None

    def _run(self, judge: Judge, program: Sanitized, cases: Sequence[Case]) -> tuple[str, Finding | None]:
        until, clean, why = time.monotonic() + SECONDS, 0, ""
        for case in cases:
            if time.monotonic() > until:
                break
            try:
                report = self._report(judge, program, case)
            except _Undecided as reason:
                why = str(reason)
                continue
            if report is None or (report.check == "output" and not self._known[case.id]):
                clean += 1
                continue
            told = f"on {case.kind} input {case.id} the output is right, but not the program: {report.text}"
            return REPORTED, Finding(Status.WRONG_OUTPUT, told)
        if not clean:
            return f"not available: the candidate does not end with them ({why})", None
        off = f"; off, because they report the original: {', '.join(self._off)}" if self._off else ""
        return f"clean on {clean} input{'s' if clean != 1 else ''}{off}", None

    # --- the program as it was ----------------------------------------------------------------------------

    def _usable(self, judge: Judge, cases: Sequence[Case]) -> list[Case]:
        """Those on which the program as it was is clean, the quickest first; `_missing` says why there is none."""
        until = time.monotonic() + SECONDS
        usable: list[Case] = []
        failed = 0
        if self._unbuilt:
            return usable
        try:
            for case in sorted(cases, key=lambda case: judge.expect(case).wall_s):
                if case.id not in self._known:
                    if time.monotonic() > until or (failed >= FAILURES and not usable):
                        break
                    self._known[case.id] = self._tried(judge, case)
                failed += self._known[case.id] is None
                if self._known[case.id] is not None:
                    usable.append(case)
        except CannotStart as error:
            assert self._base is not None
            self._missing, self._unbuilt = f"the program does not build with them ({self._base.why(error)})", True
            return []
        finally:
            if self._base is not None:
                self._base.close()
        return usable

    def _tried(self, judge: Judge, case: Case) -> bool | None:
        """What `_known` holds for a case; checks that report the program are off from then on. Raises CannotStart."""
        while True:
            if self._base is None:
                self._base = self._first()
            try:
                report = self._report(judge, self._base, case)
            except _Undecided as reason:
                self._missing = f"the program does not end with them ({reason})"
                return None
            if report is None or report.check == "output":
                return report is None
            if not report.check or report.check in self._off:
                self._missing = f"the program does not run with them ({' '.join(report.text.split())[:200]})"
                return None
            self._off = (*self._off, report.check)
            self._base.close()
            self._base = Sanitized.of(self._program, self._off, self._fill)

    def _first(self) -> Sanitized:
        made = Sanitized.of(self._program, self._off, self._fill)
        try:
            made.session()
        except CannotStart:
            self._fill = ()  # older compilers do not know it
            made = Sanitized.of(self._program, self._off, self._fill)
        return made

    # --- runs ---------------------------------------------------------------------------------------------

    @contextmanager
    def _built(self, candidate: NativeProgram) -> Iterator[Sanitized]:
        """A candidate's build, which is kept for when the winner comes again."""
        program = Sanitized.of(candidate, self._off, self._fill)
        key = (candidate.source, *program.toolchain.flags, *program.extra_flags)
        program.binary = self._binaries.get(key, b"")
        try:
            yield program
        finally:
            program.close()
            if program.binary:
                self._binaries[key] = program.binary
            if len(self._binaries) > KEPT:
                del self._binaries[next(iter(self._binaries))]

    def _report(self, judge: Judge, program: Sanitized, case: Case) -> Report | None:
        """What a run shows. Raises CannotStart; _Undecided where it takes more time or memory than it may."""
        expected = judge.expect(case)
        limit = min(START_S + SLOWER * expected.wall_s, LONGEST_S)
        for _ in range(FAILURES):
            sample = program.run(case, limit_s=limit)
            if sample.status in (Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.OUTPUT_LIMIT):
                raise _Undecided(sample.evidence.partition("\n")[0])
            found = reported(f"{sample.evidence}\n{sample.stderr}", program.source)
            if found is not None or sample.status is Status.OK:
                break  # else again: on some kernels the sanitizer's own start fails now and then
        if found is not None:
            return found
        if sample.status is not Status.OK:
            return Report("", sample.evidence)
        if sample.exit != expected.exit:
            told = f"with sanitizers it ends with {sample.exit} instead of {expected.exit}"
            return Report("", f"{told}\n{_PID.sub('', sample.stderr.strip()[-300:])}")
        numbers = Tolerance(text=max(NUMBERS, judge.tolerance.text or 0))
        difference = numbers.output(expected.answer, sample.answer)
        told = f"built with sanitizers it prints something else; memory is read that was never written\n{difference}"
        return Report("output", told) if difference else None


class _Undecided(Exception):
    """A run says nothing about the program."""


def _switches(source: str) -> set[str]:
    return set(_SWITCHES.findall(source))


def reported(text: str, source: str) -> Report | None:
    """The report that stands in what a program wrote to stderr.

    Raises:
        _Undecided: It is about the sanitizer's own needs.
    """
    kind = _ADDRESS.search(text)
    text = _NUMBERS.sub("", text)
    begin = _ERROR.search(text)
    after = text[begin.start() :] if begin else text
    if found := _ASSERTION.search(text):
        line = _shown(_LINE.search(after), source)
        return Report("assertions", f"assertion {found[1]} of the library failed{line}")
    if found := _UNDEFINED.search(text):
        line = _shown(_LINE.search(text[found.start() :]), source)
        check = next((name for pattern, name in _CHECKS if re.search(pattern, found[3])), "undefined")
        return Report(check, f"UndefinedBehaviorSanitizer: {found[3]}{line}")
    if room := _NO_ROOM.search(text):
        raise _Undecided(room[1] or room[2])
    if kind is None:
        return None
    if kind[1] in _OWN_LIMITS:
        raise _Undecided(kind[1])
    access, place = _ACCESS.search(after), _PLACE.search(after)
    told = f"AddressSanitizer: {kind[1]}{f', {access[0]}' if access else ''}{_shown(_LINE.search(after), source)}"
    where = next(filter(None, place.groups())).strip() if place else ""
    return Report(kind[1] if kind[1] in _ALONE else "address", f"{told}\n{where}".strip())


def _shown(found: re.Match[str] | None, source: str) -> str:
    """The line of the program that a frame names, with its text."""
    if found is None:
        return ""
    number, lines = int(found[1]), source.splitlines()
    text = lines[number - 1].strip()[:120] if 0 < number <= len(lines) else ""
    return f" in line {number}: {text}"
