"""Which programs a search has met, at each level at which two texts are the same program, so that none is measured twice.

    syntax         the same but for comments, layout and docstrings (`codeopt.agent.screen.fingerprint`)
    names          and for the names of local variables
    bytecode       the same once compiled (Python)
    machine_code   the same once built (C++, C); known only after the build, so it saves the inputs and the race

A kernel's text is read by its own compiler, so of kernels only the first is asked.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Sequence

from codeopt.agent import canonical, canonical_cpp
from codeopt.agent.screen import fingerprint, without_docstrings
from codeopt.agent.tasks.model import Task
from codeopt.sandbox.sanitize import REPORTED
from codeopt.types import BASELINE, Candidate, Proposal, Status, Verdict

EDIT, SYNTAX, NAMES, BYTECODE, MACHINE_CODE = "edit", "syntax", "names", "bytecode", "machine_code"
_HOW = {SYNTAX: "", NAMES: " up to names", BYTECODE: " once compiled"}


def marks(proposal: Proposal, task: Task) -> dict[str, str]:
    """Hashes by level, the strictest first; a level that cannot be told is left out."""
    found = {SYNTAX: fingerprint(proposal.source, task.language, proposal.flags)}
    if task.kind == "kernel":
        return found
    try:
        if task.language == "cpp":
            found[NAMES] = _hash(canonical_cpp.canonical(proposal.source), proposal.flags)
        else:
            tree = canonical.canonical(without_docstrings(ast.parse(proposal.source)))
            if tree is not None:
                found[NAMES] = _hash(ast.dump(tree), proposal.flags)
                found[BYTECODE] = _hash(canonical.compiled(tree), proposal.flags)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return found


def _hash(text: str, flags: Sequence[str]) -> str:
    return hashlib.sha256("\0".join((text, *flags)).encode("utf-8", "surrogatepass")).hexdigest()


class Novelty:
    """The programs of one search and what became of them.

    Attributes:
        saved: Measurements that were not made, by level; "edit" is a rule's edit that failed at that place before.
    """

    def __init__(self) -> None:
        self.saved: Counter[str] = Counter()
        self._known: dict[tuple[str, str], str] = {}
        self._parents: dict[str, str] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._codes: dict[str, str] = {}

    def add(self, name: str, found: dict[str, str]) -> None:
        """A program that is going to be judged, or the baseline, with its `marks`."""
        for mark in found.items():
            self._known.setdefault(mark, name)

    def twin(self, found: dict[str, str]) -> str:
        """Which earlier program has one of these marks, and what became of it, in words; "" where there is none."""
        for level, mark in found.items():
            if (level, mark) in self._known:
                self.saved[level] += 1
                return f"the same program{_HOW[level]} as {self._fate(self._known[level, mark])}"
        return ""

    def _fate(self, name: str) -> str:
        verdict = self._verdicts.get(name)
        if name == BASELINE:
            return "the original"
        if verdict is None:
            return f"{name}, which is being measured"
        if verdict.search is not None:
            return f"{name}, which was {verdict.status} {verdict.search.speedup:.2f}x"
        return f"{name}, which was {verdict.status}: {verdict.evidence.partition(chr(10))[0]}"

    def judged(self, candidate: Candidate, verdict: Verdict) -> None:
        """What became of a candidate."""
        self._verdicts[candidate.id] = verdict
        self._parents[candidate.id] = candidate.parent

    def code(self, name: str) -> str:
        """The hash of a program's machine code; "" where there is none."""
        return self._codes.get(name, "")

    def built(self, candidate: Candidate, code: str, beaten: Sequence[str]) -> Verdict | None:
        """The verdict that follows from a candidate's machine code alone; None where it has to be measured.

        Args:
            candidate: Who was built.
            code: The hash of the machine code; "" where there is none.
            beaten: The baseline and what was accepted since; the last one is what candidates race against.
        """
        twins = [name for name, known in self._codes.items() if code and known == code and name != candidate.id]
        if code:
            self._codes[candidate.id] = code
        verdict = next(filter(None, (self._inherited(name, candidate, beaten) for name in twins)), None)
        if verdict is not None:
            self.saved[MACHINE_CODE] += 1
        return verdict

    def _inherited(self, name: str, candidate: Candidate, beaten: Sequence[str]) -> Verdict | None:
        """The verdict on a candidate that compiles to what `name` compiles to."""
        if name in beaten:
            what = "its parent" if name == candidate.parent else f"{name}, which is slower than its parent"
            return Verdict(status=Status.NOT_FASTER, evidence=f"it compiles to the same machine code as {what}")
        earlier = self._verdicts.get(name, Verdict(status=Status.UNDECIDED))  # where its race waits
        if earlier.sanitized == REPORTED:
            return None  # of its text, which another one need not share
        raced = earlier.status in (Status.OK, Status.NOT_FASTER, Status.UNDECIDED)
        if raced and self._parents.get(name, candidate.parent) != candidate.parent:
            return None  # against another program
        return earlier.model_copy(update={"evidence": f"the same machine code as {self._fate(name)}"})
