"""The catalogue of rewrite rules: finds them, applies them in a fixed order, renders their table.

A rule is a file in `python/` or `cpp/`; its name is the file's. Nothing has to be registered.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import parses

LANGUAGES = ("python", "cpp")
MOST, SOME = 20.0, 1.2
TURNS = 10.0
_FACTOR = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?x")
_HEADER = {"python": re.compile(r"\s*(async |for|while|with|def|class|if|@)"), "cpp": re.compile(r"\s*(for|while|do|if)\b")}
_LOOP = re.compile(r"(async )?(for|while|do)\b")
OnError = Callable[[str, Exception], None]


@dataclass(frozen=True)
class LoadedRule:
    """A rule and its name. `module` has the shape of `codeopt.agent.rules.base.Rule`."""

    name: str
    summary: str
    expects: str
    source: str
    module: ModuleType

    def apply(self, code: Code) -> Iterator[Rewrite]:
        return iter(self.module.apply(code))


@lru_cache(maxsize=8)
def load(language: str) -> tuple[LoadedRule, ...]:
    """The rules of a language in the order of their names. An error in a rule's file is raised as it is."""
    package = importlib.import_module(f"codeopt.agent.rules.{language}")
    rules = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        if not info.name.startswith("_"):
            m = importlib.import_module(f"{package.__name__}.{info.name}")
            rules.append(LoadedRule(info.name, m.SUMMARY, m.EXPECTS, m.SOURCE, m))
    return tuple(rules)


def report_to_stderr(rule: str, error: Exception) -> None:
    """The default `on_error`: one line on standard error."""
    print(f"codeopt: rule {rule} failed on this code: {type(error).__name__}: {error}", file=sys.stderr)


def propose(
    code: Code, only: Collection[str] = (), on_error: OnError = report_to_stderr
) -> Iterator[tuple[str, Rewrite]]:
    """(rule name, rewrite) for every rule (or those in `only`), the largest possible gain of the program first.

    That is Amdahl's bound: the part of the time that the profile shows at the line, sped up by what the rule expects.
    Without a profile the part is guessed from the nesting of loops. Of equal bounds the deeper line goes first.

    Rewrites that do not parse (Python), change nothing or repeat an earlier one are dropped. A rule that raises on
    some code is reported to `on_error(rule name, error)`, and the others go on; text that does not parse gives nothing.
    """
    if code.language == "python" and not parses(code.text):
        return
    found: list[tuple[float, int, int, str, Rewrite]] = []
    lines = code.text.splitlines()
    for rule in load(code.language):
        if only and rule.name not in only:
            continue
        try:
            for rewrite in rule.apply(code):
                depth = _indent(lines[rewrite.line - 1]) if 0 < rewrite.line <= len(lines) else 0
                found.append((-_bound(code, lines, rule, rewrite), -depth, len(found), rule.name, rewrite))
        except Exception as error:
            on_error(rule.name, error)
    seen: set[tuple[str, tuple[str, ...]]] = {(code.text, ())}
    for *_, name, rewrite in sorted(found, key=lambda f: f[:3]):
        key = (rewrite.text, rewrite.flags)
        if key not in seen and (code.language != "python" or parses(rewrite.text)):
            seen.add(key)
            yield name, rewrite


def expected_factor(expects: str) -> float:
    """What an EXPECTS line hopes for as one number: its first, or `MOST` for a better order of growth."""
    claims = [claim for claim in expects.split(";") if "memory" not in claim]
    if any("O(" in claim or "exponential" in claim for claim in claims):
        return MOST
    found = _FACTOR.search(expects)
    return min(MOST, max(1.05, float(found[2] or found[1]))) if found else SOME


def _bound(code: Code, lines: Sequence[str], rule: LoadedRule, rewrite: Rewrite) -> float:
    """Amdahl (1967): 1 / ((1 - p) + p / s) with p the share of the time at the line, s what the rule expects there."""
    factor = expected_factor(rule.expects)
    hot = code.hot or guessed_heat(code.text)
    share = 1.0
    if rewrite.text != code.text and not (rewrite.line == 1 and code.language == "cpp"):  # else flags or a pragma
        share = min(1.0, _heat(lines, _HEADER[code.language], hot, rewrite.line))
        if not code.hot and factor == MOST:
            share = TURNS * share / (1 + (TURNS - 1) * share)  # hides a loop of its own
    return 1.0 / ((1.0 - share) + share / factor)


@lru_cache(maxsize=64)
def guessed_heat(text: str) -> dict[int, float]:
    """Line -> share of the time if every loop makes `TURNS` turns (Wu and Larus 1994), loops seen by their indentation."""
    weights: dict[int, float] = {}
    loops: list[int] = []  # indentation of the loops around
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith(("#", "//")):
            continue
        depth = _indent(line)
        while loops and depth <= loops[-1]:
            loops.pop()
        weights[number] = TURNS ** len(loops)
        if _LOOP.match(bare):
            loops.append(depth)
    whole = sum(weights.values()) or 1.0
    return {number: weight / whole for number, weight in weights.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _heat(lines: Sequence[str], header: re.Pattern[str], hot: Mapping[int, float], line: int) -> float:
    """Share of the time at a line; of a loop (in Python a function too) with all that is indented below it."""
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    heat = hot.get(line, 0.0)
    if not header.match(text):
        return heat
    for at, below in enumerate(lines[line:], line + 1):
        if below.strip() and _indent(below) <= _indent(text):
            break
        heat += hot.get(at, 0.0)
    return heat


def markdown() -> str:
    """The page docs/rules.md: one table for each language."""
    out = ["# Rewrite rules", "", "Generated by `python -m codeopt.agent.rules.catalogue > docs/rules.md`."]
    for language in LANGUAGES:
        rules = load(language)
        title = {"python": "Python", "cpp": "C++"}[language]
        out += ["", f"## {title} ({len(rules)})", "", "| Rule | What it does | Expected gain | Where it comes from |"]
        out.append("|---|---|---|---|")
        for rule in rules:
            cells = [f"`{rule.name}`", rule.summary, rule.expects, rule.source]
            out.append("| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
