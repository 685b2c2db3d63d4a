"""A candidate that puts functions of its own in the runner's place is refused; one that replaces `print` is not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Sample
from codeopt.sandbox.subject import FunctionSubject
from codeopt.sandbox.workload import Case
from codeopt.types import Status

RUNNER = "import sys\nmain = sys.modules['_codeopt_runner.main']\ncodec = sys.modules['_codeopt_runner.codec']\n"
F = "def f(n):\n    return n + 1\n"
AT_IMPORT = {
    "a method": "old = main.Server.extras\nmain.Server.extras = lambda *all: old(*all)\n",
    "a function": "old = codec.encode\ncodec.encode = lambda value: old(value)\n",
    "its code": "def other(frame):\n    return b''\nmain.describe.__code__ = other.__code__\n",
    "equal to everything": (
        "class Any(type):\n    def __eq__(self, other): return True\n    __hash__ = type.__hash__\n"
        "class Lie(metaclass=Any):\n    pass\nmain.Server.extras = Lie\n"
    ),
    "a builtin": "import builtins\nold = builtins.len\nbuiltins.len = lambda value: old(value)\n",
    "removed": "del codec.encode\n",
}
LATER = "def f(n):\n    main.Server.extras = lambda *all: {}\n    return n + 1\n"
VOID = """
frame = sys._getframe()
while "check" not in frame.f_locals:
    frame = frame.f_back
for cell in frame.f_locals["check"].__closure__:
    if isinstance(cell.cell_contents, (list, tuple)):
        cell.cell_contents = []
"""
NO_FORK = """
def do_sample(self, message):
    self.sample(message)
    main.wire.send(self.sock, {"end": 0, "signal": 0})
main.Server.do_sample = do_sample
"""
HONEST = "import builtins\nold = builtins.print\nbuiltins.print = lambda *a, **k: old(*a, **k)\n" + F


CASE = Case("c", "case", (codec.encode({"args": [1], "kwargs": {}}),))
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


@pytest.fixture
def run(subject: Callable[[str], FunctionSubject]) -> Callable[[str, bool], list[Sample]]:
    def samples(source: str, extras: bool) -> list[Sample]:
        program = subject(source)
        return [program.run(CASE, extras=extras) for _ in range(3)]

    return samples


@pytest.mark.parametrize("extras", [True, False])
@pytest.mark.parametrize("how", AT_IMPORT)
def test_the_runner_is_replaced(run: Callable[[str, bool], list[Sample]], how: str, extras: bool) -> None:
    for sample in run(RUNNER + AT_IMPORT[how] + F, extras):
        assert sample.status is Status.TAMPERED and "under the sandbox's server" in sample.evidence, sample


def test_it_is_replaced_during_a_call(run: Callable[[str, bool], list[Sample]]) -> None:
    for sample in run(RUNNER + LATER, True):
        assert sample.status is Status.TAMPERED and "main.Server under" in sample.evidence, sample


def test_what_honest_programs_replace(run: Callable[[str, bool], list[Sample]]) -> None:
    assert all(sample.status is Status.OK for sample in run(HONEST, True))


def test_an_answer_without_a_fork(run: Callable[[str, bool], list[Sample]]) -> None:
    for sample in run(RUNNER + VOID + NO_FORK + F, False):
        assert sample.status is Status.TAMPERED and "without a fork" in sample.evidence, sample


@pytest.mark.skipif(os.geteuid() != 0 or not LAST_PID.exists(), reason="only root may say which process id comes next")
def test_the_kernel_gives_a_number_again(subject: Callable[[str], FunctionSubject]) -> None:
    honest = subject(F)
    honest.run(CASE)
    for _ in range(50):  # another process of the machine may take the number
        known = list(honest.session()._sampled)
        time.sleep(0.05)  # the kernel needs longer, too, before it gives a number again
        LAST_PID.write_text(str(known[-1] - 1))
        assert honest.run(CASE).status is Status.OK
        if len(honest.session()._sampled) == len(known):
            return
    pytest.skip("the machine was too busy to get the same number")
