"""A module's graph as plain data: what its operations are, on what, and how large, with the sizes of its inputs left open.

torch.export traces one call on tensors without memory. Sizes become symbols ("s0") wherever the module lets them, so what
is read from the graph holds for other sizes, too; where it does not let them the sizes are numbers.
"""

import inspect

LIST, DICT = (list, tuple), dict
PLAIN = (bool, int, float, str, type(None))
MOST = 500
"""Operations of a graph: more take minutes to trace, and joining kernels takes their number squared."""


class TooLarge(Exception):
    """More operations than `MOST`: a loop over many steps, most of the time."""


def captured(kernel, text, seed, opened):
    """The graph of one call of a shape's module, in the mode (training or not) in which it would be called.

    Args:
        opened: Sizes of weights are left open, too, where the module lets them.

    Returns:
        {"large": True} for a graph of more than `MOST` operations, which is not traced to its end.
    """
    torch = kernel.torch
    module, arguments = kernel.built[text][1], kernel.inputs(text, seed)
    given = [[name, "PARAMETER", value] for name, value in module.named_parameters()]
    given += [[name, "BUFFER", value] for name, value in module.named_buffers()]
    # A module may read its sizes as numbers, which no symbol can stand for: then first its weights' are numbers, then all.
    for weights, dynamic in (*([(given, True)] if opened else []), ([], True), ([], False)):
        try:
            with Reads(torch, module) as reads:
                program = exported(torch, module, weights, arguments, dynamic)
            plain = Plain(torch, program, module, weights).graph()
            return {"dynamic": dynamic, "facts": reads.facts(), **plain}
        except TooLarge:
            return {"large": True}
        except Exception:
            if not dynamic:
                raise


def exported(torch, module, weights, arguments, dynamic):
    auto = torch.export.Dim.AUTO
    names = [name for name, _, _ in weights]

    class Open(torch.nn.Module):
        def __init__(self):
            super().__init__()
            if not weights:
                self.module = module

        def forward(self, given, arguments):
            held = module if weights else self.module
            with bounded(torch):
                return torch.func.functional_call(held, dict(zip(names, given)), tuple(arguments))

    def sizes(value):
        return {i: auto for i in range(value.dim())} if isinstance(value, torch.Tensor) else None

    given = [value.detach() for _, _, value in weights]
    shapes = ([sizes(value) for value in given], [sizes(value) for value in arguments]) if dynamic else None
    opened = Open().train(module.training)
    with torch.no_grad():
        return torch.export.export(opened, (given, list(arguments)), dynamic_shapes=shapes, strict=False)


def bounded(torch):
    """Within it more than `MOST` calls that make tensors raise TooLarge."""

    class Counted(torch.overrides.TorchFunctionMode):
        calls = 0

        def __torch_function__(self, function, types, args=(), kwargs=None):
            found = function(*args, **(kwargs or {}))
            self.calls += isinstance(found, (torch.Tensor, *LIST))
            if self.calls > MOST:
                raise TooLarge
            return found

    return Counted()


class Reads:
    """Which plain attributes of a module, and of those in it, are read: what is traced holds for those values alone."""

    def __init__(self, torch, module):
        self.torch, self.found = torch, {}
        self.modules = list(module.named_modules())
        self.classes = [type(held) for _, held in self.modules]

    def __enter__(self):
        for path, held in self.modules:
            held.__class__ = self.reading(type(held), path)
        return self

    def __exit__(self, *_):
        for (_, held), cls in zip(self.modules, self.classes):
            held.__class__ = cls

    def reading(self, cls, path):
        found, plain = self.found, self.plain

        def read(held, name):
            value = cls.__getattribute__(held, name)
            if not name.startswith("_") and name != "training" and plain(value):
                found[(path + "." if path else "") + name] = value
            return value

        return type(cls.__name__, (cls,), {"__getattribute__": read, "__module__": cls.__module__})

    def plain(self, value):
        if isinstance(value, LIST):
            return all(map(self.plain, value))
        return type(value) in PLAIN or isinstance(value, self.torch.dtype)

    def facts(self):
        return [[path, self.said(value)] for path, value in sorted(self.found.items())]

    def said(self, value):
        if isinstance(value, LIST):
            return [self.said(item) for item in value]
        return {"dtype": str(value).partition(".")[2]} if isinstance(value, self.torch.dtype) else value


class Plain:
    """Turns an exported program into lists, dictionaries, numbers and text."""

    def __init__(self, torch, program, module, weights):
        self.torch, self.program, self.module, self.weights = torch, program, module, weights
        self.symbols = {}
        self.names = self.given_names()

    def graph(self):
        nodes, outputs = [], []
        signature = {spec.arg.name: spec for spec in self.program.graph_signature.input_specs}
        position = 0
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                spec = signature[node.name]
                kind, path = str(spec.kind).rpartition(".")[2], (spec.target or "").removeprefix("module.")
                if kind == "USER_INPUT" and position < len(self.weights):
                    path, kind, _ = self.weights[position]
                    position += 1
                row = {"name": self.names.get(node.name, node.name), "kind": kind, "path": path, **self.about(node)}
                if kind == "USER_INPUT":
                    row["position"] = position - len(self.weights)
                    position += 1
                    if not isinstance(node.meta.get("val"), self.torch.Tensor):
                        row["value"] = self.value(node.meta.get("val", getattr(spec.arg, "value", None)))
                elif kind == "CONSTANT_TENSOR":
                    row["own"] = self.has(path)
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
        spec = self.program.call_spec.out_spec
        parts = spec.children() if hasattr(spec, "children") else spec.children_specs
        pair = spec.type is tuple or getattr(spec.type, "__module__", "") == "torch.return_types"
        flat = spec.is_leaf() or (pair and all(part.is_leaf() for part in parts))
        return {"nodes": nodes, "outputs": outputs, "flat": flat, "single": spec.is_leaf(), "training": self.module.training, "symbols": self.symbols}

    def given_names(self):
        """For each argument's node what the module's own `forward` calls it."""
        taken = {node.name for node in self.program.graph.nodes}
        nodes = [node.name for node in self.program.graph.nodes if node.op == "placeholder"]
        users = [spec.arg.name for spec in self.program.graph_signature.input_specs if str(spec.kind).endswith("USER_INPUT")]
        own = [
            name
            for name, parameter in inspect.signature(self.module.forward).parameters.items()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        given = [name for name in nodes if name in users][len(self.weights) :]
        return {node: name for node, name in zip(given, own) if name not in taken}

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
        return written(expression)

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
                return {"expr": written(held.node.expr)}
            return {"ref": self.names.get(value.name, value.name)}
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


FUNCTIONS = {
    "ToFloat": "float({})", "FloatPow": "({}) ** ({})", "PowByNatural": "({}) ** ({})", "FloatTrueDiv": "({}) / ({})",
    "IntTrueDiv": "({}) / ({})", "FloorDiv": "(({}) // ({}))", "CleanDiv": "(({}) // ({}))", "PythonMod": "(({}) % ({}))",
    "Mod": "(({}) % ({}))", "TruncToInt": "int({})", "OpaqueUnaryFn_sqrt": "({}) ** 0.5", "Max": "max({}, {})", "Min": "min({}, {})",
}  # fmt: skip
JOINTS = {"Add": " + ", "Mul": "*", "Pow": "**"}


def written(expression):
    """A size as Python text. Raises ValueError for what has no such text."""
    named = type(expression).__name__
    parts = [written(part) for part in expression.args]
    if named in FUNCTIONS and len(parts) == FUNCTIONS[named].count("{}"):
        return FUNCTIONS[named].format(*parts)
    plain = str(expression)
    if all(str(part) == text for part, text in zip(expression.args, parts)) and (not parts or named in JOINTS):
        return plain
    if named not in JOINTS:
        raise ValueError("no text for %s" % plain)
    return JOINTS[named].join("(%s)" % part for part in parts)


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
