"""Matrix products with whatever pointwise operations follow, done before the product leaves the registers, and with operands
that are computed where they are needed (see `prologue`).

float32 is multiplied as three TF32 products ("tf32x3"; Ootomo and Yokota, IJHPCA 36(4), 2022), which keeps float32's
accuracy on tensor cores, or as it is ("ieee").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from codeopt.agent.kernels import persistent, plan
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.dims import Shape, hint, product
from codeopt.agent.kernels.fused import INDENT, indented
from codeopt.agent.kernels.graph import Dim
from codeopt.agent.kernels.host import Launcher, answer, contiguous, outputs, told
from codeopt.agent.kernels.ir import Program, Value
from codeopt.agent.kernels.plan import Group, Plan
from codeopt.agent.kernels.prologue import Computed, Joined, Side, beside, computed, tile, widest
from codeopt.sandbox.kernels.session import SIZES

Config = Mapping[str, int | str]
SINGLE: tuple[Config, ...] = (
    {"bm": 128, "bn": 128, "bk": 32, "warps": 8, "stages": 3, "precision": "tf32x3"},
    {"bm": 128, "bn": 64, "bk": 32, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 64, "bn": 64, "bk": 32, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 64, "bn": 128, "bk": 16, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 16, "bn": 64, "bk": 64, "warps": 4, "stages": 4, "precision": "tf32x3"},
    {"bm": 64, "bn": 64, "bk": 16, "warps": 4, "stages": 3, "precision": "ieee"},
)
HALF: tuple[Config, ...] = (
    {"bm": 128, "bn": 256, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 256, "bk": 64, "warps": 8, "stages": 3, "precision": "ieee", "persistent": 1},
    {"bm": 256, "bn": 128, "bk": 64, "warps": 8, "stages": 3, "precision": "ieee", "persistent": 1},
    {"bm": 128, "bn": 128, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee", "persistent": 1},
    {"bm": 64, "bn": 128, "bk": 128, "warps": 4, "stages": 4, "precision": "ieee", "persistent": 1},
    {"bm": 256, "bn": 128, "bk": 64, "warps": 8, "stages": 3, "precision": "ieee"},
    {"bm": 128, "bn": 128, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 128, "bk": 64, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 64, "bk": 64, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 64, "bn": 128, "bk": 64, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 64, "bn": 64, "bk": 64, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 64, "bn": 256, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 16, "bn": 128, "bk": 128, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 16, "bn": 64, "bk": 128, "warps": 4, "stages": 5, "precision": "ieee"},
    {"bm": 32, "bn": 64, "bk": 128, "warps": 4, "stages": 5, "precision": "ieee"},
)
EIGHT: tuple[Config, ...] = (
    {"bm": 128, "bn": 256, "bk": 128, "warps": 8, "stages": 3, "precision": "ieee"},
    {"bm": 128, "bn": 256, "bk": 128, "warps": 8, "stages": 3, "precision": "ieee", "persistent": 1},
    {"bm": 128, "bn": 128, "bk": 128, "warps": 8, "stages": 4, "precision": "ieee", "persistent": 1},
    {"bm": 256, "bn": 128, "bk": 128, "warps": 8, "stages": 3, "precision": "ieee"},
    {"bm": 128, "bn": 256, "bk": 64, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 128, "bk": 128, "warps": 8, "stages": 4, "precision": "ieee"},
    {"bm": 128, "bn": 128, "bk": 128, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 64, "bn": 128, "bk": 128, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 64, "bn": 256, "bk": 128, "warps": 8, "stages": 3, "precision": "ieee"},
    {"bm": 64, "bn": 64, "bk": 128, "warps": 4, "stages": 5, "precision": "ieee"},
    {"bm": 16, "bn": 128, "bk": 256, "warps": 4, "stages": 4, "precision": "ieee"},
    {"bm": 16, "bn": 64, "bk": 256, "warps": 4, "stages": 4, "precision": "ieee"},
)
KEYS = tuple(f"tile_{key}" for key in (*SINGLE[0], "persistent"))
ALIGNED = 16  # bytes
LEAST = 16  # rows, columns and depth below which tiles would be mostly empty
TYPES = ("float32", "float16", "bfloat16")
EIGHTS = ("float8_e4m3fn", "float8_e5m2")
"""Tensor cores multiply these as they are; a cast to a wider type before a product changes nothing."""


@dataclass(frozen=True)
class Product:
    """a @ b (+ bias), each operand as it is laid out.

    Attributes:
        value: The operation's answer.
        turned: b's last two dimensions are the other way round (a weight of a linear layer).
        batches: Leading dimensions that both have; with none, a's leading dimensions are rows.
        computed: The chains that make a and b; None for one that is loaded.
        away: Kernels that nobody needs when this one runs, beside those of the chains.
        picks: For a and b, which of its matrices a batch has; None where the n-th batch has the n-th.
        picked: Operations of torch that would pick them.
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
    computed: tuple[Computed | None, Computed | None] = (None, None)
    away: tuple[Group, ...] = ()
    picks: tuple[Value | None, Value | None] = (None, None)
    picked: tuple[str, ...] = ()

    @property
    def absorbed(self) -> list[Group]:
        """Kernels whose work it does."""
        return [*self.away, *(group for chain in self.computed if chain is not None for group in chain.groups())]

    @property
    def kind(self) -> str:
        """Type of what it is summed in."""
        return "int32" if self.value.dtype == "int32" else "float32"


def product_of(program: Program, value: Value, least: int = LEAST) -> Product | None:
    """The matrix product that a host operation is; None where it is none, or not one for tiles.

    Args:
        least: So many rows and columns it has at least.
    """
    name = value.op.split(".")[1] if value.kind == "host" and value.op.startswith("aten.") else ""
    args = program.uses(value)
    whole = name == "_int_mm" and all(arg.dtype == "int8" for arg in args)
    mixed = value.dtype not in TYPES or any(arg.dtype != value.dtype for arg in args)
    if (mixed and not whole) or value.at:
        return None
    bias, turned = None, False
    if name == "linear":
        a, b, turned = args[0], args[1], True
        bias = args[2] if len(args) > 2 else None
    elif name == "addmm" and len(value.args) == 3:
        bias, a, b = args
    elif name in ("matmul", "mm", "bmm", "_int_mm") and len(args) == 2:
        a, b = args
    else:
        return None
    if len(a.shape) < 2 or len(b.shape) < 2 or (bias is not None and bias.shape != value.shape[-1:]):
        return None
    if (b.kind, b.op) == ("view", "permute") and b.at == (*range(len(b.shape) - 2), len(b.shape) - 1, len(b.shape) - 2) and not turned:
        b, turned = program.uses(b)[0], True
    batches = b.shape[:-2]
    if batches and a.shape[:-2] != batches:
        return None
    rows = a.shape[len(batches) : -1]
    columns = b.shape[-2] if turned else b.shape[-1]
    found = Product(value, a, b, bias, turned, batches, rows, a.shape[-1], columns)
    most = min(hint(rows, program.symbols), hint([columns], program.symbols))
    least = 1 if batches else least  # many small ones: it is their number that fills the device
    return found if most >= least and hint([a.shape[-1]], program.symbols) >= LEAST else None


def fused(made: Plan, one: Product) -> Product:
    """The product with its operands computed in it, where they can be."""
    narrow = [_narrow(made, operand) for operand in (one.a, one.b)]
    if narrow[0] is not None and narrow[1] is not None and one.bias is None:
        alone = (computed(made, operand, operand.shape) for operand in (one.a, one.b))
        return replace(one, a=narrow[0], b=narrow[1], away=tuple(chain.group for chain in alone if chain is not None))
    a = computed(made, one.a, (*one.batches, *one.rows))
    b = computed(made, one.b, (*one.batches, one.columns if one.turned else one.depth))
    found = [_picked(made, one, operand) for operand in (one.a, one.b)]
    (a_held, a_pick), (b_held, b_pick) = found
    picked = tuple(held.name for held, (_, pick) in zip((one.a, one.b), found, strict=True) if pick is not None)
    return replace(one, computed=(a, b), a=a_held, b=b_held, picks=(a_pick, b_pick), picked=picked)


def _picked(made: Plan, one: Product, value: Value) -> tuple[Value, Value | None]:
    """(where an operand's matrices come from, which of them), for one that picks them by an index."""
    program = made.program
    if value.kind != "host" or value.op != "aten.index.Tensor" or len(one.batches) != 1 or value.name in program.outputs:
        return value, None
    held, *indices = program.uses(value)
    whole = len(plan.readers(program, value)) == 1 and len(indices) == 1 and indices[0].shape == one.batches and indices[0].dtype in ("int64", "int32")
    return (held, indices[0]) if whole and len(held.shape) == len(value.shape) else (value, None)


def _narrow(made: Plan, value: Value) -> Value | None:
    """What a cast from 8 bits is of."""
    held = made.program.uses(value)[0] if (value.kind, value.op) == ("point", "cast") else None
    return held if held is not None and held.dtype in EIGHTS else None


def products(made: Plan, prologues: bool = False) -> dict[str, tuple[Product, Group | None]]:
    """Products of a plan, and the pointwise kernel that each takes along: the one that alone reads it, if any.

    Args:
        prologues: Operands that can be are computed in the product.
    """
    program, found = made.program, {}
    taken: set[Group] = set()
    for value in program.values.values():
        one = product_of(program, value)
        if one is None or any(hint([size], program.symbols) % step for size, step in odd(one)):
            continue
        one = fused(made, one) if prologues else one
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
    body.without({value.name})
    return body


KERNEL = '''
@triton.jit
def {name}_kernel({given}):
    m_blocks, n_blocks = tl.cdiv(M, BM), tl.cdiv(N, BN)
    program = tl.program_id(0) % (m_blocks * n_blocks)
    batch = (tl.program_id(0) // (m_blocks * n_blocks)).to(tl.int64)
{order}
    m, n = m_at + tl.arange(0, BM), n_at + tl.arange(0, BN)
    k = tl.arange(0, BK)
    INDEX: tl.constexpr = tl.int64 if WIDE else tl.int32
{setup}
    total = tl.zeros([BM, BN], tl.{kind})
    for start in range(0, K, BK):
{inside}
        total = tl.dot(a, b, total, input_precision=PRECISION, out_dtype=tl.{kind})
{step}
    rows, cols = batch * M + m[:, None], n[None, :]
    row_ok, col_ok = m[:, None] < M, n[None, :] < N
'''
SIDES = {
    "a": ("(m % M).to(tl.int64)[:, None] * a_row + k[None, :] * a_depth", "k[None, :] < K - start", "(batch * M).to(INDEX) + (m % M)[:, None]"),
    "b": ("(n % N).to(tl.int64)[None, :] * b_column + k[:, None] * b_depth", "k[:, None] < K - start", "(batch * N).to(INDEX) + (n % N)[:, None]"),
}
"""Of an operand: where its elements lie in a batch, which of them are there, and the numbers of its rows."""


def _side(program: Program, one: Product, side: str, taken: frozenset[str]) -> Side:
    """An operand; the loop is the one over depth."""
    place, there, rows = SIDES[side]
    chain = one.computed[0 if side == "a" else 1]
    if chain is None:
        setup = [f"{side}_at = {side}_ptr + batch * {side}_batch + {place}"]
        if one.picks[0 if side == "a" else 1] is not None:
            pick = [f"{side}_pick = tl.load({side}_pick_ptr + batch).to(tl.int64)", f"{side}_pick += tl.where({side}_pick < 0, {side}_size, 0)"]
            setup = [*pick, setup[0].replace("+ batch *", f"+ {side}_pick *")]
        load = ["if EVEN:", f"    {side} = tl.load({side}_at)", "else:", f"    {side} = tl.load({side}_at, mask={there}, other=0)"]
        return setup, load, [f"{side}_at += BK * {side}_depth"], []
    dtype = one.value.dtype
    if side == "a" or one.turned:
        found = tile(program, chain, taken, "", "col_ok")
        lines = [f"rows, cols = {rows}, start + k[None, :]", "col_ok = (cols < K) | EVEN", *found.lines]
        text = f"tl.where(col_ok, {found.name}, 0).to(tl.{dtype})"
        return [], [*lines, f"{side} = {text if side == 'a' else f'tl.trans({text})'}"], [], found.bodies
    found = tile(program, chain, taken, "row_ok", "")
    lines = ["rows, cols = start + k[:, None], (n % N)[None, :]", "row_ok = (rows < K) | EVEN", "rows += (batch * K).to(INDEX)", *found.lines]
    return [], [*lines, f"b = tl.where(row_ok, {found.name}, 0).to(tl.{dtype})"], [], found.bodies


def launcher(program: Program, one: Product, group: Group | None, name: str, config: Config) -> Launcher:
    """The kernel of a product with what surrounds it, and the function that launches it."""
    body = epilogue(program, group, one.value)
    bodies, setup, inside, step = beside(body, "ab", lambda side, taken: _side(program, one, side, taken))
    bias = one.bias is not None
    lines = [f"{body.names[one.value.name]} = total" + (" + tl.load(bias_ptr + cols, mask=col_ok, other=0.0).to(tl.float32)" if bias else "")]
    lines += [body.load(leaf, "row_ok", "col_ok") for leaf in body.leaves]
    lines += [body.point(program.values[item]) for item in body.group.names]
    lines += [body.store(out, "row_ok", "col_ok") for out in body.outs]
    lines = [*body.indices(fixed=False), *lines]
    if config.get("persistent") and persistent.fits(one):
        kernel, text = persistent.texts(program, one, body, lines, name, config)
        leaves = (one.a, one.b, *([one.bias] if one.bias is not None else []), *body.leaves)
        return _launched(program, one, bodies, name, config, kernel, text, leaves)
    joined = Joined(bodies)
    loaded = [side for side, chain in zip("ab", one.computed, strict=True) if chain is None]
    strides = [f"{side}_{what}" for side in loaded for what in ("batch", "row" if side == "a" else "column", "depth")]
    picks = _picks(one, loaded)
    given = [*(f"{side}_ptr" for side in loaded), *(text for side in picks for text in (f"{side}_pick_ptr", f"{side}_size")), *(["bias_ptr"] if bias else []), *joined.plain, "M", "N", "K", *strides]
    given += [*joined.fixed, *(f"{item}: tl.constexpr" for item in ("EVEN", "WIDE", "PRECISION", "BM", "BN", "BK"))]
    order = "\n".join(indented(persistent.ORDER))
    text = KERNEL.format(name=name, order=order, given=", ".join(given), kind=one.kind, setup=setup, inside=inside, step=step)
    text = "\n".join([line for line in text.strip().splitlines() if line] + indented(lines)) + "\n"
    return _host(program, one, bodies, loaded, name, config, text)


def _picks(one: Product, loaded: Sequence[str]) -> dict[str, Value]:
    """The indices of the operands that pick their matrices."""
    return {side: pick for side, pick in zip("ab", one.picks, strict=True) if pick is not None and side in loaded}


def _host(program: Program, one: Product, bodies: list[Body], loaded: list[str], name: str, config: Config, text: str) -> Launcher:
    body = bodies[0]
    held = {"a": one.a, "b": one.b}
    own = [*loaded, *(["bias"] if one.bias is not None else [])]
    picks = _picks(one, loaded)
    leaves = [*(held[side] for side in loaded), *picks.values(), *([one.bias] if one.bias is not None else [])]
    leaves += [leaf for item in bodies for leaf in item.leaves]
    rest = [item.names[leaf.name] for item in bodies for leaf in item.leaves]
    m, n, k = product(one.rows), one.columns, one.depth
    batch = product(one.batches)
    lines = [f"def {name}({', '.join([*loaded, *(f'{side}_pick' for side in picks), *own[len(loaded):], *rest, *program.symbols])}):"]
    lines += indented([f"{side}_pick = {side}_pick.contiguous()" for side in picks])
    shapes = {"a": f"{m}, {k}", "b": b_shape(one)}
    for side in loaded:
        if one.batches:
            count = "-1" if side in picks else batch
            lines += indented([f"{side} = {side}.reshape({count}, {shapes[side]})"])
        elif side == "a" and len(one.rows) != 1:
            lines += indented([f"a = a.reshape({shapes[side]})"])
    lines += indented([line for item in bodies for line in contiguous(item)])
    lines += indented(["bias = bias.contiguous()"] if one.bias is not None else [])
    lines += indented(outputs(body, [*own, *rest][0]))
    last = {"a": ("-2", "-1"), "b": ("-2", "-1") if one.turned else ("-1", "-2")}
    strides = [
        text
        for side in loaded
        for text in (f"{side}.stride(0)" if one.batches else "0", *(f"{side}.stride({i})" for i in last[side]))
    ]
    joined = Joined(bodies)
    bm, bn, bk = (int(config[key]) for key in ("bm", "bn", "bk"))
    given = [*loaded, *(text for side in picks for text in (f"{side}_pick", f"{side}.shape[0]")), *own[len(loaded) :], *joined.given, str(m), str(n), str(k), *strides]
    given += [*joined.named, f"EVEN=({k}) % {bk} == 0"]
    given += [f"WIDE={widest(rest)}", f'PRECISION="{config["precision"]}"', f"BM={bm}", f"BN={bn}", f"BK={bk}"]
    lines += indented(
        [
            f"{name}_kernel[(triton.cdiv({m}, {bm}) * triton.cdiv({n}, {bn}){f' * {batch}' if one.batches else ''},)](",
            f"{INDENT}{', '.join(given)},",
            f"{INDENT}num_warps={config['warps']}, num_stages={config['stages']},",
            ")",
            answer(body),
        ]
    )
    return _launched(program, one, bodies, name, config, text, "\n".join(lines) + "\n", leaves)


def _launched(
    program: Program, one: Product, bodies: list[Body], name: str, config: Config, kernel: str, text: str, leaves: Sequence[Value]
) -> Launcher:
    after = told(program, bodies[0].group.names)
    before = told(program, [item for other in bodies[1:] for item in other.group.names])
    what = "matrix product" + (f" of {before}" if before else "") + (f" with {after}" if after else "")
    what += " on tensor cores, in float32's accuracy" if config["precision"] == "tf32x3" else ""
    needs = tuple(f"({size}) % {step} != 0" for size, step in odd(one) if not isinstance(size, int))
    return Launcher(name, (kernel,), text, tuple(leaves), tuple(bodies[0].outs), KEYS, "matrix product", what, needs)


def odd(one: Product) -> list[tuple[Dim, int]]:
    """Sizes of rows, and of what they have to be multiples: others begin at odd places, and are read element by element.

    That is four times as slow as torch's own products (measured on an H200).
    """
    found = [(one.depth, one.a), (one.depth if one.turned else one.columns, one.b)]
    return list(dict.fromkeys((size, ALIGNED // SIZES[held.dtype]) for size, held in found))


def b_shape(one: Product) -> str:
    """The last two sizes of b, as text."""
    return f"{one.columns}, {one.depth}" if one.turned else f"{one.depth}, {one.columns}"


def configs(made: Plan) -> tuple[Config, ...]:
    """Tile sizes for the widest type among the products of a plan."""
    found = [one for one, _ in products(made, True).values()]
    if any(one.value.dtype == "float32" for one in found):
        return SINGLE
    return EIGHT if found and all(one.a.dtype in (*EIGHTS, "int8") for one in found) else HALF


__all__ = ["Config", "Product", "configs", "launcher", "products"]
