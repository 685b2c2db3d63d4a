"""The embedded default: the catalogue of rewrite rules. No model, no key, no cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from codeopt.agent.budget import Budget
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings, place_free
from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.catalogue import propose
from codeopt.agent.rules.cppedit import functions, parse
from codeopt.types import Proposal


def code_of(context: ProposeContext) -> Code:
    """The parent as rules see it."""
    rows = [
        row
        for row in (context.profile.rows if context.profile else ())
        if not row.file or row.file.endswith(context.file_name)
    ]
    hot: dict[int, float] = {}
    for row in rows:
        if row.line:
            hot[row.line] = max(hot.get(row.line, 0.0), row.share)
        elif context.language == "cpp":
            # Inlined library code is known by its function only: each line may be the one that it came from.
            rest = row.share - sum(other.share for other in rows if other.line and other.function == row.function)
            for line in _lines_of(context.source, row.function):
                hot[line] = max(hot.get(line, 0.0), rest)
    return Code(
        text=context.source,
        language=context.language,
        function=context.function,
        hot=hot,
        available=context.available,
    )


def _lines_of(source: str, symbol: str) -> range:
    """The lines of the C++ function that a profile calls `symbol`; empty where it cannot be told."""
    name = symbol.partition("[")[0].split("::")[-1]
    found = [function for function in functions(parse(source)) if function.name.split(".")[-1] == name]
    if len(found) != 1:
        return range(0)
    node = found[0].node
    return range(node.start_point[0] + 1, node.end_point[0] + 2)


class Rules:
    """Every rewrite of every rule that fits, one at a time."""

    name = "rules"
    host = ""
    ended = ""

    def check(self, budget: Budget, kind: str) -> None:
        """Rules need nothing."""

    def close(self) -> None:
        """Rules start nothing."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        def failed(rule: str, error: Exception) -> None:
            if context.trace is not None:
                context.trace.note(f"rule {rule} failed on this code: {type(error).__name__}: {error}", "warning")

        for rule, rewrite in propose(code_of(context), on_error=failed):
            yield Proposal(
                source=rewrite.text,
                proposer=self.name,
                rule=rule,
                note=_note(rewrite),
                flags=(*context.parent.proposal.flags, *rewrite.flags),
            )

    def combine(self, context: ProposeContext, proposals: Sequence[Proposal]) -> Proposal | None:
        """The rules of the proposals applied one after the other, each where it applied before; None for fewer than two.

        A rewrite is found again by its note, else by its rule and the nearest line.
        """
        code = code_of(context)
        taken: list[tuple[str, Rewrite]] = []
        known: set[tuple[str, str]] = set()
        for proposal in proposals:
            wanted = place_free(proposal.note)
            if (proposal.rule, wanted) in known:
                continue
            found = [rewrite for _, rewrite in propose(code, {proposal.rule}, lambda rule, error: None)]
            same = [rewrite for rewrite in found if place_free(_note(rewrite)) == wanted]
            if not same and all(rule != proposal.rule for rule, _ in known):
                line = int(proposal.note.split(":")[0].removeprefix("line "))
                same = sorted(found, key=lambda rewrite: abs(rewrite.line - line))
            if not same:
                continue
            known.add((proposal.rule, wanted))
            taken.append((proposal.rule, same[0]))
            code = replace(code, text=same[0].text)
        if len(taken) < 2:
            return None
        flags = [*context.parent.proposal.flags, *(flag for _, rewrite in taken for flag in rewrite.flags)]
        return Proposal(
            source=code.text,
            proposer=self.name,
            rule="+".join(rule for rule, _ in taken),
            note="; ".join(_note(rewrite) for _, rewrite in taken),
            flags=tuple(dict.fromkeys(flags)),
        )


def _note(rewrite: Rewrite) -> str:
    return f"line {rewrite.line}: {rewrite.note}"


def create(settings: ProposerSettings) -> Rules:
    """The proposer; it has no settings."""
    return Rules()
