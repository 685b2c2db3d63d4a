"""Pointwise operations: which of ours, on what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codeopt.agent.kernels.graph import Node, Unsupported
from codeopt.agent.kernels.ir import Program, Value

SAME = {
    "neg", "abs", "exp", "exp2", "log", "log2", "log1p", "expm1", "sqrt", "rsqrt", "sigmoid", "tanh", "sin", "cos", "erf", "relu",
    "silu", "mish", "hardswish", "hardsigmoid", "floor", "ceil", "sign", "reciprocal", "maximum", "minimum", "where", "square",
    "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_not",
    "isnan", "mul",
}  # fmt: skip
"""Known by the same name, with tensors and numbers as arguments."""
POWERS = 8
Handler = Callable[..., Value]


def _same(name: str) -> Handler:
    def handler(program: Program, node: Node, *args: Any) -> Value:
        if name == "bitwise_not" and node.dtype == "bool":
            return program.point("logical_not", *args, dtype=node.dtype)
        return program.point(name, *args, dtype=node.dtype)

    return handler


def _add(program: Program, node: Node, one: Any, other: Any, alpha: Any = 1) -> Value:
    return program.point("add", one, _scaled(program, other, alpha), dtype=node.dtype)


def _sub(program: Program, node: Node, one: Any, other: Any, alpha: Any = 1) -> Value:
    return program.point("sub", one, _scaled(program, other, alpha), dtype=node.dtype)


def _rsub(program: Program, node: Node, one: Any, other: Any, alpha: Any = 1) -> Value:
    return program.point("sub", other, _scaled(program, one, alpha), dtype=node.dtype)


def _scaled(program: Program, value: Any, alpha: Any) -> Any:
    if alpha == 1:
        return value
    return program.point("mul", value, alpha) if isinstance(value, Value) else value * alpha


def _div(program: Program, node: Node, one: Any, other: Any, rounding_mode: str | None = None) -> Value:
    if rounding_mode is not None or node.dtype.startswith(("int", "uint")):
        # Down to a whole number goes by the exact remainder: the rounded quotient of 1 and 0.1 is 10, and its floor is 9.
        raise Unsupported("a division that rounds")
    if isinstance(other, int | float) and other and _power_of_two(other):
        return program.point("mul", one, 1 / other, dtype=node.dtype)  # exact, and cheaper
    return program.point("div", one, other, dtype=node.dtype)


def _power_of_two(number: float) -> bool:
    return abs(number) in {2.0**k for k in range(-30, 31)}


def _pow(program: Program, node: Node, base: Any, power: Any) -> Value:
    if not isinstance(base, Value) or isinstance(power, Value):
        raise Unsupported("a power that is a tensor")
    if not isinstance(power, int | float) or (node.dtype.startswith(("int", "uint")) and power < 0):
        raise Unsupported("a power that is a size")
    roots = {0.5: "sqrt", -0.5: "rsqrt", 2: "square", -1: "reciprocal"}
    if power in roots:
        return program.point(roots[power], base, dtype=node.dtype)
    if float(power).is_integer() and 1 <= abs(power) <= POWERS:
        found = base
        for _ in range(abs(int(power)) - 1):
            found = program.point("mul", found, base, dtype=node.dtype)
        return found if power > 0 else program.point("reciprocal", found, dtype=node.dtype)
    if float(power).is_integer():
        raise Unsupported("a high power")
    return program.point("pow", base, float(power), dtype=node.dtype)


def _clamp(program: Program, node: Node, value: Value, least: Any = None, most: Any = None, **by_name: Any) -> Value:
    least, most = by_name.get("min", least), by_name.get("max", most)
    if least is not None:
        value = program.point("maximum", value, least, dtype=node.dtype)
    return value if most is None else program.point("minimum", value, most, dtype=node.dtype)


def _clamp_max(program: Program, node: Node, value: Value, most: Any) -> Value:
    return program.point("minimum", value, most, dtype=node.dtype)


def _hardtanh(program: Program, node: Node, value: Value, least: float = -1.0, most: float = 1.0) -> Value:
    return _clamp(program, node, value, least, most)


def _relu6(program: Program, node: Node, value: Value) -> Value:
    return _clamp(program, node, value, 0.0, 6.0)


def _gelu(program: Program, node: Node, value: Value, *, approximate: str = "none") -> Value:
    return program.point("gelu_tanh" if approximate == "tanh" else "gelu", value, dtype=node.dtype)


def _softplus(program: Program, node: Node, value: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    if beta != 1:
        return program.point("div", program.point("softplus", program.point("mul", value, beta), threshold), beta, dtype=node.dtype)
    return program.point("softplus", value, threshold, dtype=node.dtype)


def _log_sigmoid(program: Program, node: Node, value: Value) -> Value:
    return program.point("log_sigmoid", value, dtype=node.dtype)


def _elu(program: Program, node: Node, value: Value, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Value:
    return program.point("elu", value, alpha * scale, scale, input_scale, dtype=node.dtype)


def _selu(program: Program, node: Node, value: Value) -> Value:
    return _elu(program, node, value, 1.6732632423543772, 1.0507009873554805)


def _celu(program: Program, node: Node, value: Value, alpha: float = 1.0) -> Value:
    return _elu(program, node, value, alpha, 1.0, 1 / alpha)


def _leaky_relu(program: Program, node: Node, value: Value, slope: float = 0.01) -> Value:
    return program.point("leaky_relu", value, slope, dtype=node.dtype)


def _prelu(program: Program, node: Node, value: Value, weight: Value) -> Value:
    if weight.shape != (1,):
        size = weight.shape[0]
        weight = program.reshape(weight, (size, *(1 for _ in value.shape[2:])))
    return program.point("leaky_relu", value, weight, dtype=node.dtype)


def _threshold(program: Program, node: Node, value: Value, limit: float, other: float) -> Value:
    return program.point("where", program.point("gt", value, limit, dtype="bool"), value, other, dtype=node.dtype)


def _softshrink(program: Program, node: Node, value: Value, lambd: float = 0.5) -> Value:
    kept = program.point("sub", value, program.point("minimum", program.point("maximum", value, -lambd), lambd))
    return program.point("cast", kept, dtype=node.dtype)


def _hardshrink(program: Program, node: Node, value: Value, lambd: float = 0.5) -> Value:
    large = program.point("gt", program.point("abs", value), lambd, dtype="bool")
    return program.point("where", large, value, 0.0, dtype=node.dtype)


def _masked_fill(program: Program, node: Node, value: Value, mask: Value, number: Any) -> Value:
    return program.point("where", mask, number, value, dtype=node.dtype)


def _addcmul(program: Program, node: Node, start: Value, one: Value, other: Value, **by_name: Any) -> Value:
    scaled = _scaled(program, program.point("mul", one, other), by_name.get("value", 1))
    return program.point("add", start, scaled, dtype=node.dtype)


def _lerp(program: Program, node: Node, one: Value, other: Value, weight: Any) -> Value:
    return program.point("add", one, program.point("mul", program.point("sub", other, one), weight), dtype=node.dtype)




HANDLERS: dict[str, Handler] = {
    **{name: _same(name) for name in SAME},
    "add": _add, "sub": _sub, "rsub": _rsub, "div": _div, "true_divide": _div, "pow": _pow, "clamp": _clamp, "clip": _clamp,
    "clamp_min": lambda program, node, value, least: program.point("maximum", value, least, dtype=node.dtype),
    "clamp_max": _clamp_max, "hardtanh": _hardtanh, "relu6": _relu6, "gelu": _gelu, "softplus": _softplus,
    "log_sigmoid": _log_sigmoid, "elu": _elu, "selu": _selu, "celu": _celu, "leaky_relu": _leaky_relu, "prelu": _prelu,
    "threshold": _threshold, "softshrink": _softshrink, "hardshrink": _hardshrink, "masked_fill": _masked_fill,
    "addcmul": _addcmul, "lerp": _lerp, "multiply": _same("mul"), "__and__": _same("bitwise_and"), "__or__": _same("bitwise_or"),
    "__rshift__": _same("rshift"), "__lshift__": _same("lshift"), "bitwise_right_shift": _same("rshift"), "bitwise_left_shift": _same("lshift"),
}  # fmt: skip
