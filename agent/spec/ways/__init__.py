"""Ways to a program for a specification: one strategy a file, found by its name, written as what it asks and in which order.

A way is a generator that knows nothing of models, sandboxes or other problems: it yields what it wants to ask or to have
judged, and is sent what came of it. So the questions for many problems can be answered in one batch on a GPU, and their
programs be measured on many cores, while each way reads from top to bottom.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codeopt.agent.models.chat import Message
from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.spec.reading import Specification, standing
from codeopt.errors import UserError

USUAL_TOKENS = 250  # of an answer, before any was heard


@dataclass(frozen=True)
class Ask:
    """A question; its answer is sent as a `Heard`."""

    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Heard:
    """An answer, and the tokens that it took."""

    text: str
    finish: str
    tokens: int


@dataclass(frozen=True)
class Tried:
    """A program to be judged; `votes` is 0 where it was made from another one."""

    source: str
    votes: int = 1


@dataclass(frozen=True)
class Judged:
    """What is known of all programs so far.

    Attributes:
        best: The fastest of those that the consensus found right; "" where nothing runs.
        seconds: Of it; None where nothing could be timed.
        confidence: As `codeopt.agent.spec.board.Found.confidence`.
        failed: Why programs of the last call are out or not chosen, by text.
        hot: Where the time of the best goes: a line of text for each row.
        distinct, programs: Different programs, and all answers with one.
        right: All programs that the consensus found right, in the order in which they came.
        held: Which of the specification's examples the best gives, in their order.
        inputs: On which the consensus rests.
    """

    best: str = ""
    seconds: float | None = None
    confidence: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    hot: tuple[str, ...] = ()
    distinct: int = 0
    programs: int = 0
    right: tuple[str, ...] = ()
    held: tuple[bool, ...] = ()
    inputs: int = 0


Wants = Sequence[Ask] | Sequence[Tried]
Way = Generator[Wants, Sequence[Heard] | Judged, None]


@dataclass
class Wish:
    """What is wanted, and what may be spent on it.

    Attributes:
        specification: The function.
        tokens: That a model may generate for it, all in all, give or take half an answer.
        spent: Generated so far.
        answers: Heard so far.
        families: Of the ideas that programs were made from.
        polish: The way leaves its program to the rewrite rules.
    """

    specification: Specification
    tokens: int
    spent: int = 0
    answers: int = 0
    families: list[str] = field(default_factory=list)
    polish: bool = False

    @property
    def usual(self) -> float:
        """Tokens of an answer, as far as is known."""
        return self.spent / self.answers if self.answers else USUAL_TOKENS

    def affordable(self, most: int, share: float = 1.0) -> int:
        """How many answers of the usual length are left of that share of the tokens, at most `most`.

        To the nearest number: what is spent is right on average, and no round is for the few that have a little left.
        """
        left = share * self.tokens - self.spent
        return min(most, max(not self.answers, round(left / self.usual))) if left > 0 else 0

    def heard(self, replies: Sequence[Heard] | Judged) -> Sequence[Heard]:
        """The answers, counted."""
        assert not isinstance(replies, Judged)
        self.spent += sum(max(1, reply.tokens) for reply in replies)  # an empty answer is no reason to ask for ever
        self.answers += len(replies)
        return replies

    def programs(self, replies: Sequence[Heard], votes: int = 1) -> list[Tried]:
        """The programs in answers; the others are left out."""
        return [Tried(found, votes) for reply in replies if (found := self.program(reply))]

    def program(self, reply: Heard) -> str:
        """The program in an answer, with what it needs of the specification's file; "" where there is none."""
        try:
            code = extract(reply.text, "python", self.specification.function, reply.finish).code
        except EditError:
            return ""
        return standing(code, self.specification)


def way_names() -> tuple[str, ...]:
    """Names of the ways that there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])))


def find_way(name: str) -> Callable[[Wish], Way]:
    """The way with that name.

    Raises:
        UserError: There is none.
    """
    if name not in way_names():
        raise UserError(f"there is no strategy {name!r}", f"one of {', '.join(way_names())}")
    found: Callable[[Wish], Way] = importlib.import_module(f"codeopt.agent.spec.ways.{name}").way
    return found
