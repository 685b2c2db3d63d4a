"""What a proposer is: a module in this package with `create(settings) -> Proposer`, found by the module's name."""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from codeopt.agent.budget import Budget, Estimate, Meter
from codeopt.errors import UserError
from codeopt.trace import TraceWriter
from codeopt.types import Candidate, Exemplar, Profile, Proposal, Verdict

if TYPE_CHECKING:
    from codeopt.agent.plan.person import Person


@dataclass(frozen=True)
class ProposerSettings:
    """What a person may set about proposers; each takes what concerns it.

    Attributes:
        models: Names of the models that write code, as their servers know them; NAME@URL names a server of its own.
        planner, critic: The models of those roles; "" leaves them to the model that writes the code.
        strategy: How they are asked: a module of `codeopt.agent.strategies`.
        seed: Of the choices among models and families of plans.
        base_url: Address of the OpenAI-compatible server; "" takes OPENAI_BASE_URL, else OpenAI's own.
        price_in, price_out: Dollars per million tokens; None takes codeopt's table of prices.
        temperature: Sampling temperature; None leaves it to the server.
        answer_tokens: Most tokens of one answer, reasoning included.
        timeout_s: Longest silence of the server before the call is given up.
        retries: Further tries of a call after a passing failure.
        retry_base_s: First pause between tries; it doubles each time.
    """

    models: tuple[str, ...] = ()
    planner: str = ""
    critic: str = ""
    strategy: str = "plan"
    seed: int = 0
    base_url: str = ""
    price_in: float | None = None
    price_out: float | None = None
    temperature: float | None = 0.7
    answer_tokens: int = 8192
    timeout_s: float = 300.0
    retries: int = 5
    retry_base_s: float = 1.0


@dataclass(frozen=True)
class ProposeContext:
    """What a proposer is told.

    Attributes:
        parent: The candidate to change.
        source: Its whole text.
        language: "python" or "cpp".
        kind: "kernel" where the file is a PyTorch module and its faster version is a class `ModelNew`; "cuda" where it is a CUDA
            file; else "".
        function: Qualified name of the function to speed up ("f", "Class.method"); "" is the whole file.
        file_name: Name of the file, without folders.
        profile: Where the parent's time goes, where it is known.
        history: What was tried on this parent, newest last. The search may append to it while the iterator of
            `propose` is alive; a proposer reads it anew after each proposal.
        exemplars: Verified changes of other code that is like it, the most similar one last.
        available: Top-level modules that can be imported where the program runs.
        seed: Seed for everything random.
        compiler: Compiler and flags, or interpreter and version, in one line.
        inputs: What the program is run on, in one line (a kernel: a line for each shape).
        hints: What the person who owns the program said about it; it may grow while the iterator of `propose` is alive.
        person: Who is asked between rounds of plans; None where nobody is.
        gained: How many times faster than the original the parent is already, as far as is known.
        ceiling: The most that any change of the original can gain (a roofline's); infinite where that is not known.
        probe: Makes a counterexample in words, an input on which a plan may change the behaviour, one of the visible
            inputs; returns "" or why it is none.
        limits: What a change has to keep to, in sentences; "" where nothing is asked but that it does the same.
        meter: What the run may still spend.
        trace: Where calls are recorded, and answered calls are found after a resume; None records nothing.
    """

    parent: Candidate
    source: str
    language: str = "python"
    kind: str = ""
    function: str = ""
    file_name: str = ""
    profile: Profile | None = None
    history: Sequence[tuple[Proposal, Verdict]] = ()
    exemplars: Sequence[Exemplar] = ()
    available: frozenset[str] = frozenset()
    seed: int = 0
    compiler: str = ""
    inputs: str = ""
    hints: Sequence[str] = ()
    person: Person | None = None
    gained: float = 1.0
    ceiling: float = math.inf
    probe: Callable[[str], str] = lambda text: "this kind of task takes none"
    limits: str = ""
    meter: Meter = field(default_factory=lambda: Meter(Budget()))
    trace: TraceWriter | None = None


class Proposer(Protocol):
    """Anything that proposes edits.

    Attributes:
        name: What the trace and the report call it.
        host: Who receives the user's code; "" where it does not leave this machine.
        ended: Why the last `propose` stopped before it was out of ideas, in one line; "" where it did not.
    """

    name: str
    host: str
    ended: str

    def check(self, budget: Budget, kind: str) -> None:
        """Find out before a run whether it can work on a task of that kind ("function", "kernel", …).

        Raises:
            UserError: It cannot (no such model, an unreachable server, a price that is not known).
        """
        ...

    def close(self) -> None:
        """End what it started. Idempotent."""
        ...

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """Proposals, made one at a time as they are asked for, so that the budget holds between them.

        The iterator ends when the proposer has no more ideas or may not spend more.

        Raises:
            UserError: It cannot work here (no such model, the server refuses the key, …).
        """
        ...


@dataclass
class ForKernels:
    """Stands for a proposer of kernels alone, until a kernel's run puts the one for its task in its place.

    Attributes:
        name: Of both.
        says: What it does with kernels, in a sentence.
    """

    name: str
    says: str
    host: str = ""
    ended: str = ""

    def check(self, budget: Budget, kind: str) -> None:
        """Raises UserError where the task is no kernel."""
        if kind != "kernel":
            raise UserError(f"--proposer {self.name} {self.says}, and this is none", f"leave {self.name} out")

    def close(self) -> None:
        """It starts nothing."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """Nothing."""
        return iter(())


@runtime_checkable
class Priced(Proposer, Protocol):
    """A proposer that costs something."""

    def estimate(self, context: ProposeContext) -> Estimate:
        """What it can cost at most in this run."""
        ...


@runtime_checkable
class Combines(Proposer, Protocol):
    """A proposer whose proposals do not depend on verdicts, which may therefore come later, and fit together."""

    def combine(self, context: ProposeContext, proposals: Sequence[Proposal]) -> Proposal | None:
        """One proposal that makes several of its own at once, the first ones first; None where fewer than two fit."""
        ...


def place_free(note: str) -> str:
    """A proposal's note without line numbers, which move when the file changes."""
    return re.sub(r"\d+", "#", note)


def proposer_names() -> tuple[str, ...]:
    """Names of the proposers that are installed."""
    modules = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in modules if name != "base" and "_" not in name))


def usual(kind: str, models: bool) -> tuple[str, ...]:
    """Names of the proposers of a task of that kind, where nobody names them; a model is asked where one is named."""
    names = ("rules", "compile") if kind == "kernel" else ("rules",)
    return (*names, "llm") if models else names


def find_proposer(name: str) -> Callable[[ProposerSettings], Proposer]:
    """The `create` of the proposer with that name.

    Raises:
        UserError: There is none.
    """
    names = proposer_names()
    if name not in names:
        raise UserError(f"there is no proposer named {name!r}", f"choose one of {', '.join(names)}")
    create: Callable[[ProposerSettings], Proposer] = importlib.import_module(f"codeopt.agent.proposers.{name}").create
    return create
