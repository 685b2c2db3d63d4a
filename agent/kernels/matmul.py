"""Matrix products with whatever pointwise operations follow, done before the product leaves the registers.

float32 is multiplied as three TF32 products ("tf32x3"; Ootomo and Yokota, IJHPCA 36(4), 2022), which keeps float32's
accuracy on tensor cores, or as it is ("ieee").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codeopt.agent.kernels import plan
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.dims import Shape, hint, product
from codeopt.agent.kernels.fused import INDENT, indented
from codeopt.agent.kernels.graph import Dim
from codeopt.agent.kernels.host import Launcher, outputs, told
from codeopt.agent.kernels.ir import Program, Value
from codeopt.agent.kernels.plan import Group, Plan

Config = Mapping[str, int | str]
SINGLE: tuple[Config, ...] = (
    {"bm": 128, "bn": 128, "bk": 32, "warps": 8, "stages": 3, "precision": "tf32x3"},
    {"bm": 128, "bn": 64, "bk": 32, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 64, "bn": 64, "bk": 32, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 64, "bn": 128, "bk": 16, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 64, "bn": 64, "bk": 16, "warps": 4, "stages": 3, "precision": "ieee"},
)
HALF: tuple[Config, ...] = (
    {"bm": 128, "bn": 256, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 128, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 64, "bk": 64, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 64, "bn": 64, "bk": 64, "warps": 4, "stages": 4, "precision": "ieee"},
)
KEYS = tuple(f"tile_{key}" for key in SINGLE[0])
LEAST = 16  # rows, columns and depth below which tiles would be mostly empty
TYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Product:
    """a @ b (+ bias), each operand as it is laid out.

    Attributes:
        value: The operation's answer.
        turned: b's last two dimensions are the other way round (a weight of a linear layer).
        batches: Leading dimensions that both have; with none, a's leading dimensions are rows.
    """

    value: Value
    a: Value
    b: Value
    bias: Value | None
    turned: bool
    batches: Shape
    rows: Shape
    depth: Dim
    columns: Dim


def product_of(program: Program, value: Value) -> Product | None:
    """The matrix product that a host operation is; None where it is none, or not one for tiles."""
    name = value.op.split(".")[1] if value.kind == "host" and value.op.startswith("aten.") else ""
    args = program.uses(value)
    if value.dtype not in TYPES or any(arg.dtype != value.dtype for arg in args) or value.at:
        return None
    bias, turned = None, False
    if name == "linear":
        a, b, turned = args[0], args[1], True
        bias = args[2] if len(args) > 2 else None
    elif name == "addmm" and len(value.args) == 3:
        bias, a, b = args
    elif name in ("matmul", "mm", "bmm") and len(args) == 2:
        a, b = args
    else:
        return None
    if len(a.shape) < 2 or len(b.shape) < 2 or (bias is not None and bias.shape != value.shape[-1:]):
        return None
    batches = b.shape[:-2]
    if batches and a.shape[:-2] != batches:
        return None
    rows = a.shape[len(batches) : -1]
    columns = b.shape[-2] if turned else b.shape[-1]
    found = Product(value, a, b, bias, turned, batches, rows, a.shape[-1], columns)
    sizes = (hint(rows, program.symbols), hint([a.shape[-1]], program.symbols), hint([columns], program.symbols))
    return found if min(sizes) >= LEAST else None


def products(made: Plan) -> dict[str, tuple[Product, Group | None]]:
    """Products of a plan, and the pointwise kernel that each takes along: the one that alone reads it, if any."""
    program, found = made.program, {}
    taken: set[Group] = set()
    for value in program.values.values():
        one = product_of(program, value)
        if one is None:
            continue
        readers = [step for step in made.steps if _reads(program, step, value)]
        group = readers[0] if len(readers) == 1 and isinstance(readers[0], Group) and value.name not in program.outputs else None
        if group is not None and (group.reduced or group.space != value.shape or group in taken or not _direct(program, group, value)):
            group = None
        if group is not None:
            taken.add(group)
        found[value.name] = (one, group)
    return found


def _reads(program: Program, step: Group | Value, value: Value) -> bool:
    names = step.names if isinstance(step, Group) else (step.name,)
    stack = [used for name in names for used in program.uses(program.values[name])]
    while stack:
        used = stack.pop()
        if used is value:
            return True
        stack += program.uses(used) if used.kind == "view" else []
    return False


def _direct(program: Program, group: Group, value: Value) -> bool:
    """Whether a kernel reads a value as it is, and through no view."""
    found = plan.leaves(program, group.names)
    return value in found and not any(leaf.kind == "view" and _reads(program, leaf, value) for leaf in found)


def epilogue(program: Program, group: Group | None, value: Value) -> Body:
    """What follows a product, with its rows numbered through and its columns as columns."""
    space = value.shape
    names = group.names if group is not None else ()
    body = Body(program, Group(names, space, frozenset({len(space) - 1})))
    if group is None:
        body.outs = [value]
        body.axes = plan.axes(body.group, [value.shape], [False])
        body.names[value.name] = "product"
    keep = [i for i, leaf in enumerate(body.leaves) if leaf is not value]
    body.leaves, body.apart = [body.leaves[i] for i in keep], [body.apart[i] for i in keep]
    return body


KERNEL = '''
@triton.jit
def {name}_kernel({given}):
    # Programs that run together share rows of a and columns of b, in groups of 8 blocks of rows.
    m_blocks, n_blocks = tl.cdiv(M, BM), tl.cdiv(N, BN)
    program = tl.program_id(0) % (m_blocks * n_blocks)
    batch = (tl.program_id(0) // (m_blocks * n_blocks)).to(tl.int64)
    first = program // (8 * n_blocks) * 8
    height = tl.minimum(m_blocks - first, 8)
    m = (first + program % (8 * n_blocks) % height) * BM + tl.arange(0, BM)
    n = (program % (8 * n_blocks)) // height * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    a_at = a_ptr + batch * a_batch + (m % M).to(tl.int64)[:, None] * a_row + k[None, :] * a_depth
    b_at = b_ptr + batch * b_batch + (n % N).to(tl.int64)[None, :] * b_column + k[:, None] * b_depth
    total = tl.zeros([BM, BN], tl.float32)
    for start in range(0, K, BK):
        if EVEN:
            a, b = tl.load(a_at), tl.load(b_at)
        else:
            a = tl.load(a_at, mask=k[None, :] < K - start, other=0.0)
            b = tl.load(b_at, mask=k[:, None] < K - start, other=0.0)
        total = tl.dot(a, b, total, input_precision=PRECISION)
        a_at += BK * a_depth
        b_at += BK * b_depth
    rows, cols = batch * M + m[:, None], n[None, :]
    row_ok, col_ok = m[:, None] < M, n[None, :] < N
'''


def launcher(program: Program, one: Product, group: Group | None, name: str, config: Config) -> Launcher:
    """The kernel of a product with what follows it, and the function that launches it."""
    body = epilogue(program, group, one.value)
    bias = one.bias is not None
    lines = [f"{body.names[one.value.name]} = total" + (" + tl.load(bias_ptr + cols, mask=col_ok, other=0.0).to(tl.float32)" if bias else "")]
    lines += [body.load(leaf, "row_ok", "col_ok") for leaf in body.leaves]
    lines += [body.point(program.values[item]) for item in body.group.names]
    lines += [body.store(out, "row_ok", "col_ok") for out in body.outs]
    lines = [*body.indices(fixed=False), *lines]
    arguments = body.arguments()
    plain, fixed = [item for item in arguments if "constexpr" not in item], [item for item in arguments if "constexpr" in item]
    given = ["a_ptr", "b_ptr", *(["bias_ptr"] if bias else []), *plain, "M", "N", "K", "a_batch", "a_row", "a_depth", "b_batch"]
    given += ["b_column", "b_depth", *fixed, *(f"{item}: tl.constexpr" for item in ("EVEN", "PRECISION", "BM", "BN", "BK"))]
    text = KERNEL.format(name=name, given=", ".join(given)).strip() + "\n" + "\n".join(indented(lines)) + "\n"
    return _host(program, one, body, name, config, text)


def _host(program: Program, one: Product, body: Body, name: str, config: Config, text: str) -> Launcher:
    leaves = [one.a, one.b, *([one.bias] if one.bias is not None else []), *body.leaves]
    own = ["a", "b", *(["bias"] if one.bias is not None else [])]
    rest = [body.names[leaf.name] for leaf in body.leaves]
    m, n, k = product(one.rows), one.columns, one.depth
    batch = product(one.batches)
    lines = [f"def {name}({', '.join([*own, *rest, *program.symbols])}):"]
    if one.batches:
        lines += indented([f"a, b = a.reshape({batch}, {m}, {k}), b.reshape({batch}, {b_shape(one)})"])
    else:
        lines += indented([f"a = a.reshape({m}, {k})"] if len(one.rows) != 1 else [])
    for leaf, apart in zip(body.leaves, body.apart, strict=True):
        if not apart and leaf.shape and leaf.kind != "weight":
            lines += indented([f"{body.names[leaf.name]} = {body.names[leaf.name]}.contiguous()"])
    lines += indented(outputs(body, "a"))
    column, depth = ("-2", "-1") if one.turned else ("-1", "-2")
    plain, named = [item for item in body.given() if "=" not in item], [item for item in body.given() if "=" in item]
    strides = [f"{'a.stride(0)' if one.batches else 0}", "a.stride(-2)", "a.stride(-1)", f"{'b.stride(0)' if one.batches else 0}"]
    strides += [f"b.stride({column})", f"b.stride({depth})"]
    bm, bn, bk = (int(config[key]) for key in ("bm", "bn", "bk"))
    given = ["a", "b", *own[2:], *plain, str(m), str(n), str(k), *map(str, strides), *named, f"EVEN=({k}) % {bk} == 0"]
    given += [f'PRECISION="{config["precision"]}"', f"BM={bm}", f"BN={bn}", f"BK={bk}"]
    lines += indented(
        [
            f"{name}_kernel[(triton.cdiv({m}, {bm}) * triton.cdiv({n}, {bn}){f' * {batch}' if one.batches else ''},)](",
            f"{INDENT}{', '.join(given)},",
            f"{INDENT}num_warps={config['warps']}, num_stages={config['stages']},",
            ")",
            f"return {', '.join(f'out_{i}' for i in range(len(body.outs)))}",
        ]
    )
    after = told(program, body.group.names)
    what = "matrix product" + (f" with {after}" if after else "") + (" on tensor cores, in float32's accuracy" if config["precision"] == "tf32x3" else "")
    return Launcher(name, (text,), "\n".join(lines) + "\n", tuple(leaves), tuple(body.outs), KEYS, "matrix product", what)


def b_shape(one: Product) -> str:
    """The last two sizes of b, as text."""
    return f"{one.columns}, {one.depth}" if one.turned else f"{one.depth}, {one.columns}"


def configs(found: Mapping[str, tuple[Product, Group | None]]) -> tuple[Config, ...]:
    """Tile sizes for the widest type among some products."""
    single = any(one.value.dtype == "float32" for one, _ in found.values())
    return SINGLE if single else HALF


__all__ = ["Config", "Product", "configs", "launcher", "products"]
