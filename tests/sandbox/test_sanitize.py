"""Builds with sanitizers: what is reported, what is held against nobody, and that it works in every sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from codeopt.sandbox.audit.planted import INPUTS, Planted, planted
from codeopt.sandbox.choose import find_interpreter
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Limits, Sandbox
from codeopt.sandbox.sanitize import REPORTED, Sanitizer
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import NativeProgram, Toolchain
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Status

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
FLAGS = ("-O3", "-std=c++17")
BEST_SUM = planted("heap_read")[0].program.read_text("utf-8")
VALUES = (b"3\n4 -5 6\n", b"6\n4 -5 6 7 -2 1\n", b"0\n", b"5\n-1 -2 -3 -4 -5\n")
# Overflows on large values.
WRAPS = """#include <cstdio>
int main() {
    int n, value, sum = 0;
    if (std::scanf("%d", &n) != 1) return 1;
    for (int i = 0; i < n && std::scanf("%d", &value) == 1; i++) sum = sum * 31 + value;
    std::printf("%d\\n", sum);
}
"""
WRAPS_ON = (b"1\n5\n", b"3\n2000000000 2000000000 2000000000\n")


@pytest.fixture
def make() -> Iterator[Callable[..., NativeProgram]]:
    """make(source, flags, sandbox) -> a program that is not built yet."""
    made: list[NativeProgram] = []
    python = find_interpreter()

    def build(source: str, flags: tuple[str, ...] = FLAGS, sandbox: Sandbox | None = None) -> NativeProgram:
        limits = Limits(memory_mb=1024, cpus=(max(os.sched_getaffinity(0)),))
        runtime = Runtime(python.path, python.mounts, limits)
        tools = Toolchain(str(shutil.which("g++")), flags)
        made.append(NativeProgram(sandbox or ProcessSandbox(), runtime, source, tools))
        return made[-1]

    yield build
    for program in made:
        program.close()


def held(make: Callable[..., NativeProgram], candidate: str, *texts: bytes, baseline: str = BEST_SUM, **tools: object) -> tuple[str, Status | None, str]:
    """(what is told, the finding's status, its evidence) of a candidate that does the same on the texts."""
    cases = [Case(f"v{number}", "case", stdin=text) for number, text in enumerate(texts or VALUES)]
    before, after = make(baseline, **tools), make(candidate, **tools)
    judge = Judge(before)
    assert judge.check(after, cases) is None, "the output is right"
    told, finding = Sanitizer(before).held(judge, after, cases)
    return told, finding.status if finding else None, finding.evidence if finding else ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("heap_read", "AddressSanitizer: heap-buffer-overflow, READ of size 8 in line 17: next = at[i + 1];\nlocated 0 bytes "),
        ("use_after_return", "AddressSanitizer: stack-use-after-return, READ of size 8 in line 30: std::printf("),
        ("null_reference", "UndefinedBehaviorSanitizer: reference binding to null pointer of type 'const long long int' in line 20: take("),
    ],
)
def test_a_right_answer_of_a_wrong_program_is_wrong(make: Callable[..., NativeProgram], name: str, says: str) -> None:
    told, status, evidence = held(make, planted(name)[0].source)
    assert (told, status) == (REPORTED, Status.WRONG_OUTPUT)
    assert evidence.startswith("on case input v") and f"the output is right, but not the program: {says}" in evidence


def test_fresh_memory_is_not_zero_there(make: Callable[..., NativeProgram]) -> None:
    candidate = planted("uninitialised_sum")[0]
    told, status, evidence = held(make, candidate.source, b"3\nb a b\n", baseline=candidate.program.read_text("utf-8"))
    assert (told, status) == (REPORTED, Status.WRONG_OUTPUT) and "memory is read that was never written" in evidence


@pytest.mark.parametrize("candidate", planted("running_sum", "deep_recursion"), ids=lambda candidate: candidate.name)
def test_honest_ones_are_clean_however_deep_they_go(make: Callable[..., NativeProgram], candidate: Planted) -> None:
    long = f"60000\n{' '.join(str(i % 7 - 3) for i in range(60000))}\n".encode()
    told, status, evidence = held(make, candidate.source, *VALUES, long, baseline=planted("running_sum")[0].source)
    assert (told, status) == ("clean on 5 inputs", None), evidence


@pytest.mark.parametrize("candidate", planted("heap_read", "running_sum"), ids=lambda candidate: candidate.name)
def test_in_every_sandbox_the_search_and_the_holdout_ask(each: Sandbox, make: Callable[..., NativeProgram], candidate: Planted) -> None:
    texts = [f"{n}\n{' '.join(str((i * 7919 + n) % 199 - 99) for i in range(n))}\n".encode() for n in (1, 2, 7, 9000)]
    cases = tuple(Case(f"v{number}", "case", stdin=text) for number, text in enumerate(texts))
    workload = Workload(cases, cases[-1:])
    before = make(BEST_SUM, sandbox=each)
    judge = Judge(before)
    passes = [judge.judge(make(candidate.source, sandbox=each), workload), judge.confirm(make(candidate.source, sandbox=each), workload, seed=1, pairs=10)]
    assert {(found.status, found.sanitized) for found in passes} == {(Status.OK, "")}, "nobody asks"
    judge.sanitizer = Sanitizer(before)
    found = [judge.judge(make(candidate.source, sandbox=each), workload), judge.confirm(make(candidate.source, sandbox=each), workload, seed=1, pairs=10)]
    expected = (Status.WRONG_OUTPUT, REPORTED) if candidate.kind == "wrong" else (Status.OK, "clean on 4 inputs")
    assert {(verdict.status, verdict.sanitized) for verdict in found} == {expected}, found


def test_what_reports_the_original_is_off_for_candidates(make: Callable[..., NativeProgram]) -> None:
    told, status, evidence = held(make, WRAPS.replace("sum * 31", "31 * sum"), *WRAPS_ON, baseline=WRAPS)
    assert status is None and told == "clean on 2 inputs; off, because they report the original: signed-integer-overflow", evidence
    wrong = WRAPS.replace("int main() {", "static int fresh[4];\nint main() {\n    int ahead = 0, *at = fresh;", 1)
    wrong = wrong.replace("sum = sum * 31", "ahead |= at[i + 2], sum = sum * 31").replace('sum);\n}', 'sum);\n    return ahead == 1 << 30;\n}')
    told, status, evidence = held(make, wrong, *WRAPS_ON, baseline=WRAPS)
    assert (told, status) == (REPORTED, Status.WRONG_OUTPUT) and "on case input v1" in evidence and "ahead |= at[i + 2]" in evidence
    told, status, evidence = held(make, WRAPS, *WRAPS_ON, baseline=WRAPS.replace("sum = 0;", "sum_of; unsigned sum = 0;"))
    assert status is Status.WRONG_OUTPUT and "signed integer overflow" in evidence


def test_what_cannot_be_built_or_started_is_held_against_nobody(make: Callable[..., NativeProgram]) -> None:
    wrong = planted("heap_read")[0].source
    told, status, _ = held(make, wrong, flags=(*FLAGS, "-nodefaultlibs", "-Wl,--no-as-needed", "-lstdc++", "-lm", "-lgcc_s", "-lc"))
    assert status is None and told.startswith("not available: the program does not build with them (") and "undefined reference to `__" in told
    before = make(BEST_SUM)
    judge = Judge(before)
    small = replace(before.runtime, env={"LD_PRELOAD": "libm.so.6"})
    hindered = NativeProgram(ProcessSandbox(), small, BEST_SUM, before.toolchain)
    told, finding = Sanitizer(hindered).held(judge, make(wrong), [Case("v0", "case", stdin=VALUES[0])])
    assert finding is None and told.startswith("not available: the program does not run with them (") and "ASan runtime" in told


def test_memory_that_only_sanitizers_touch_is_held_against_nobody(make: Callable[..., NativeProgram]) -> None:
    before = make(BEST_SUM)
    room = "#include <cstdlib>\nchar *kept[14];\nint main() {\n    for (auto &each : kept) each = static_cast<char *>(std::malloc(64 << 20));"
    sparse = planted("running_sum")[0].source.replace("int main() {", room)
    small = replace(before.runtime, limits=Limits(memory_mb=64))
    candidate = NativeProgram(ProcessSandbox(), small, sparse, before.toolchain)
    told, finding = Sanitizer(before).held(Judge(before), candidate, [Case("v0", "case", stdin=VALUES[0])])
    assert finding is None and told.startswith("not available: the candidate does not end with them ("), told


@pytest.mark.parametrize(
    "hidden",
    [
        "__attribute__((no_sanitize_address)) int main() {",
        '__attribute__((no_sanitize("address"))) int main() {',
        "#ifdef __SANITIZE_ADDRESS__\n#define EARLY\n#endif\nint main() {",
        'extern "C" const char *__asan_default_options() { return "halt_on_error=0"; }\nint main() {',
    ],
)
def test_what_is_built_otherwise_with_sanitizers_is_refused(make: Callable[..., NativeProgram], hidden: str) -> None:
    source = planted("heap_read")[0].source.replace("int main() {", hidden)
    told, status, evidence = held(make, source)
    assert (told, status) == (REPORTED, Status.SCREEN_FAILED) and evidence.startswith("it names ")


def test_every_planted_file_is_one_of_a_program_with_inputs() -> None:
    every = planted()
    kinds = [candidate.kind for candidate in every]
    assert (kinds.count("wrong"), kinds.count("honest")) == (20, 5)
    assert all(candidate.program.is_file() and f"def {candidate.program.stem}(" in INPUTS.read_text("utf-8") for candidate in every)
