"""Pointwise operations as Triton text, and the small functions that some of them need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from codeopt.agent.kernels.graph import Unsupported

INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "logical_and": "&", "logical_or": "|", "bitwise_and": "&", "bitwise_or": "|", "rshift": ">>", "lshift": "<<",
}  # fmt: skip
CALLS = {
    "exp": "tl.exp", "exp2": "tl.exp2", "log": "tl.log", "log2": "tl.log2", "sqrt": "tl.sqrt", "rsqrt": "tl.rsqrt", "abs": "tl.abs",
    "sin": "tl.sin", "cos": "tl.cos", "erf": "tl.erf", "floor": "tl.floor", "ceil": "tl.ceil", "where": "tl.where",
}  # fmt: skip
FORMULAS = {
    "neg": "-{0}",
    "square": "{0} * {0}",
    "reciprocal": "1.0 / {0}",
    "sigmoid": "1.0 / (1.0 + tl.exp(-{0}))",
    "relu": "tl.where({0} < 0, 0.0, {0})",
    "silu": "{0} / (1.0 + tl.exp(-{0}))",
    "gelu": "0.5 * {0} * (1.0 + tl.erf({0} * 0.7071067811865476))",
    # 0.5 * (1 + tanh(u)) is 1 / (1 + exp(-2 u)).
    "gelu_tanh": "{0} / (1.0 + tl.exp(-1.5957691216057308 * ({0} + 0.044715 * {0} * {0} * {0})))",
    "hardswish": "{0} * tl.minimum(tl.maximum({0} + 3.0, 0.0), 6.0) * 0.16666666666666666",
    "hardsigmoid": "tl.minimum(tl.maximum({0} + 3.0, 0.0), 6.0) * 0.16666666666666666",
    "sign": "tl.where({0} > 0, 1.0, tl.where({0} < 0, -1.0, 0.0 * {0}))",
    "elu": "tl.where({0} > 0, {0} * {2}, expm1(tl.minimum({0} * {3}, 0.0)) * {1})",
    "leaky_relu": "tl.where({0} > 0, {0}, {0} * {1})",
    "softplus": "tl.where({0} > {1}, {0}, log1p(tl.exp(tl.minimum({0}, {1}))))",
    "log_sigmoid": "tl.minimum({0}, 0.0) - log1p(tl.exp(-tl.abs({0})))",
    "logical_not": "{0} == 0",
    "bitwise_not": "{0} == 0",
    "isnan": "{0} != {0}",
    # torch's NaN spreads, Triton's does not.
    "maximum": "tl.where(({0} > {1}) | ({0} != {0}), {0}, {1})",
    "minimum": "tl.where(({0} < {1}) | ({0} != {0}), {0}, {1})",
    "pow": "tl.exp2({1} * tl.log2({0}))",
    "tanh": "tanh({0})",
    "mish": "mish({0})",
    "log1p": "log1p({0})",
    "expm1": "expm1({0})",
}
BOOLS = {"eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_not", "isnan"}
LOGICAL = {"logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_not"}
HELPERS = {
    "tanh": '''
@triton.jit
def tanh(x):
    # Near zero the quotient would lose what is small: the series is exact there.
    square = x * x
    small = x * (1.0 + square * (-0.3333333333333333 + square * (0.13333333333333333 - square * 0.05396825396825397)))
    e = tl.exp(-2.0 * tl.abs(x))
    large = (1.0 - e) / (1.0 + e)
    return tl.where(tl.abs(x) < 0.1, small, tl.where(x < 0, -large, large))
''',
    "log1p": '''
@triton.jit
def log1p(x):
    # The rounding of 1 + x divides out.
    u = 1.0 + x
    exact = (u == 1.0) | (u == float("inf"))
    return tl.where(exact, x, tl.log(u) * (x / tl.where(exact, 1.0, u - 1.0)))
''',
    "expm1": '''
@triton.jit
def expm1(x):
    # The same for exp(x) - 1, as long as it is not -1 or infinite.
    u = tl.exp(x)
    plain = (u == 0.0) | (u == 1.0) | (u == float("inf"))
    return tl.where(plain, tl.where(u == 1.0, x, u - 1.0), (u - 1.0) * (x / tl.where(plain, 1.0, tl.log(u))))
''',
    "ordered": '''
@triton.jit
def ordered(x):
    # Integers that are ordered as the numbers are, NaN above all of them. Zeros are alike once 0 is added.
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    return tl.where(x != x, 2147483647, tl.where(bits < 0, bits ^ 2147483647, bits))
''',
    "ordered_double": '''
@triton.jit
def ordered_double(x):
    bits = (x + 0.0).to(tl.int64, bitcast=True)
    return tl.where(x != x, 9223372036854775807, tl.where(bits < 0, bits ^ 9223372036854775807, bits))
''',
    "mish": '''
@triton.jit
def mish(x):
    # tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2).
    e = tl.exp(tl.minimum(x, 20.0))
    n = e * (e + 2.0)
    return x * tl.where(x > 20.0, 1.0, n / (n + 2.0))
''',
}


@dataclass(frozen=True)
class Term:
    """An argument as text, and what it is: "float", "int", "bool", or "" for a number."""

    text: str
    kind: str = ""


def kind_of(dtype: str) -> str:
    """ "float", "int" or "bool"."""
    if dtype == "bool":
        return "bool"
    return "float" if dtype.startswith(("float", "bfloat")) else "int"


def number(value: float | bool | int, kind: str = "") -> str:
    """A number as Triton text."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return 'float("nan")' if math.isnan(value) else f'float("{"-" if value < 0 else ""}inf")'
    return repr(float(value)) if kind == "float" else repr(value)


def written(op: str, args: Sequence[Term], dtype: str, wide: str) -> str:
    """A pointwise operation as text.

    Args:
        args: Its arguments: names, numbers, or text in brackets.
        dtype: Of the answer.
        wide: The type in which floats are computed ("tl.float32").
    """
    result = kind_of(dtype)
    if op == "cast":
        return cast(args[0], dtype, wide)
    floats = result == "float" or any(arg.kind == "float" for arg in args)
    first = 1 if op == "where" else 0
    texts = []
    for index, arg in enumerate(args):
        if op in LOGICAL and result == "bool":
            texts.append(arg.text if arg.kind == "bool" else f"({arg.text} != 0)")
        elif index >= first and floats and arg.kind in ("int", "bool"):
            texts.append(f"{arg.text}.to({wide})")
        elif index >= first and result == "int" and arg.kind == "bool":
            texts.append(f"{arg.text}.to(tl.{dtype})")
        else:
            texts.append(arg.text)
    if op in INFIX:
        return f"{texts[0]} {INFIX[op]} {texts[1]}"
    if op in CALLS:
        return f"{CALLS[op]}({', '.join(texts)})"
    if op not in FORMULAS:
        raise Unsupported(f"no text for {op}")
    if op == "bitwise_not" and result != "bool":
        return f"~{texts[0]}"
    if op == "relu" and result == "int":
        return f"tl.where({texts[0]} < 0, 0, {texts[0]})"
    return FORMULAS[op].format(*texts)


def cast(arg: Term, dtype: str, wide: str) -> str:
    """Another type; floats shorter than the one that is computed in are rounded to and widened again."""
    kind = kind_of(dtype)
    if kind == "bool":
        return f"({arg.text} != 0)"
    if kind == "int":
        return f"{arg.text}.to(tl.{dtype})"
    if arg.kind != "float":
        return f"{arg.text}.to({wide})"
    if dtype == "bfloat16" and wide == "tl.float64":  # as torch does it: by way of single precision
        return f"{arg.text}.to(tl.float32).to(tl.bfloat16).to(tl.float32).to({wide})"
    if dtype in ("float16", "bfloat16"):
        return f"{arg.text}.to(tl.{dtype}).to({wide})"
    if dtype == "float32" and wide == "tl.float64":
        return f"{arg.text}.to(tl.float32).to({wide})"
    return f"{arg.text}"


def helpers(text: str) -> str:
    """The small functions that a text calls, as text."""
    return "".join(f"\n{body.strip()}\n\n" for name, body in HELPERS.items() if f"{name}(" in text.replace(f"_{name}(", ""))
