"""Counterexamples that a critic names become visible inputs, where the program itself answers on them."""

from __future__ import annotations

import ast

from codeopt.agent.counterexamples import MOST_TEXT, literal
from codeopt.agent.tasks.model import Task
from codeopt.sandbox.runner.codec import Unencodable, encode
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case
from codeopt.types import Status

KIND = "counterexample"
QUICK_S = 1.0
MOST = 20  # in a run


class Counterexamples:
    """The inputs that plans were doubted with.

    Args:
        task: What they are inputs of.
        judge: Knows the baseline.
    """

    def __init__(self, task: Task, judge: Judge) -> None:
        self.task = task
        self.judge = judge
        self.cases: list[Case] = []
        self._texts: dict[str, str] = {}

    def add(self, text: str) -> str:
        """Make an input of a text: a call or a tuple of arguments for a function, stdin for a program.

        Returns:
            "" where it is one of `cases` now, else why not, in one line.
        """
        if text not in self._texts:
            self._texts[text] = self._added(text)
        return self._texts[text]

    def _added(self, text: str) -> str:
        if len(self.cases) >= MOST:
            return f"there are {MOST} already"
        if len(text) > MOST_TEXT:
            return "it is too long"
        name = f"counter{len(self.cases)}"
        if self.task.kind == "program":
            case = Case(name, KIND, stdin=text.encode("utf-8", "replace"), argv=self.task.args)
        else:
            call = called(text, self.task.function)
            if call is None:
                return "it is no call with plain values"
            case = Case(name, KIND, calls=(call,))
        # It may keep the program busy for ages; that says nothing about a plan. Of arguments that the program was not made
        # for, models name many: which exception they raise is nobody's business.
        found = self.judge.baseline.run(case, limit_s=QUICK_S, extras=True)
        if found.status is not Status.OK or found.evidence or found.exit:
            return "the program has no quick answer on it, or an error"
        kept, reasons = self.judge.steady([case])
        if not kept:
            return reasons[0]
        self.cases += kept
        return ""


def called(text: str, function: str) -> bytes | None:
    """An encoded call from words such as `f([1, 2], k=3)`, `([1, 2], 3)` or `[1, 2]`; None where they are not plain values."""
    name = function.rpartition(".")[2]
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
            args = [literal(arg) for arg in node.args]
            kwargs = {word.arg: literal(word.value) for word in node.keywords if word.arg is not None}
        else:
            value = literal(node)
            args, kwargs = list(value) if isinstance(value, tuple) else [value], {}
        return encode({"args": args, "kwargs": kwargs})
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, Unencodable):
        return None
