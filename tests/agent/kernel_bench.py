"""What tests of kernels by rule share: one process for all references, and one for all candidates, through Triton's interpreter."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from codeopt.agent.kernels.graph import Graph, Unsupported, read
from codeopt.agent.kernels.rules import traced, untuned
from codeopt.agent.tasks.kernel import CANDIDATE, read_kernel
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.kernels import device, judge
from codeopt.sandbox.kernels.session import KernelSession, Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.process import ProcessSandbox

needs_triton = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "triton")), reason="needs PyTorch and Triton"
)
FELL_BACK = 'raise AssertionError("it fell back")'
# Rows of a few elements are long ones here, so that what is read in pieces is tried, too.
PIECES = {"block": 256, "warps": 1, "tile": 256, "per_warp": 32, "limit": 32, "chunk": 64, "lanes": 16}


class Bench:
    """One process for all references, and one for all candidates: a process takes seconds to import what it needs."""

    def __init__(self) -> None:
        self.sandbox = ProcessSandbox()
        interpreter = find_interpreter(None)
        self.runtime = device.runtime(interpreter.path, interpreter.mounts, "cpu", ())
        self.reference = KernelSubject(self.sandbox, self.runtime, Side(), (), "cpu")
        self.candidate = KernelSubject(self.sandbox, self.runtime, Side("import triton.language", CANDIDATE), (), "cpu")

    def close(self) -> None:
        self.reference.close()
        self.candidate.close()

    def graph(self, source: str) -> Graph:
        """The graph of a reference as it is written, as the rules would have it."""
        text = read_kernel(Path("module.py"), source).shapes[0].whole
        session = self.reference.session()
        assert isinstance(session, KernelSession)
        session.build(text, 60)
        try:
            return traced(session, text, 60).graph
        except Unsupported:
            return read(session.graph(text, 60))

    def wrong(self, source: str, candidate: str, fall_back: bool = False) -> list[str]:
        """What is wrong with a candidate, on each of its shapes."""
        shapes = read_kernel(Path("module.py"), source).shapes
        if not fall_back:
            start, _, end = candidate.partition("return super().forward(")
            assert end
            candidate = start + FELL_BACK + end[end.index("\n") :]
        self.reference.texts = tuple(shape.whole for shape in shapes)
        self.candidate.texts = tuple(shape.inputs for shape in shapes)
        self.reference._built.clear()  # the texts are of another module now
        self.candidate.swap(candidate)
        checker = judge.KernelJudge(self.reference, seed=1)
        found = [checker.check(self.candidate, number, 7) for number in range(len(shapes))]
        return [finding.evidence for finding in found if finding is not None]


def opened() -> Iterator[Bench]:
    """For a fixture: the processes, while nothing is timed."""
    made = Bench()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "MOST", 1)
        yield made
    made.close()


def wrong_of(bench: Bench, cases: Mapping[str, str], rule: str, left: Mapping[str, str]) -> dict[str, object]:
    """What is wrong, by module, with the rule's first candidate.

    Args:
        left: By module, what torch does beside it; of all others nothing.
    """
    wrong: dict[str, object] = {}
    for case, source in cases.items():
        made = [item for item in untuned(bench.graph(source), source) if item.rule == rule]
        if not made:
            wrong[case] = "no proposal"
        elif told := bench.wrong(source, made[0].source):
            wrong[case] = (told, made[0].source)
        elif (found := made[0].note.partition("; left to torch: ")[2]) != left.get(case, ""):
            wrong[case] = f"left to torch: {found}"
    return wrong
