"""softmax(scores(q k^T)) v in one kernel that never writes the scores (Dao et al., "FlashAttention", 2022).

Found as torch's own operation, or as the two products and what a module does between them: any pointwise operations on the
scores (scales, masks, biases), then a softmax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codeopt.agent.kernels import matmul, plan
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.dims import Shape, hint, product
from codeopt.agent.kernels.fused import INDENT, indented
from codeopt.agent.kernels.graph import Dim
from codeopt.agent.kernels.host import Launcher, contiguous, told, tuple_text
from codeopt.agent.kernels.ir import Expr, Program, Use, Value
from codeopt.agent.kernels.plan import Group, Plan
from codeopt.agent.kernels.prologue import Computed, Joined, Side, beside, computed, tile, widest

Config = Mapping[str, int | str]
SINGLE: tuple[Config, ...] = (
    {"bm": 64, "bn": 32, "warps": 4, "stages": 2, "precision": "tf32x3"},
    {"bm": 128, "bn": 32, "warps": 8, "stages": 2, "precision": "tf32x3"},
    {"bm": 64, "bn": 64, "warps": 4, "stages": 2, "precision": "tf32x3"},
    {"bm": 64, "bn": 32, "warps": 4, "stages": 2, "precision": "ieee"},
)
HALF: tuple[Config, ...] = (
    {"bm": 128, "bn": 64, "warps": 8, "stages": 3, "precision": "ieee"},
    {"bm": 128, "bn": 128, "warps": 8, "stages": 2, "precision": "ieee"},
    {"bm": 64, "bn": 64, "warps": 4, "stages": 3, "precision": "ieee"},
    {"bm": 128, "bn": 64, "warps": 4, "stages": 3, "precision": "ieee"},
    {"bm": 16, "bn": 32, "warps": 4, "stages": 2, "precision": "ieee"},
    {"bm": 16, "bn": 64, "warps": 4, "stages": 2, "precision": "ieee"},
    {"bm": 16, "bn": 64, "warps": 8, "stages": 2, "precision": "ieee"},
)
KEYS = tuple(f"head_{key}" for key in SINGLE[0])
LEAST, MOST_WIDTH = 16, 128
SPREAD = (0, 2, 1, 3)


@dataclass(frozen=True)
class Attention:
    """One attention.

    Attributes:
        value: Its answer.
        scores: The product of q and k, where the module makes it; None in torch's own operation.
        between: Names of what is done with the scores before the softmax.
        weighed: The value that goes into the softmax.
        group: The kernel that it replaces, if any.
        scale: Of the scores, as the host's text; "" where `between` has it.
        turned: k is given as k^T.
        chains: What makes k and v, where they are computed in the kernel.
        spread: The answer is wanted with its heads behind its rows.
    """

    value: Value
    q: Value
    k: Value
    v: Value
    scores: Value | None
    between: tuple[str, ...]
    weighed: str
    group: Group | None
    scale: str
    band: Band
    turned: bool
    spread: bool
    chains: tuple[Computed | None, Computed | None] = (None, None)

    @property
    def absorbed(self) -> list[Group]:
        """Kernels whose work it does."""
        own = [self.group] if self.group is not None else []
        return [*own, *(group for chain in self.chains if chain is not None for group in chain.groups())]


def attentions(made: Plan) -> dict[str, Attention]:
    """Attentions of a plan, by the name of their answer."""
    found = {}
    for value in made.program.values.values():
        one = _own(made, value) or _written(made, value)
        if one is not None and _fits(made.program, one):
            k = None if one.turned else computed(made, one.k, one.k.shape[:-1])
            found[value.name] = replace(one, chains=(k, computed(made, one.v, one.v.shape[:-1])))
    return found


def _own(made: Plan, value: Value) -> Attention | None:
    """torch's operation, without a mask."""
    if value.kind != "host" or value.op != "aten.scaled_dot_product_attention.default":
        return None
    args: list[Any] = [*value.args, None, 0.0, False][: max(6, len(value.args))]
    rest = dict(value.at)
    mask, dropout, causal = rest.pop("attn_mask", args[3]), rest.pop("dropout_p", args[4]), rest.pop("is_causal", args[5])
    if len(value.args) == 3:
        mask, dropout, causal = value.at.get("attn_mask"), value.at.get("dropout_p", 0.0), value.at.get("is_causal", False)
    scale = rest.pop("scale", None)
    if mask is not None or dropout or rest.pop("enable_gqa", False) or rest:
        return None
    q, k, v = made.program.uses(value)[:3]
    scale = f"({q.shape[-1]}) ** -0.5" if scale is None else repr(float(scale))
    return Attention(value, q, k, v, None, (), "", None, scale, Band(bool(causal)), False, _spread(made.program, value))


def _written(made: Plan, value: Value) -> Attention | None:
    """Two products with a softmax between them."""
    program = made.program
    after = matmul.product_of(program, value, 1)
    if after is None or after.bias is not None or "linear" in value.op:
        return None
    weights = after.a
    group = next((group for group in made.groups if weights.name in group.names), None)
    if group is None or plan.outs(program, group.names) != [weights.name] or group.reduced != {len(group.space) - 1}:
        return None
    soft = _softmax(program, weights)
    if soft is None or weights.name in program.outputs or len({reader.name for reader in plan.readers(program, weights)}) != 1:
        return None
    names, weighed = soft
    between = tuple(name for name in group.names if name not in names)
    products = [leaf for leaf in plan.leaves(program, group.names) if matmul.product_of(program, leaf, 1) is not None]
    inner = [
        one
        for one in products
        if one.shape == weights.shape and one.name not in program.outputs and {reader.name for reader in plan.readers(program, one)} <= set(group.names)
    ]
    if len(inner) != 1 or any(program.values[name].kind != "point" for name in between):
        return None
    before = matmul.product_of(program, inner[0], 1)
    if before is None or before.bias is not None:
        return None
    return Attention(
        value, before.a, before.b, program.uses(value)[1], inner[0], between, weighed, group, "", _band(program, weighed), not before.turned, _spread(program, value)
    )


@dataclass(frozen=True)
class Band:
    """Which columns a row sees, by the last thing that is done to the scores.

    Attributes:
        causal: None behind its own place.
        window: None so many places before it, or more; "" is no end.
        whole: That is all that the mask says.
    """

    causal: bool = False
    window: str = ""
    whole: bool = True


# A comparison of (columns - rows) with a number says this much, where it shuts out, or where it lets in.
OUT, IN = {"ge": 1, "gt": 0}, {"le": 0, "lt": 1}
# And of (rows - columns).
BACK_OUT, BACK_IN = {"lt": 0, "le": -1}, {"ge": 0, "gt": -1}


def _band(program: Program, name: str) -> Band:
    """What the mask of the scores shuts out."""
    value = program.values[name]
    if value.op != "where" or not isinstance(value.args[0], Use):
        return Band(whole=False)
    low = float("-inf")
    out = value.args[1] == low
    if not out and value.args[2] != low:
        return Band(whole=False)
    terms, stack = [], [program[value.args[0]]]
    joints = ("logical_or", "bitwise_or") if out else ("logical_and", "bitwise_and")
    while stack:
        term = stack.pop()
        if term.op in joints:
            stack += program.uses(term)
        else:
            terms.append(term)
    found = [_side_of(program, term, out) for term in terms]
    windows = [window for _, window in found if window]
    known = all(causal or window for causal, window in found)
    return Band(any(causal for causal, _ in found), windows[0] if windows else "", known and len(windows) <= 1)


def _side_of(program: Program, term: Value, out: bool) -> tuple[bool, str]:
    """(it is the causal side of a band, its other side), of one comparison."""
    away = program.uses(term)[0] if len(term.args) == 2 and program.uses(term) else None
    if away is None or away.op != "sub" or len(program.uses(away)) != 2 or len(away.args) != 2:
        return False, ""
    one, other = program.uses(away)
    if not one.kind == other.kind == "iota":
        return False, ""
    places = [len(item.shape) - item.at for item in (one, other)]
    limit = term.args[1]
    if places == [1, 2]:
        return (OUT if out else IN).get(term.op) == limit, ""
    if places != [2, 1]:
        return False, ""
    if (BACK_OUT if out else BACK_IN).get(term.op) == limit:
        return True, ""
    more = {"ge": "", "gt": " + 1"} if out else {"lt": "", "le": " + 1"}
    if term.op in more and isinstance(limit, int | Expr) and not isinstance(limit, bool):
        return False, f"{limit.text if isinstance(limit, Expr) else limit}{more[term.op]}"
    return False, ""


def _softmax(program: Program, value: Value) -> tuple[set[str], str] | None:
    """The names of the operations of a softmax along the last dimension, and what it is of."""
    names = {value.name}
    while value.op == "cast":
        value = program.uses(value)[0]
        names.add(value.name)
    if value.op != "div" or len(program.uses(value)) != 2:
        return None
    top, share = program.uses(value)
    if (top.op, share.op) != ("exp", "expsum"):
        return None
    away = program.uses(top)[0]
    if away.op != "sub" or len(program.uses(away)) != 2:
        return None
    held, peak = program.uses(away)
    if peak.op != "peak" or not peak.args == share.args == (Use(held.name),) or peak.at != (len(held.shape) - 1,):
        return None
    return {*names, top.name, share.name, away.name, peak.name}, held.name


def _spread(program: Program, value: Value) -> bool:
    readers = plan.readers(program, value)
    return bool(readers) and all((reader.op, reader.at) == ("permute", SPREAD) for reader in readers) and len(value.shape) == 4


def _fits(program: Program, one: Attention) -> bool:
    q, k, v = one.q.shape, one.k.shape, one.v.shape
    if one.turned:
        k = (*k[:-2], k[-1], k[-2])
    types = {item.dtype for item in (one.q, one.k, one.v)}
    if not len(q) == len(k) == len(v) or not 2 <= len(q) <= 4 or len(types) != 1 or not types <= set(matmul.TYPES):
        return False
    if any(hint([one], program.symbols) != hint([two], program.symbols) for one, two in _pairs(q, k, v)):
        return False
    if not all(LEAST <= hint([width], program.symbols) <= MOST_WIDTH for width in (q[-1], v[-1])):
        return False
    return hint([k[-2]], program.symbols) >= LEAST


def _pairs(q: Shape, k: Shape, v: Shape) -> list[tuple[Dim, Dim]]:
    """Sizes that have to be the same: torch's operation does not say so when it is traced."""
    return [*zip(q[:-2], k[:-2], strict=True), *zip(k[:-1], v[:-1], strict=True), (q[-1], k[-1])]


KERNEL = '''
@triton.jit
def {name}_kernel({given}):
    blocks = tl.cdiv(M, BM)
    block, batch = {order}, (tl.program_id(0) // blocks).to(tl.int64)
    one, head = batch // HEADS, batch % HEADS
    m = block * BM + tl.arange(0, BM)[:, None]
    n = tl.arange(0, BN)
    e, f = tl.arange(0, E), tl.arange(0, F)
    row_ok = m < M
    INDEX: tl.constexpr = tl.int64 if WIDE else tl.int32
    q = tl.load(q_ptr + one * q_batch + head * q_head + m * q_row + e[None, :] * q_depth, mask=row_ok & (e[None, :] < WIDTH), other=0.0)
{setup}
    top = tl.full([BM, 1], float("-inf"), tl.float32)
    share = tl.zeros([BM, 1], tl.float32)
    total = tl.zeros([BM, F], tl.float32)
{loops}
    place = one * out_batch + head * out_head + m * out_row + f[None, :]
    tl.store(out_ptr + place, total / share, mask=row_ok & (f[None, :] < OUT_WIDTH))
'''


LOADS = {
    "k": (
        "k_at = k_ptr + one * k_batch + head * k_head + n[None, :] * k_row + e[:, None] * k_depth",
        "k = tl.load(k_at, mask=((start + n)[None, :] < N) & (e[:, None] < WIDTH), other=0.0)",
    ),
    "v": (
        "v_at = v_ptr + one * v_batch + head * v_head + n[:, None] * v_row + f[None, :] * v_depth",
        "v = tl.load(v_at, mask=((start + n)[:, None] < N) & (f[None, :] < OUT_WIDTH), other=0.0)",
    ),
}
"""Where k and v lie, and how they are loaded."""


def _side(program: Program, one: Attention, side: str, taken: frozenset[str]) -> Side:
    """k or v."""
    chain = one.chains[0 if side == "k" else 1]
    if chain is None:
        return [LOADS[side][0]], [LOADS[side][1]], [f"{side}_at += BN * {side}_row"], []
    found = tile(program, chain, taken, "row_ok", "col_ok")
    place, width = ("e", "WIDTH") if side == "k" else ("f", "OUT_WIDTH")
    lines = [f"rows, cols = (start + n)[:, None], {place}[None, :]", f"row_ok, col_ok = rows < N, cols < {width}", "rows += (batch * N).to(INDEX)", *found.lines]
    text = f"tl.where(row_ok & col_ok, {found.name}, 0).to(q.dtype)"
    return [], [*lines, f"{side} = {f'tl.trans({text})' if side == 'k' else text}"], [], found.bodies


LOOP = """
    for start in range({first}, {end}, BN):
{load}
        rows, row_ok, cols = batch * M + m, m < M, start + n[None, :]
        col_ok = cols < N
{lines}
        # The sums so far were relative to another maximum.
        new = tl.maximum(top, tl.max(weighed, axis=1)[:, None])
        safe = tl.where(new == float("-inf"), 0.0, new)
        weights, fade = tl.exp(weighed - safe), tl.exp(top - safe)
        share = share * fade + tl.sum(weights, axis=1)[:, None]
        total = tl.dot(weights.to(v.dtype), v, total * fade, input_precision=PRECISION)
        top = new
{step}
"""


def _loops(program: Program, one: Attention, body: Body, load: str, step: str) -> str:
    """Text of the loop over keys, as far as a band lets the block see: of a causal attention two, the first over what all its rows see."""
    scores = body.names.get(one.scores.name, "scores") if one.scores is not None else "scores"
    product = f"{scores} = tl.dot(q, k, input_precision=PRECISION){' * SCALE' if one.scale else ''}"

    def lines(names: Sequence[str], weighed: str, kept: str) -> str:
        used = {arg.name for name in names for arg in program.uses(program.values[name])}
        found = [product, *(body.load(leaf, "row_ok", "col_ok") for leaf in body.leaves if leaf.name in used)]
        found += [body.point(program.values[name]) for name in names]
        text = body.names.get(weighed, scores)
        found.append(f'weighed = tl.where({kept}, {text}, float("-inf"))' if kept else f"weighed = {text}")
        return "\n".join(indented([*body.indices(fixed=False), *found], 2))

    band = one.band
    end = "tl.minimum(N, (block + 1) * BM)" if band.causal else "N"
    if not band.causal or not band.whole or band.window:
        kept = "col_ok & (cols <= m)" if band.causal and band.whole else "col_ok"
        first, skip = "0", ""
        if band.window:  # what is too far back for the first row is too far back for all
            first = "first"
            skip = f"    first = tl.maximum(block * BM + 1 - ({body.scalar(_dim(band.window), 'k')}), 0) // BN * BN\n"
            skip += "".join(f"    {side}_at += first * {side}_row\n" for side in _loaded(one) if side != "q")
        return skip + LOOP.format(first=first, end=end, load=load, step=step, lines=lines(one.between, one.weighed, kept))
    unmasked, names = one.weighed, one.between
    if one.scores is not None:
        masked = program.values[one.weighed]
        unmasked = next(arg.name for arg in masked.args[1:] if isinstance(arg, Use))
        names = tuple(_needed(program, one.between, unmasked))
    full = "tl.minimum(N, block * BM) // BN * BN"
    before = LOOP.format(first="0", end=full, load=load, step=step, lines=lines(names, unmasked, ""))
    after = lines(one.between, one.weighed, "col_ok & (cols <= m)")
    return before + LOOP.format(first=full, end=end, load=load, step=step, lines=after)


def _dim(text: str) -> Dim:
    return int(text) if text.lstrip("-").isdigit() else text


def _needed(program: Program, names: Sequence[str], last: str) -> list[str]:
    """Those of some operations that a value is made of."""
    found: set[str] = set()
    stack = [last]
    while stack:
        name = stack.pop()
        if name in names and name not in found:
            found.add(name)
            stack += [used.name for used in program.uses(program.values[name])]
    return [name for name in names if name in found]


def launcher(program: Program, one: Attention, name: str, config: Config) -> Launcher:
    """The kernel of an attention, and the function that launches it."""
    rows, columns = one.q.shape[-2], one.v.shape[-2]
    space: Shape = (*one.q.shape[:-2], rows, columns)
    body = Body(program, Group(one.between, space, frozenset({len(space) - 1})))
    body.without({one.scores.name} if one.scores is not None else ())
    body.outs = []
    bodies, setup, load, step = beside(body, "kv", lambda side, taken: _side(program, one, side, taken))
    loops = _loops(program, one, body, load, step)
    joined, loaded = Joined(bodies), _loaded(one)
    strides = [f"{item}_{axis}" for item in loaded for axis in ("batch", "head", "row", "depth")] + ["out_batch", "out_head", "out_row"]
    given = [*(f"{item}_ptr" for item in loaded), "out_ptr", *joined.plain, "M", "N", "HEADS", *(["SCALE"] if one.scale else []), *strides]
    given += [*joined.fixed, *(f"{item}: tl.constexpr" for item in ("WIDTH", "OUT_WIDTH", "WIDE", "PRECISION", "E", "F", "BM", "BN"))]
    order = "blocks - 1 - tl.program_id(0) % blocks" if one.band.causal else "tl.program_id(0) % blocks"  # the longest first
    text = KERNEL.format(name=name, given=", ".join(given), setup=setup, loops=loops, order=order)
    text = "\n".join(line for line in text.strip().splitlines() if line) + "\n"
    return _host(program, one, bodies, name, config, text)


def _loaded(one: Attention) -> list[str]:
    return ["q", *(side for side, chain in zip("kv", one.chains, strict=True) if chain is None)]


def _host(program: Program, one: Attention, bodies: list[Body], name: str, config: Config, text: str) -> Launcher:
    loaded, joined = _loaded(one), Joined(bodies)
    rest = [body.names[leaf.name] for body in bodies for leaf in body.leaves]
    lines = [f"def {name}({', '.join([*loaded, *rest, *program.symbols])}):"]
    lines += indented([line for body in bodies for line in contiguous(body)])
    lead = one.q.shape[:-2]
    missing = "[" + "None, " * (2 - len(lead)) + ":]" if len(lead) < 2 else ""
    if missing:
        lines += indented([f"{', '.join(loaded)} = {', '.join(item + missing for item in loaded)}"])
    batch, heads = ((1,) * (2 - len(lead)) + tuple(lead))[:2]
    rows, columns, depth, width = one.q.shape[-2], one.v.shape[-2], one.q.shape[-1], one.v.shape[-1]
    if one.spread:  # as it is wanted: the heads of a row side by side
        shape: Shape = (batch, rows, heads, width)
        lines += indented([f"out = torch.empty({tuple_text(shape)}, dtype=q.dtype, device=q.device).permute(0, 2, 1, 3)"])
    else:
        lines += indented([f"out = torch.empty({tuple_text((batch, heads, rows, width))}, dtype=q.dtype, device=q.device)"])
    axes = {"q": (0, 1, 2, 3), "k": (0, 1, 3, 2) if one.turned else (0, 1, 2, 3), "v": (0, 1, 2, 3)}
    strides = [f"{item}.stride({i})" for item in loaded for i in axes[item]] + [f"out.stride({i})" for i in range(3)]
    given = [*loaded, "out", *joined.given, str(rows), str(columns), str(heads), *([one.scale] if one.scale else []), *strides]
    given += [*joined.named, f"WIDTH={depth}", f"OUT_WIDTH={width}"]
    given += [f"WIDE={widest(rest)}", f'PRECISION="{config["precision"]}"', f"E={_power(depth)}", f"F={_power(width)}"]
    given += [f"BM={config['bm']}", f"BN={config['bn']}"]
    answer = "out" if len(lead) == 2 else f"out.reshape({', '.join(map(str, one.value.shape))})"
    lines += indented(
        [
            f"{name}_kernel[(triton.cdiv({rows}, {config['bm']}) * {product((batch, heads))},)](",
            f"{INDENT}{', '.join(given)},",
            f"{INDENT}num_warps={config['warps']}, num_stages={config['stages']},",
            ")",
            f"return {answer}",
        ]
    )
    after = told(program, one.between)
    before = told(program, [item for other in bodies[1:] for item in other.group.names])
    what = f"attention{' over ' + before if before else ''}{' with ' + after if after else ''} that keeps its scores in registers"
    held = {"q": one.q, "k": one.k, "v": one.v}
    leaves = (*(held[item] for item in loaded), *(leaf for body in bodies for leaf in body.leaves))
    k_shape = (*one.k.shape[:-2], one.k.shape[-1], one.k.shape[-2]) if one.turned else one.k.shape
    needs = tuple(f"{size} > {MOST_WIDTH}" for size in dict.fromkeys((depth, width)) if not isinstance(size, int))
    needs += tuple(f"{a} != {b}" for a, b in _pairs(one.q.shape, k_shape, one.v.shape) if a != b)
    return Launcher(name, (text,), "\n".join(lines) + "\n", leaves, (one.value,), KEYS, "attention", what, needs)


def _power(width: Dim) -> str:
    return str(1 << (width - 1).bit_length()) if isinstance(width, int) else f"max({LEAST}, triton.next_power_of_2({width}))"


def configs(found: Mapping[str, Attention]) -> tuple[Config, ...]:
    """Tile sizes for the widest type among some attentions."""
    return SINGLE if any(one.q.dtype == "float32" for one in found.values()) else HALF
