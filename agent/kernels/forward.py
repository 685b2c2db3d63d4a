"""A candidate's file: the module's text, kernels, and a `forward` that calls them."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from codeopt.agent.kernels import attention, host, matmul, words
from codeopt.agent.kernels.graph import Expr, Graph, Unsupported
from codeopt.agent.kernels.host import Config, Launcher
from codeopt.agent.kernels.ir import Program, Use, Value
from codeopt.agent.kernels.plan import Group, Plan
from codeopt.agent.tasks.kernel import CANDIDATE, REFERENCE

USUAL_LOW = 2  # torch traces sizes of 0 and 1 apart; these kernels do not care
HEAD = "import torch\nimport triton\nimport triton.language as tl\n"
RULES = ("attention", "matrix product", "scan", "whole reduction", "row fusion", "pointwise fusion")
TAKEN = {"torch", "triton", "tl", "self", "super"}


@dataclass(frozen=True)
class Made:
    """A candidate, and the keys of its Config that matter to it."""

    source: str
    note: str
    rule: str
    keys: tuple[str, ...]


@dataclass
class _Forward:
    """Lines of a forward as they come.

    Attributes:
        tiles, heads: Of matrix products and of attentions; None leaves those to torch.
        names: Value -> what it is called there.
        left: What torch does.
    """

    graph: Graph
    plan: Plan
    config: Config
    tiles: matmul.Config | None = None
    heads: attention.Config | None = None
    names: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    launchers: list[Launcher] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def program(self) -> Program:
        return self.plan.program

    def fresh(self, name: str) -> str:
        """A name that nothing else has."""
        name = re.sub(r"\W", "_", name)
        taken = set(self.names.values()) | TAKEN | set(self.program.symbols)
        while name in taken or keyword.iskeyword(name) or name.startswith("fused_"):
            name = f"v_{name}"
        return name

    def run(self) -> None:
        """All steps in order."""
        for node in self.graph.inputs:
            self.names[node.name] = node.name
        flash = attention.attentions(self.plan) if self.heads is not None else {}
        covered = {one.scores.name for one in flash.values() if one.scores is not None}
        replaced = {one.group for one in flash.values() if one.group is not None}
        products = matmul.products(self.plan) if self.tiles is not None else {}
        products = {name: found for name, found in products.items() if name not in flash and name not in covered}
        after = {group: one for one, group in products.values() if group is not None}
        for step in self.plan.steps:
            name = f"fused_{len(self.launchers)}"
            if isinstance(step, Group):
                if step in replaced:
                    continue
                if step in after and self.tiles is not None:
                    self.launch(matmul.launcher(self.program, after[step], step, name, self.tiles))
                else:
                    self.launch(host.launcher(self.program, step, name, self.config))
            elif step.name in covered:
                continue
            elif step.name in flash and self.heads is not None:
                self.launch(attention.launcher(self.program, flash[step.name], name, self.heads))
            elif step.name in products and self.tiles is not None:
                one, group = products[step.name]
                if group is None:
                    self.launch(matmul.launcher(self.program, one, None, name, self.tiles))
            elif step.kind == "host":
                self.names[step.name] = self.fresh(step.name)
                if "." in step.op:
                    self.left.append(step.name)
                self.lines.append(f"{self.names[step.name]} = {self.operation(step)}")

    def launch(self, made: Launcher) -> None:
        """A kernel's launch."""
        self.launchers.append(made)
        given = [self.text(leaf) for leaf in made.leaves]
        outs = []
        for out in made.outs:
            self.names[out.name] = self.fresh(out.name)
            outs.append(self.names[out.name])
        self.lines.append(f"{', '.join(outs)} = {made.name}({', '.join([*given, *self.program.symbols])})")

    def text(self, value: Value) -> str:
        """A tensor on the host, views included."""
        if value.kind == "weight":
            return f"self.{value.op}"
        if value.kind == "view":
            held = self.text(self.program.uses(value)[0])
            sizes = ", ".join(map(str, value.at if value.op in ("permute", "flip") else value.shape))
            return f"{held}.{value.op}({sizes if sizes or value.op != 'reshape' else '()'})"
        if value.kind == "iota":
            size = value.shape[value.at]
            shape = ", ".join(map(str, value.shape))
            return f"torch.arange({size}, device={self.device()}).reshape({shape})"
        if value.op == "fill":
            return f"torch.full({host.tuple_text(value.shape)}, {self.argument(value.args[0])}, dtype=torch.{value.dtype}, device={self.device()})"
        return self.names[value.name]

    def device(self) -> str:
        """Where the module's tensors are."""
        return next(f"{node.name}.device" for node in self.graph.inputs if node.dtype)

    def operation(self, value: Value) -> str:
        """An operation that torch does."""
        if value.op == "getitem":
            return f"{self.text(self.program.uses(value)[0])}[{value.args[1]}]"
        given = [self.argument(arg) for arg in value.args]
        given += [f"{key}={self.argument(arg)}" for key, arg in value.at.items()]
        return f"torch.ops.{value.op}({', '.join(given)})"

    def argument(self, arg: Any) -> str:
        """An argument as Python text."""
        if isinstance(arg, Use):
            return self.text(self.program.values[arg.name])
        if isinstance(arg, Expr):
            return arg.text
        if isinstance(arg, list):
            return f"[{', '.join(self.argument(item) for item in arg)}]"
        if isinstance(arg, dict):
            if "dtype" in arg:
                return f"torch.{arg['dtype']}"
            if "device" in arg:
                return self.device()
            raise Unsupported("an argument that is no plain data")
        return words.number(arg) if isinstance(arg, float) else repr(arg)

    # --- what the kernels were made for -------------------------------------------------------------------

    def sizes(self) -> tuple[list[str], list[str]]:
        """Lines that name the sizes, and tests that say that a call is another than was traced."""
        known: dict[str, str] = {}
        tests = []
        for node in self.graph.inputs:
            if not node.dtype:
                tests.append(f"{node.name} != {node.value!r}")
                continue
            tests += [f"{node.name}.dtype != torch.{node.dtype}", f"{node.name}.dim() != {len(node.shape)}"]
        later = []
        for node in self.graph.inputs:
            for i, dim in enumerate(node.shape):
                own = f"{node.name}.shape[{i}]"
                if isinstance(dim, str) and dim in self.program.symbols and dim not in known:
                    known[dim] = own
                else:
                    later.append((own, dim))
        if set(self.program.symbols) - set(known):
            raise Unsupported("a size that no input has")
        for own, dim in later:
            wanted = str(dim) if isinstance(dim, int) else re.sub(r"[A-Za-z_]\w*", lambda found: known[found[0]], dim)
            tests.append(f"{own} != {wanted}")
        for name, symbol in self.program.symbols.items():
            if symbol.low > USUAL_LOW:
                tests.append(f"{known[name]} < {symbol.low}")
            if symbol.high is not None:
                tests.append(f"{known[name]} > {symbol.high}")
        for need in (need for item in self.launchers for need in item.needs):
            tests.append(re.sub(r"[A-Za-z_]\w*", lambda found: known[found[0]], need))
        tests += [f"{node.name}.numel() == 0" for node in self.graph.inputs if node.dtype and "" not in node.shape and node.shape]
        return [f"{name} = {own}" for name, own in known.items()], tests


def candidate(
    graph: Graph, source: str, plan: Plan, config: Config, tiles: matmul.Config | None = None, heads: attention.Config | None = None
) -> Made | None:
    """A whole file; None where it would have no kernel.

    Args:
        tiles, heads: Of matrix products and of attentions, where those are to be kernels, too.
    """
    if not any(node.dtype for node in graph.inputs):
        return None
    made = _Forward(graph, plan, config, tiles, heads)
    made.run()
    if not made.launchers:
        return None
    sizes, tests = made.sizes()
    answers = [made.text(plan.program.values[name]) for name in plan.program.outputs]
    kernels = "\n\n".join(item.text for item in made.launchers)
    note = _note(plan, made)
    text = "\n".join(
        [
            f'"""{note}"""\n',
            kept(source),
            words.helpers(kernels),
            kernels,
            _class(graph, tests, [*sizes, *made.lines], answers),
        ]
    )
    keys = tuple(dict.fromkeys(key for item in made.launchers for key in item.keys))
    return Made(text, note, _rule(made), keys)


def _class(graph: Graph, tests: Sequence[str], lines: Sequence[str], answers: Sequence[str]) -> str:
    given = ", ".join(node.name for node in graph.inputs)
    training = "not self.training" if graph.training else "self.training"
    answer = answers[0] if graph.single else f"({', '.join(answers)},)"
    return "\n".join(
        [
            "",
            f"class {CANDIDATE}({REFERENCE}):",
            f"    def forward(self, {given}):",
            "        # The kernels know no gradients, no other types and no other fixed sizes: those go the old way.",
            "        if (",
            "            torch.is_grad_enabled()",
            f"            or {training}",
            *(f"            or {test}" for test in tests),
            "        ):",
            f"            return super().forward({given})",
            *(f"        {line}" for line in lines),
            f"        return {answer}",
            "",
        ]
    )


def _note(plan: Plan, made: _Forward) -> str:
    parts = list(dict.fromkeys(item.what for item in made.launchers))
    kernels = len(made.launchers)
    text = f"{kernels} kernel{'s' if kernels > 1 else ''}: {'; '.join(parts)}: what is between is neither written nor read"
    left = [step.op.split(".")[1] for step in plan.steps if isinstance(step, Value) and step.name in made.left]
    return text + (f"; left to torch: {', '.join(dict.fromkeys(left))}" if left else "")


def _rule(made: _Forward) -> str:
    """The template that does most of the work."""
    found = [item.rule for item in made.launchers]
    return next(rule for rule in RULES if rule in found)


# --- the module as it was written --------------------------------------------------------------------------


def kept(source: str) -> str:
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
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        return "\n".join(lines[first - 1 : node.end_lineno])

    future = [text(node) for node in imports if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    known = {line for line in HEAD.splitlines()}
    rest = [text(node) for node in imports if text(node) not in future and text(node) not in known]
    body = [text(node) for node in tree.body if id(node) in needed]
    return "\n".join([*future, HEAD.rstrip(), *rest, "", "", "\n\n\n".join(body), ""])


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [item.id for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []

