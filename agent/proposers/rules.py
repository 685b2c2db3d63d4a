"""The embedded default: the catalogue of rewrite rules. No model, no key, no cost."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.budget import Budget
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.agent.rules.base import Code
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
    patient = True
    ended = ""

    def check(self, budget: Budget) -> None:
        """Rules need nothing."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        def failed(rule: str, error: Exception) -> None:
            if context.trace is not None:
                context.trace.note(f"rule {rule} failed on this code: {type(error).__name__}: {error}", "warning")

        for rule, rewrite in propose(code_of(context), on_error=failed):
            yield Proposal(
                source=rewrite.text,
                proposer=self.name,
                rule=rule,
                note=f"line {rewrite.line}: {rewrite.note}",
                flags=(*context.parent.proposal.flags, *rewrite.flags),
            )


def create(settings: ProposerSettings) -> Rules:
    """The proposer; it has no settings."""
    return Rules()
