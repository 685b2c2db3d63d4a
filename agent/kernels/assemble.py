"""A candidate's file: the module's text, kernels, and a `forward` that finds those that fit a call.

The module is traced at each shape that a search may see. Where traces differ (other types, another path through the module),
each is a way of its own, taken where a call is like it; where only sizes differ, they share kernels, and each has the numbers
that suit it. A size that was not seen takes those of the nearest that was.

A candidate keeps the class as it was written, and so its weights.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codeopt.agent.kernels import persistent, words
from codeopt.agent.kernels.forward import Choice, Forward
from codeopt.agent.kernels.graph import Graph, Symbol, Unsupported
from codeopt.agent.kernels.ir import Value
from codeopt.agent.kernels.plan import Plan
from codeopt.agent.tasks.kernel import CANDIDATE, REFERENCE, first_line

HEAD = "import torch\nimport triton\nimport triton.language as tl\n"
RULES = ("attention", "matrix product", "selection", "scan", "whole reduction", "row fusion", "pointwise fusion")
INDENT = "    "
NEAREST = '''
@functools.lru_cache(1024)
def nearest(sizes, tuned):
    # Which of the sizes that were tuned is the nearest one, by their ratios.
    return min(range(len(tuned)), key=lambda i: sum(abs(math.log2(one / other)) for one, other in zip(sizes, tuned[i])))
'''


@dataclass(frozen=True)
class Part:
    """A module as it was traced at one shape, and the numbers for that shape."""

    graph: Graph
    plan: Plan
    choice: Choice

    def sizes(self, names: Iterable[str]) -> tuple[int, ...]:
        """What open sizes were when it was traced."""
        return tuple(self.graph.symbols[name].hint for name in names)


@dataclass(frozen=True)
class Made:
    """A candidate.

    Attributes:
        config: For each part, the numbers that matter.
    """

    source: str
    note: str
    rule: str
    config: tuple[dict[str, int | str], ...]


def alike(graph: Graph) -> Graph:
    """The graph without the sizes at which it was traced: equal for shapes that can share kernels."""
    return replace(graph, symbols={name: Symbol(0, symbol.low, symbol.high) for name, symbol in graph.symbols.items()})


def candidate(source: str, parts: Sequence[Part]) -> Made | None:
    """A whole file; None where it would have no kernel.

    Args:
        source: The file that defines the module.
        parts: One for each shape.
    """
    groups: list[list[Part]] = []
    for part in parts:
        known = next((group for group in groups if alike(group[0].graph) == alike(part.graph)), None)
        if known is None:
            groups.append([part])
        else:
            known.append(part)
    ways: list[_Way] = []
    for number, group in enumerate(groups):
        with contextlib.suppress(Unsupported):  # then these shapes go the way the module was written
            way = _Way(group, f"fused_{number}_" if len(groups) > 1 else "fused_")
            if way.first.launchers:
                ways.append(way)
    if not ways:
        return None
    note = " | ".join(dict.fromkeys(_note(way.group[0].plan, way.first) for way in ways))
    texts = dict.fromkeys(text for way in ways for text in way.texts)
    kernels = "\n\n".join(texts)
    picks = NEAREST.lstrip() + "\n" if any(len(way.made) > 1 for way in ways) else ""
    imports = ["import functools", "import math"] if picks else []
    if "described(" in kernels:
        picks += persistent.DESCRIBED.lstrip() + "\n"
        imports = [*dict.fromkeys(["import functools", *imports]), persistent.IMPORT]
    text = "\n".join([f'"""{note}"""\n', kept(source, imports), words.helpers(kernels), picks, kernels, _class(ways)])
    found = [item.rule for way in ways for item in way.first.launchers]
    rule = next(rule for rule in RULES if rule in found)
    return Made(text, note, rule, tuple(part.choice.numbers(way.first.keys) for way in ways for part in way.group))


class _Way:
    """What shapes with one graph have in common, and where they differ.

    Attributes:
        made: One for each set of numbers. lines: Those of each.
        first: One that has kernels, if any has.
        which: For each part, which of `made` it is.
        texts: Kernels and functions.
    """

    def __init__(self, group: Sequence[Part], prefix: str) -> None:
        self.group = list(group)
        self.made: list[Forward] = []
        self.texts: list[str] = []
        hosts: dict[str, str] = {}  # text -> name
        lines: list[list[str]] = []
        self.which: list[int] = []
        plans: list[object] = []
        for part in group:
            # Where sizes make another plan, its kernels have names of their own.
            if part.plan.steps not in plans:
                plans.append(part.plan.steps)
            number = plans.index(part.plan.steps)
            made = Forward(part.graph, part.plan, part.choice, f"{prefix}plan{number}_" if number else prefix)
            made.run()
            own = self._lines(made, hosts)
            if own not in lines:
                lines.append(own)
                self.made.append(made)
            self.which.append(lines.index(own))
            made.answers()  # raises where it has not what the module answers with
            made.sizes()  # and where it cannot tell what it was made for
        self.lines = lines
        self.first = next((made for made in self.made if made.launchers), self.made[0])

    def _lines(self, made: Forward, hosts: dict[str, str]) -> list[str]:
        """The lines of a forward; its functions under names that tell those with other numbers apart."""
        names = {}
        for item in made.launchers:
            if item.host not in hosts:
                taken = sum(name.split("_with_")[0] == item.name for name in hosts.values())
                hosts[item.host] = f"{item.name}_with_{taken}" if taken else item.name
                self.texts += [*item.kernels, item.host.replace(f"def {item.name}(", f"def {hosts[item.host]}(", 1)]
            names[item.name] = hosts[item.host]
        return [_renamed(line, names) for line in made.lines]

    def method(self, number: int) -> list[str]:
        """The lines of a method that does it."""
        first = self.first
        given = ", ".join(node.name for node in first.graph.inputs)
        sizes, _ = first.sizes()
        head = [f"{INDENT}def way_{number}(self, {given}):", *(f"{INDENT * 2}{line}" for line in sizes)]
        if len(self.made) == 1:
            return [*head, *(f"{INDENT * 2}{line}" for line in self.lines[0]), f"{INDENT * 2}return {first.answers()}", ""]
        own = ", ".join(first.program.symbols)
        tuned = tuple(part.sizes(first.program.symbols) for part in self.group)
        head.append(f"{INDENT * 2}which = {tuple(self.which)}[nearest(({own},), {tuned})]")
        for index, made in enumerate(self.made):
            word = "else:" if index == len(self.made) - 1 else f"{'el' if index else ''}if which == {index}:"
            body = [*self.lines[index], f"return {made.answers()}"]
            head += [f"{INDENT * 2}{word}", *(f"{INDENT * 3}{line}" for line in body)]
        return [*head, ""]


def _renamed(line: str, names: dict[str, str]) -> str:
    made, equals, call = line.partition(" = ")
    name, bracket, rest = call.partition("(")
    return f"{made}{equals}{names.get(name, name)}{bracket}{rest}" if equals else line


def _class(ways: Sequence[_Way]) -> str:
    given = ", ".join(node.name for node in ways[0].first.graph.inputs)
    lines = ["", f"class {CANDIDATE}({REFERENCE}):"]
    facts = [way.first.graph.facts for way in ways]
    if any(facts):
        lines += ["    def __init__(self, *given):", "        super().__init__(*given)"]
        lines.append("        # What the kernels hold of the module itself.")
        lines.append(f"        self.fits = [{', '.join(map(_fits, facts))}]")
        lines.append("")
    lines.append(f"    def forward(self, {given}):")
    lines.append("        # The kernels know no gradients, no other types and no other fixed sizes: those go the old way.")
    for number, way in enumerate(ways):
        graph = way.first.graph
        training = "not self.training" if graph.training else "self.training"
        fits = [f"not self.fits[{number}]"] if graph.facts else []
        tests = ["torch.is_grad_enabled()", training, *fits, *(test for made in way.made for test in made.sizes()[1])]
        lines += ["        if not (", *(f"            {'or ' if i else ''}{test}" for i, test in enumerate(dict.fromkeys(tests)))]
        lines += ["        ):", f"            return self.way_{number}({given})"]
    lines += [f"        return super().forward({given})", ""]
    for number, way in enumerate(ways):
        lines += way.method(number)
    return "\n".join(lines)


def _fits(facts: Mapping[str, Any]) -> str:
    """The question whether a module's attributes are what they were, as text."""
    tests = [f"{f'tuple(self.{path})' if isinstance(value, list) else f'self.{path}'} == {_said(value)}" for path, value in facts.items()]
    return " and ".join(tests) or "True"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(_said, value))}{',' if len(value) == 1 else ''})"
    return f"torch.{value['dtype']}" if isinstance(value, dict) else repr(value)


def _note(plan: Plan, made: Forward) -> str:
    parts = list(dict.fromkeys(item.what for item in made.launchers))
    kernels = len(made.launchers)
    text = f"{kernels} kernel{'s' if kernels > 1 else ''}: {'; '.join(parts)}: what is between is neither written nor read"
    left = [step.op.split(".")[1] for step in plan.steps if isinstance(step, Value) and step.name in made.left]
    return text + (f"; left to torch: {', '.join(dict.fromkeys(left))}" if left else "")


# --- the module as it was written --------------------------------------------------------------------------


def kept(source: str, more: Sequence[str]) -> str:
    """What a file holds that its `Model` needs, and what the kernels import."""
    tree = ast.parse(source)
    lines = source.splitlines()
    defined: dict[str, ast.stmt] = {}
    imports: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        for name in _names(node):
            defined.setdefault(name, node)
    needed: set[int] = set()
    stack = [REFERENCE]
    seen: set[str] = set()
    while stack:
        name = stack.pop()
        if name in seen or name not in defined:
            continue
        seen.add(name)
        needed.add(id(defined[name]))
        stack += [item.id for item in ast.walk(defined[name]) if isinstance(item, ast.Name)]

    def text(node: ast.stmt) -> str:
        return "\n".join(lines[first_line(node) - 1 : node.end_lineno])

    future = [text(node) for node in imports if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    known = {line for line in HEAD.splitlines()}
    rest = [text(node) for node in imports if text(node) not in future and text(node) not in known]
    body = [text(node) for node in tree.body if id(node) in needed]
    own = [line for line in more if line not in rest]
    return "\n".join([*future, HEAD.rstrip(), *own, *rest, "", "", "\n\n\n".join(body), ""])


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [item.id for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []

