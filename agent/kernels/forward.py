"""The lines of a `forward` that calls kernels, for a module as it was traced once."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from codeopt.agent.kernels import attention, host, matmul, topk, words
from codeopt.agent.kernels.graph import Expr, Graph, Unsupported
from codeopt.agent.kernels.host import Config, Launcher
from codeopt.agent.kernels.ir import Program, Use, Value
from codeopt.agent.kernels.plan import Group, Plan

USUAL_LOW = 2  # torch traces sizes of 0 and 1 apart; these kernels do not care
TAKEN = {"torch", "triton", "tl", "self", "super"}


@dataclass(frozen=True)
class Choice:
    """The numbers in the kernels of one graph.

    Attributes:
        config: Of fused kernels.
        tiles, heads: Of matrix products and of attentions; None leaves those to torch.
        prologues: Operands of products that can be are computed in them.
        selections: The largest elements are chosen in a kernel, not by torch.
        vectors: Products with one row or one column are sums in fused kernels.
    """

    config: Config
    tiles: matmul.Config | None = None
    heads: attention.Config | None = None
    prologues: bool = False
    selections: bool = False
    vectors: bool = False

    def numbers(self, keys: Sequence[str]) -> dict[str, int | str]:
        """Those that matter, by their key."""
        every = {**self.config, **{f"tile_{key}": number for key, number in (self.tiles or {}).items()}}
        every |= {f"head_{key}": number for key, number in (self.heads or {}).items()}
        return {key: every[key] for key in keys if key in every}


@dataclass
class Forward:
    """Lines of a forward as they come.

    Attributes:
        prefix: Of the names of kernels and of the functions that launch them.
        names: Value -> what it is called there.
        left: What torch does. read: The weights.
    """

    graph: Graph
    plan: Plan
    choice: Choice
    prefix: str = "fused_"
    names: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    launchers: list[Launcher] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

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

    @property
    def product(self) -> str:
        """What kernels of products are called: with other operands they are others."""
        return "whole_product" if self.choice.prologues else "product"

    @property
    def keys(self) -> tuple[str, ...]:
        """Of a choice's numbers, those that matter."""
        return tuple(dict.fromkeys(key for item in self.launchers for key in item.keys))

    def answers(self) -> str:
        """What the module answers with, as text."""
        found = [self.text(self.program.values[name]) for name in self.program.outputs]  # before sizes(): it may read weights
        return found[0] if self.graph.single else f"({', '.join(found)},)"

    def run(self) -> None:
        """All steps in order."""
        for node in self.graph.inputs:
            self.names[node.name] = node.name
        flash = attention.attentions(self.plan) if self.choice.heads is not None else {}
        covered = {one.scores.name for one in flash.values() if one.scores is not None}
        replaced = {group for one in flash.values() for group in one.absorbed}
        products = matmul.products(self.plan, self.choice.prologues) if self.choice.tiles is not None else {}
        products = {name: found for name, found in products.items() if name not in flash and name not in covered}
        replaced |= {group for one, _ in products.values() for group in one.absorbed}
        covered |= {name for one, _ in products.values() for name in one.picked}
        after = {group: one for one, group in products.values() if group is not None}
        number = -1
        chosen = topk.selections(self.plan) if self.choice.selections else {}
        covered |= {part.name for one in chosen.values() for part in (one.values, one.columns) if part is not None}
        for step in self.plan.steps:
            number += isinstance(step, Group) or step.kind == "host"
            name = f"{self.prefix}{number}"  # the same one whatever is left to torch: what has one name is one kernel
            if isinstance(step, Group):
                if step in replaced:
                    continue
                if step in after and self.choice.tiles is not None:
                    self.launch(matmul.launcher(self.program, after[step], step, f"{name}_{self.product}", self.choice.tiles))
                else:
                    self.launch(host.launcher(self.program, step, name, self.choice.config))
            elif step.name in covered:
                continue
            elif step.name in flash and self.choice.heads is not None:
                self.launch(attention.launcher(self.program, flash[step.name], f"{name}_attention", self.choice.heads))
            elif step.name in chosen:
                self.launch(topk.launcher(self.program, chosen[step.name], f"{name}_selection", self.choice.config))
            elif step.name in products and self.choice.tiles is not None:
                one, group = products[step.name]
                if group is None:
                    self.launch(matmul.launcher(self.program, one, None, f"{name}_{self.product}", self.choice.tiles))
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
            self.read.add(f"self.{value.op}")
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
        if value.name not in self.names:
            raise Unsupported(f"{value.op} of nothing that is given, on its own")
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
        weights = [node for node in self.graph.weights if f"self.{node.path}" in self.read]
        given = [(node.name, node) for node in self.graph.inputs] + [(f"self.{node.path}", node) for node in weights]
        for name, node in given:
            if not node.dtype:
                tests.append(f"{name} != {node.value!r}")
                continue
            tests += [f"{name}.dtype != torch.{node.dtype}", f"{name}.dim() != {len(node.shape)}"]
        later = []
        for name, node in given:
            for i, dim in enumerate(node.shape):
                own = f"{name}.shape[{i}]"
                if isinstance(dim, str) and dim in self.program.symbols and dim not in known:
                    known[dim] = own
                else:
                    later.append((own, dim))
        if set(self.program.symbols) - set(known):
            raise Unsupported("a size that no input has")
        for own, dim in later:
            wanted = str(dim) if isinstance(dim, int) else re.sub(r"[A-Za-z_]\w*", lambda found: known.get(found[0], found[0]), dim)
            tests.append(f"{own} != {wanted}")
        for name, symbol in self.program.symbols.items():
            if symbol.low > USUAL_LOW:
                tests.append(f"{known[name]} < {symbol.low}")
            if symbol.high is not None:
                tests.append(f"{known[name]} > {symbol.high}")
        for need in (need for item in self.launchers for need in item.needs):
            tests.append(re.sub(r"[A-Za-z_]\w*", lambda found: known.get(found[0], found[0]), need))
        tests += [f"{node.name}.numel() == 0" for node in self.graph.inputs if node.dtype and "" not in node.shape and node.shape]
        return [f"{name} = {own}" for name, own in known.items()], tests
