"""Where programs for a base come from: rewrite rules, inverse rules and their combinations, samples of a model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from codeopt.agent.rules.base import Code, Rewrite, Rule
from codeopt.agent.rules.catalogue import propose
from codeopt.agent.rules.inverse import inverse_rules
from codeopt.agent.tasks.model import Task
from codeopt.types import Proposal

NAMES = ("rules", "inverse", "samples")
TRIES = 4
"""Combinations of two that are tried for each one that is wanted: many rules no longer find their place."""


@dataclass(frozen=True)
class Ways:
    """What is made of a base.

    Attributes:
        names: Of `NAMES`.
        per_program: Programs for each base and way, at most; samples are all taken.
        seed: Of the choice of combinations.
        samples: Programs by task_id.
        model: Who wrote them.
    """

    names: tuple[str, ...]
    per_program: int
    seed: int
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    model: str = ""

    def proposals(self, task: Task, source: str, task_id: str) -> Iterator[Proposal]:
        """Programs that are made of the base alone, way by way; some may be equal."""
        code = Code(source, task.language, task.function)
        if "rules" in self.names:
            yield from self.rewrites(code)
        if "inverse" in self.names:
            yield from self._slow(code, task_id)
        if "samples" in self.names:
            for number, text in enumerate(self.samples.get(task_id, ())):
                yield Proposal(source=text, proposer="llm", rule=self.model, note=f"sample {number}")

    def rewrites(self, code: Code, flags: tuple[str, ...] = ()) -> Iterator[Proposal]:
        """Every rewrite of the catalogue, singly, the most promising first."""
        found = propose(code, on_error=lambda rule, error: None)
        for _, (rule, rewrite) in zip(range(self.per_program), found):
            yield _proposal("rules", rule, rewrite.text, _note(rewrite), (*flags, *rewrite.flags))

    def _slow(self, code: Code, task_id: str) -> Iterator[Proposal]:
        """The inverse rules' rewrites singly, then two of different rules one after the other."""
        rules = inverse_rules(code.language)
        rng = random.Random(f"{self.seed}/{task_id}")
        single = [(name, rewrite) for name, rule in rules.items() for rewrite in rule.apply(code)]
        rng.shuffle(single)
        # One of each rule first, then their other places.
        seen: dict[str, int] = {}
        turns = [seen.setdefault(name, 0) or 0 for name, _ in single]
        for at, (name, _) in enumerate(single):
            turns[at], seen[name] = seen[name], seen[name] + 1
        ordered = [pair for _, _, pair in sorted(zip(turns, range(len(single)), single), key=lambda one: one[:2])]
        left = self.per_program
        for name, rewrite in ordered[:left]:
            left -= 1
            yield _proposal("inverse", name, rewrite.text, _note(rewrite))
        for _ in range(TRIES * left if len(ordered) > 1 else 0):
            name, rewrite = rng.choice(ordered)
            second = _second(rules, replace(code, text=rewrite.text), name, rng)
            if second is not None:
                other, more = second
                yield _proposal("inverse", f"{name}+{other}", more.text, f"{_note(rewrite)}; {_note(more)}")
                left -= 1
                if not left:
                    return


def _second(rules: Mapping[str, Rule], code: Code, first: str, rng: random.Random) -> tuple[str, Rewrite] | None:
    """A rewrite by another rule; None where none that was tried finds a place."""
    names = [name for name in rules if name != first]
    for name in rng.sample(names, len(names)):
        found = list(rules[name].apply(code))
        if found:
            return name, rng.choice(found)
    return None


def _note(rewrite: Rewrite) -> str:
    return f"line {rewrite.line}: {rewrite.note}"


def _proposal(proposer: str, rule: str, text: str, note: str, flags: tuple[str, ...] = ()) -> Proposal:
    return Proposal(source=text, proposer=proposer, rule=rule, note=note, flags=flags)
