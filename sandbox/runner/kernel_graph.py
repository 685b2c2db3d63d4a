"""A module's graph as plain data: what its operations are, on what, and how large, with the sizes of its inputs left open.

torch.export traces one call on tensors without memory. Sizes become symbols ("s0") wherever the module lets them, so what
is read from the graph holds for other sizes, too; where it does not let them the sizes are numbers.
"""

LIST, DICT = (list, tuple), dict
PLAIN = (bool, int, float, str, type(None))


def captured(kernel, text, seed):
    """The graph of one call of a shape's module, in the mode (training or not) in which it would be called."""
    torch = kernel.torch
    module, arguments = kernel.built[text][1], kernel.inputs(text, seed)
    try:
        program, dynamic = exported(torch, module, arguments, True), True
    except Exception:  # a module may read its sizes as numbers, which no symbol can stand for
        program, dynamic = exported(torch, module, arguments, False), False
    return {"dynamic": dynamic, **Plain(torch, program, module, arguments).graph()}


def exported(torch, module, arguments, dynamic):
    auto = torch.export.Dim.AUTO
    shapes = None
    if dynamic:
        shapes = tuple({i: auto for i in range(v.dim())} if isinstance(v, torch.Tensor) else None for v in arguments)
    with torch.no_grad():
        return torch.export.export(module, tuple(arguments), dynamic_shapes=shapes, strict=False)


class Plain:
    """Turns an exported program into lists, dictionaries, numbers and text."""

    def __init__(self, torch, program, module, arguments):
        self.torch, self.program, self.module, self.arguments = torch, program, module, arguments
        self.symbols = {}

    def graph(self):
        nodes, outputs = [], []
        signature = {spec.arg.name: spec for spec in self.program.graph_signature.input_specs}
        position = 0
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                spec = signature[node.name]
                kind = str(spec.kind).rpartition(".")[2]
                row = {"name": node.name, "kind": kind, "path": spec.target or "", **self.about(node)}
                if kind == "USER_INPUT":
                    row["position"] = position
                    position += 1
                    if not isinstance(node.meta.get("val"), self.torch.Tensor):
                        row["value"] = self.value(node.meta.get("val", getattr(spec.arg, "value", None)))
                elif kind == "CONSTANT_TENSOR":
                    row["own"] = self.has(spec.target)
                    held = self.program.constants.get(spec.target)
                    if not row["own"] and held is not None and held.dim() == 0:
                        row["value"] = held.item()
                nodes.append(row)
            elif node.op == "call_function":
                nodes.append(
                    {
                        "name": node.name, "kind": "CALL", "op": named(node.target), "args": self.value(node.args),
                        "kwargs": self.value(dict(node.kwargs)), **self.about(node),
                    }
                )
            elif node.op == "output":
                outputs = self.value(node.args[0])
            else:
                raise ValueError("a node of kind %s" % node.op)
        single = self.program.call_spec.out_spec.is_leaf()
        return {"nodes": nodes, "outputs": outputs, "single": single, "training": self.module.training, "symbols": self.symbols}

    def has(self, path):
        found = self.module
        for part in (path or "").split("."):
            found = getattr(found, part, None)
        return isinstance(found, self.torch.Tensor)

    def about(self, node):
        """dtype and shape of a node's tensor; "" and [] for anything else."""
        value = node.meta.get("val")
        if not isinstance(value, self.torch.Tensor):
            return {"dtype": "", "shape": []}
        return {"dtype": str(value.dtype).partition(".")[2], "shape": [self.size(n) for n in value.shape]}

    def size(self, value):
        """A size: a number, or an expression of symbols as text."""
        if type(value) is int:
            return value
        expression = value.node.expr
        if expression.is_number:
            return int(expression)
        for symbol in expression.free_symbols:
            if str(symbol) not in self.symbols:
                self.symbols[str(symbol)] = self.symbol(symbol, value.node.shape_env)
        return str(expression)

    def symbol(self, symbol, env):
        """What it was when it was traced, and the least and the most it may be (None: no end)."""
        bounds = self.program.range_constraints.get(symbol)
        hints = getattr(env, "backed_var_to_val", None) or getattr(env, "var_to_val", {})
        low, high = (bounds.lower, bounds.upper) if bounds is not None else (0, None)
        return {"hint": int(hints.get(symbol, 0)), "low": whole(low) or 0, "high": whole(high)}

    def value(self, value):
        torch = self.torch
        if isinstance(value, torch.fx.Node):
            held = value.meta.get("val")
            if isinstance(held, (torch.SymInt, torch.SymFloat)):
                if isinstance(held, torch.SymInt):
                    found = self.size(held)
                    return {"expr": found} if isinstance(found, str) else found
                return {"expr": str(held.node.expr)}
            return {"ref": value.name}
        if isinstance(value, torch.SymInt):
            found = self.size(value)
            return {"expr": found} if isinstance(found, str) else found
        if isinstance(value, LIST):
            return [self.value(item) for item in value]
        if isinstance(value, DICT):
            return {str(key): self.value(item) for key, item in value.items()}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).partition(".")[2]}
        if isinstance(value, torch.device):
            return {"device": value.type}
        return value if isinstance(value, PLAIN) else {"other": str(value)}


def whole(value):
    """An integer, or None for an infinity."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None
    return number if abs(number) < 1 << 40 else None


def named(target):
    """ "aten.mul.Tensor", "getitem"."""
    packet = getattr(target, "_schema", None)
    if packet is None:
        return getattr(target, "__name__", str(target))
    return "%s.%s" % (packet.name.replace("::", "."), packet.overload_name or "default")
