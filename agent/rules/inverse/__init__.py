"""Inverse rules: they make a fast program slow, as people write it, and leave what it does exactly the same.

The slow program and the one that it was made from are a pair (slow, fast) with nothing guessed. A rule is a file in
`python/` or `cpp/` of the shape of `codeopt.agent.rules.base.Rule`, where
    EXPECTS   how much slower the program gets
    SOURCE    which slowness of people's programs it imitates
The search never sees them: `codeopt.agent.rules.catalogue.load` looks in the forward rules' folders only.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from codeopt.agent.rules.base import Code, Rewrite, Rule
from codeopt.agent.rules.cppedit import parse as parse_cpp
from codeopt.agent.rules.inverse._facts import introspects
from codeopt.agent.rules.pyedit import parses

Apply = Callable[[Code], Iterator[Rewrite]]


@dataclass
class Inverse:
    """A rule as `inverse_rules` gives it: of the module's rewrites those that change something and parse, by their place."""

    SUMMARY: str
    EXPECTS: str
    SOURCE: str
    rewrites: Apply

    def apply(self, code: Code) -> Iterator[Rewrite]:
        python = code.language == "python"
        if python and (not parses(code.text) or introspects(code.text)):
            return
        seen = {code.text}
        for rewrite in sorted(self.rewrites(code), key=lambda r: r.line):
            good = parses(rewrite.text) if python else parse_cpp(rewrite.text).errors <= parse_cpp(code.text).errors
            if good and rewrite.text not in seen:
                seen.add(rewrite.text)
                yield rewrite


@lru_cache(maxsize=2)
def _load(language: str) -> tuple[tuple[str, Rule], ...]:
    package = importlib.import_module(f"{__name__}.{language}")
    found: list[tuple[str, Rule]] = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        if not info.name.startswith("_"):
            m = importlib.import_module(f"{package.__name__}.{info.name}")
            found.append((info.name, Inverse(m.SUMMARY, m.EXPECTS, m.SOURCE, m.apply)))
    return tuple(found)


def inverse_rules(language: str) -> dict[str, Rule]:
    """The inverse rules of "python" or "cpp" by name, in the order of their names."""
    return dict(_load(language))
