"""The embedded default: the catalogue of rewrite rules. No model, no key, no cost."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.budget import Budget
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.agent.rules.base import Code
from codeopt.agent.rules.catalogue import propose
from codeopt.types import Proposal


def code_of(context: ProposeContext) -> Code:
    """The parent as rules see it."""
    rows = context.profile.rows if context.profile else ()
    hot: dict[int, float] = {}
    for row in rows:
        if row.line and (not row.file or row.file.endswith(context.file_name)):
            hot[row.line] = max(hot.get(row.line, 0.0), row.share)
    return Code(
        text=context.source,
        language=context.language,
        function=context.function,
        hot=hot,
        available=context.available,
    )


class Rules:
    """Every rewrite of every rule that fits, one at a time."""

    name = "rules"
    host = ""
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
