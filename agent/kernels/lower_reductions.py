"""Reductions, normalisations and losses, as pointwise operations around sums, maxima and the like.

Reductions of `ir`: sum, max and min (NaN spreads), peak (the maximum where NaN shows elsewhere), expsum (sum of
exp(x - peak)), m2 (sum of squares around the mean), argmax, argmin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from codeopt.agent.kernels.dims import Shape, product
from codeopt.agent.kernels.graph import Expr, Node, Unsupported
from codeopt.agent.kernels.ir import Program, Value

HALF_EPS = 1.1920928955078125e-07  # torch takes the accumulator's, float32
DOUBLE_EPS = 2.220446049250313e-16
NONE, MEAN = 0, 1
Handler = Callable[..., Any]


def count(shape: Shape, dims: Sequence[int]) -> Any:
    """How many elements a reduction takes together."""
    total = product([shape[dim] for dim in dims])
    return total if isinstance(total, int) else Expr(total)


def dims_of(value: Value, dim: Any) -> list[int]:
    """Dimensions as non-negative numbers; all where none is named."""
    if dim is None or dim == []:
        return list(range(len(value.shape)))
    return sorted({item % max(1, len(value.shape)) for item in (dim if isinstance(dim, list) else [dim])})


def total(program: Program, value: Value, dims: Sequence[int], dtype: str = "") -> Value:
    """The sum along dimensions, which stay with size 1."""
    return program.reduce("sum", value, dims, dtype or value.dtype)


def mean(program: Program, value: Value, dims: Sequence[int]) -> Value:
    """The mean along dimensions, which stay with size 1."""
    return program.point("div", total(program, value, dims), count(value.shape, dims))


def squeezed(program: Program, value: Value, dims: Sequence[int], keep: bool = False) -> Value:
    """Without the reduced dimensions, unless they are to stay."""
    return value if keep else program.reshape(value, tuple(size for i, size in enumerate(value.shape) if i not in dims))


# --- plain reductions -------------------------------------------------------------------------------------


def _sum(program: Program, node: Node, value: Value, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
    dims = dims_of(value, dim)
    return squeezed(program, total(program, program.point("cast", value, dtype=node.dtype), dims, node.dtype), dims, keepdim)


def _mean(program: Program, node: Node, value: Value, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
    dims = dims_of(value, dim)
    return squeezed(program, mean(program, program.point("cast", value, dtype=node.dtype), dims), dims, keepdim)


def _extreme(op: str) -> Handler:
    def handler(program: Program, node: Node, value: Value, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Value):
            return program.point("maximum" if op == "max" else "minimum", value, dim, dtype=node.dtype)
        dims = dims_of(value, dim)
        found = squeezed(program, program.reduce(op, value, dims), dims, keepdim)
        if node.dtype:
            return found
        return found, squeezed(program, program.reduce(f"arg{op}", value, dims, "int64"), dims, keepdim)

    return handler


def _arg(op: str) -> Handler:
    def handler(program: Program, node: Node, value: Value, dim: Any = None, keepdim: bool = False) -> Value:
        if dim is None:
            raise Unsupported("an index into a flattened tensor")
        dims = dims_of(value, dim)
        return squeezed(program, program.reduce(op, value, dims, "int64"), dims, keepdim)

    return handler


def _variance(program: Program, value: Value, dim: Any, correction: float, keepdim: bool) -> tuple[Value, list[int]]:
    dims = dims_of(value, dim)
    size = count(value.shape, dims)
    rest: Any = Expr(f"{size.text} - {correction}") if isinstance(size, Expr) else size - correction
    if rest == 0:
        raise Unsupported("the variance of one element")
    return program.point("div", program.reduce("m2", value, dims), rest), dims


def _var(root: bool, with_mean: bool = False) -> Handler:
    def handler(
        program: Program, node: Node, value: Value, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        if isinstance(dim, bool):  # the overload without dimensions
            dim, unbiased = None, dim
        if correction is None:
            correction = 1 if unbiased is None else int(unbiased)
        found, dims = _variance(program, value, dim, correction, keepdim)
        found = program.point("sqrt", found) if root else found
        if with_mean:
            return squeezed(program, found, dims, keepdim), squeezed(program, mean(program, value, dims), dims, keepdim)
        return squeezed(program, found, dims, keepdim)

    return handler


def _norm(program: Program, node: Node, value: Value, power: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Value:
    dims = dims_of(value, dim)
    if power in (None, 2):
        found = program.point("sqrt", total(program, program.point("square", value), dims))
    elif power == 1:
        found = total(program, program.point("abs", value), dims)
    elif power in (math.inf, -math.inf):
        found = program.reduce("max" if power > 0 else "min", program.point("abs", value), dims)
    else:
        raise Unsupported("a norm of another power")
    return squeezed(program, found, dims, keepdim)


def _average_pool(program: Program, node: Node, value: Value, size: Any) -> Value:
    if any(item != 1 for item in (size if isinstance(size, list) else [size])):
        raise Unsupported("a pool of several windows")
    return mean(program, value, range(len(value.shape))[-(len(size) if isinstance(size, list) else 1) :])


# --- softmax ----------------------------------------------------------------------------------------------


def _parts(program: Program, value: Value, dims: Sequence[int]) -> tuple[Value, Value]:
    return program.reduce("peak", value, dims), program.reduce("expsum", value, dims)


def _softmax(program: Program, node: Node, value: Value, dim: int, *_: Any) -> Value:
    peak, share = _parts(program, value, dims_of(value, dim))
    return program.point("div", program.point("exp", program.point("sub", value, peak)), share, dtype=node.dtype)


def _log_softmax(program: Program, node: Node, value: Value, dim: int, *_: Any) -> Value:
    peak, share = _parts(program, value, dims_of(value, dim))
    return program.point("sub", program.point("sub", value, peak), program.point("log", share), dtype=node.dtype)


def log_sum(program: Program, value: Value, dims: Sequence[int]) -> Value:
    """log(sum(exp(x))), which is the maximum itself where that is infinite."""
    peak, share = _parts(program, value, dims)
    infinite = program.point("eq", program.point("abs", peak), math.inf, dtype="bool")
    return program.point("where", infinite, peak, program.point("add", program.point("log", share), peak))


def _logsumexp(program: Program, node: Node, value: Value, dim: Any, keepdim: bool = False) -> Value:
    dims = dims_of(value, dim)
    return squeezed(program, log_sum(program, value, dims), dims, keepdim)


# --- normalisations ---------------------------------------------------------------------------------------


def _normalised(program: Program, value: Value, dims: Sequence[int], weight: Any, bias: Any, eps: float) -> Value:
    center = program.point("sub", value, mean(program, value, dims))
    variance = program.point("div", program.reduce("m2", value, dims), count(value.shape, dims))
    return _affine(program, program.point("mul", center, program.point("rsqrt", program.point("add", variance, eps))), weight, bias)


def _affine(program: Program, value: Value, weight: Any, bias: Any) -> Value:
    value = value if weight is None else program.point("mul", value, weight, dtype=value.dtype)
    return value if bias is None else program.point("add", value, bias, dtype=value.dtype)


def _layer_norm(program: Program, node: Node, value: Value, size: list[int], weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any) -> Value:
    return _normalised(program, value, range(len(value.shape))[-len(size) :], weight, bias, eps)


def _rms_norm(program: Program, node: Node, value: Value, size: list[int], weight: Any = None, eps: float | None = None) -> Value:
    dims = range(len(value.shape))[-len(size) :]
    if eps is None:
        eps = DOUBLE_EPS if value.dtype == "float64" else HALF_EPS
    power = mean(program, program.point("square", value), dims)
    return _affine(program, program.point("mul", value, program.point("rsqrt", program.point("add", power, eps))), weight, None)


def _group_norm(program: Program, node: Node, value: Value, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any) -> Value:
    rows, channels, *rest = value.shape
    if groups == 1:
        own_channels = channels
    elif isinstance(channels, int):
        own_channels = channels // groups
    else:
        raise Unsupported("a number of channels that is not fixed")
    inner = (groups, own_channels, *(1 for _ in rest))
    split = program.reshape(value, (rows, groups, own_channels, *rest))
    own = [item if item is None else program.reshape(item, inner) for item in (weight, bias)]
    found = _normalised(program, split, range(2, len(split.shape)), own[0], own[1], eps)
    return program.reshape(found, value.shape)


def _instance_norm(program: Program, node: Node, value: Value, weight: Any, bias: Any, mean_: Any, var: Any, own: bool, momentum: float, eps: float, *_: Any) -> Value:
    if not own or mean_ is not None or var is not None:
        raise Unsupported("running statistics")
    shape = (value.shape[1], *(1 for _ in value.shape[2:]))
    weight, bias = (item if item is None else program.reshape(item, shape) for item in (weight, bias))
    return _normalised(program, value, range(2, len(value.shape)), weight, bias, eps)


def _batch_norm(program: Program, node: Node, value: Value, weight: Any, bias: Any, mean_: Any, var: Any, train: bool, momentum: float, eps: float, *_: Any) -> Value:
    if train or mean_ is None or var is None:
        raise Unsupported("it keeps statistics")
    shape = (value.shape[1], *(1 for _ in value.shape[2:]))
    weight, bias, mean_, var = (item if item is None else program.reshape(item, shape) for item in (weight, bias, mean_, var))
    scale = program.point("rsqrt", program.point("add", var, eps))
    return _affine(program, program.point("mul", program.point("sub", value, mean_), scale), weight, bias)


# --- losses -----------------------------------------------------------------------------------------------


def _reduced(program: Program, node: Node, value: Value, reduction: int) -> Value:
    dims = range(len(value.shape))
    if reduction == NONE:
        return program.point("cast", value, dtype=node.dtype)
    found = mean(program, value, dims) if reduction == MEAN else total(program, value, dims)
    return program.point("cast", squeezed(program, found, dims), dtype=node.dtype)


def _mse(program: Program, node: Node, one: Value, other: Value, reduction: int = MEAN) -> Value:
    return _reduced(program, node, program.point("square", program.point("sub", one, other)), reduction)


def _l1(program: Program, node: Node, one: Value, other: Value, reduction: int = MEAN) -> Value:
    return _reduced(program, node, program.point("abs", program.point("sub", one, other)), reduction)


def _smooth_l1(program: Program, node: Node, one: Value, other: Value, reduction: int = MEAN, beta: float = 1.0) -> Value:
    if beta == 0:
        return _l1(program, node, one, other, reduction)
    return _bent(program, node, one, other, reduction, beta, 1 / beta)


def _huber(program: Program, node: Node, one: Value, other: Value, reduction: int = MEAN, delta: float = 1.0) -> Value:
    return _bent(program, node, one, other, reduction, delta, 1.0)


def _bent(program: Program, node: Node, one: Value, other: Value, reduction: int, edge: float, scale: float) -> Value:
    """Squares up to an edge, a line beyond it."""
    away = program.point("abs", program.point("sub", one, other))
    square = program.point("mul", program.point("square", away), 0.5 * scale)
    line = program.point("mul", program.point("sub", away, 0.5 * edge), edge * scale)
    near = program.point("lt", away, edge, dtype="bool")
    return _reduced(program, node, program.point("where", near, square, line), reduction)


def _kl_div(program: Program, node: Node, one: Value, target: Value, reduction: int = MEAN, *, log_target: bool = False) -> Value:
    if log_target:
        found = program.point("mul", program.point("exp", target), program.point("sub", target, one))
    else:
        entropy = program.point("mul", target, program.point("log", target))
        entropy = program.point("where", program.point("eq", target, 0, dtype="bool"), 0, entropy)
        found = program.point("sub", entropy, program.point("mul", target, one))
    return _reduced(program, node, found, reduction)


def _bce(program: Program, node: Node, one: Value, target: Value, weight: Any = None, reduction: int = MEAN) -> Value:
    yes = program.point("maximum", program.point("log", one), -100.0)
    no = program.point("maximum", program.point("log1p", program.point("neg", one)), -100.0)
    found = program.point("sub", program.point("mul", program.point("sub", target, 1), no), program.point("mul", target, yes))
    return _reduced(program, node, found if weight is None else program.point("mul", found, weight), reduction)


def _bce_logits(program: Program, node: Node, one: Value, target: Value, weight: Any = None, pos_weight: Any = None, reduction: int = MEAN) -> Value:
    if pos_weight is not None:
        raise Unsupported("a weight of positive answers")
    found = program.point("sub", program.point("sub", one, program.point("mul", one, target)), program.point("log_sigmoid", one))
    return _reduced(program, node, found if weight is None else program.point("mul", found, weight), reduction)


def _classes(program: Program, value: Value, target: Value) -> tuple[list[int], Value, Value]:
    """The dimension of classes, the targets beside it, and the value at each target."""
    dim = 1 if len(value.shape) > 1 else 0
    shape = tuple(1 if i == dim else size for i, size in enumerate(value.shape))
    beside = program.reshape(target, shape)
    hit = program.point("eq", program.iota(value.shape, dim), beside, dtype="bool")
    return [dim], beside, total(program, program.point("where", hit, value, 0, dtype=value.dtype), [dim])


def _of_targets(program: Program, node: Node, loss: Value, beside: Value, dims: list[int], reduction: int, ignore: int) -> Value:
    used = program.point("ne", beside, ignore, dtype="bool")
    loss = squeezed(program, program.point("where", used, loss, 0, dtype=loss.dtype), dims)
    if reduction != MEAN:
        return _reduced(program, node, loss, reduction)
    every = range(len(loss.shape))
    used = squeezed(program, program.point("cast", used, dtype=loss.dtype), dims)
    number = total(program, used, every)
    return program.point("div", squeezed(program, total(program, loss, every), every), squeezed(program, number, every), dtype=node.dtype)


def _cross_entropy(program: Program, node: Node, value: Value, target: Value, weight: Any = None, reduction: int = MEAN, ignore: int = -100, smoothing: float = 0.0) -> Value:
    if weight is not None or not target.dtype.startswith("int"):
        raise Unsupported("classes with weights, or several for each row")
    dims, beside, chosen = _classes(program, value, target)
    lse = log_sum(program, value, dims)
    loss = program.point("sub", lse, chosen)
    if smoothing:
        spread = program.point("sub", lse, mean(program, value, dims))
        loss = program.point("add", program.point("mul", loss, 1 - smoothing), program.point("mul", spread, smoothing))
    return _of_targets(program, node, loss, beside, dims, reduction, ignore)


def _nll(program: Program, node: Node, value: Value, target: Value, weight: Any = None, reduction: int = MEAN, ignore: int = -100) -> Value:
    if weight is not None:
        raise Unsupported("classes with weights")
    dims, beside, chosen = _classes(program, value, target)
    return _of_targets(program, node, program.point("neg", chosen), beside, dims, reduction, ignore)


def _cosine(program: Program, node: Node, one: Value, other: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    product_ = program.point("mul", one, other)
    dims = dims_of(product_, dim)

    def size(value: Value) -> Value:
        return program.point("maximum", program.point("sqrt", total(program, program.point("square", value), dims)), eps)

    if one.shape != other.shape:
        raise Unsupported("a similarity that broadcasts")
    found = program.point("div", total(program, product_, dims), program.point("mul", size(one), size(other)))
    return squeezed(program, found, dims)


HANDLERS: dict[str, Handler] = {
    "sum": _sum, "mean": _mean, "amax": _extreme("max"), "amin": _extreme("min"), "max": _extreme("max"), "min": _extreme("min"),
    "argmax": _arg("argmax"), "argmin": _arg("argmin"), "var": _var(False), "std": _var(True), "var_mean": _var(False, True),
    "std_mean": _var(True, True), "linalg_vector_norm": _norm, "norm": _norm, "softmax": _softmax, "_softmax": _softmax,
    "log_softmax": _log_softmax, "_log_softmax": _log_softmax, "logsumexp": _logsumexp, "layer_norm": _layer_norm,
    "rms_norm": _rms_norm, "group_norm": _group_norm, "instance_norm": _instance_norm, "batch_norm": _batch_norm,
    "mse_loss": _mse, "l1_loss": _l1, "smooth_l1_loss": _smooth_l1, "huber_loss": _huber, "kl_div": _kl_div,
    "binary_cross_entropy": _bce, "binary_cross_entropy_with_logits": _bce_logits, "cross_entropy_loss": _cross_entropy,
    "nll_loss_nd": _nll, "nll_loss": _nll, "cosine_similarity": _cosine, "adaptive_avg_pool2d": _average_pool,
    "adaptive_avg_pool1d": _average_pool, "adaptive_avg_pool3d": _average_pool,
}  # fmt: skip
