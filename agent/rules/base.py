"""What a rewrite rule is: a module in `codeopt.agent.rules.python` or `.cpp`, found by its file's name.

A rule module has
    SUMMARY   one line: what it rewrites into what
    EXPECTS   the gain it hopes for, in words ("O(n*m) -> O(n+m)", "2-5x on tight loops")
    SOURCE    where the idea comes from (documentation, paper, common practice among PIE's human pairs)
    apply(code: Code) -> Iterator[Rewrite]
`apply` yields whole new texts; each is one independent change that parses. A rule checks the precondition that it
can see and may be wrong about what it cannot (types, aliasing): the verdict decides, never the rule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Protocol


@dataclass(frozen=True)
class Rewrite:
    """One change.

    Attributes:
        text: The whole new file.
        note: One line for a person: what was changed ("list membership in the loop -> set").
        line: 1-based line of the change in the old text.
        flags: Compiler flags that the change needs (C++).
    """

    text: str
    note: str
    line: int
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """A file as rules see it.

    Attributes:
        text: The whole file.
        language: "python" or "cpp".
        function: Qualified name of the function to speed up ("f", "Class.method"); "" means the whole file.
        hot: Line -> share of the time, 0..1; may be empty.
        available: Top-level modules that can be imported where the program runs ("numpy", "numba").
    """

    text: str
    language: str = "python"
    function: str = ""
    hot: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    available: frozenset[str] = frozenset()

    @cached_property
    def tree(self) -> ast.Module:
        """The Python syntax tree. Raises SyntaxError for other text."""
        return ast.parse(self.text)


class Rule(Protocol):
    """The shape of a rule module."""

    SUMMARY: str
    EXPECTS: str
    SOURCE: str

    def apply(self, code: Code) -> Iterator[Rewrite]: ...
