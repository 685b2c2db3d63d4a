"""The k largest elements of each row: a bitonic selection in registers (Batcher, 1968), in as many rounds as a row's length asks.

A key holds an element's bits, in an order that integers have, too, and below them its column; equal elements come by their
columns. As in torch NaN is the largest of all.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeopt.agent.kernels import plan
from codeopt.agent.kernels.dims import Shape, product
from codeopt.agent.kernels.fused import INDENT, indented
from codeopt.agent.kernels.host import ROW, Config, Launcher, tuple_text
from codeopt.agent.kernels.ir import Program, Value
from codeopt.agent.kernels.plan import Plan

MOST = 1024
TYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Selection:
    """One top-k along the last dimension.

    Attributes:
        values, columns: What torch's answer is taken apart into; None for what nobody takes.
    """

    of: Value
    k: int
    values: Value | None
    columns: Value | None


def selections(made: Plan) -> dict[str, Selection]:
    """Selections of a plan, by the name of torch's operation."""
    found = {}
    for value in made.program.values.values():
        one = _selection(made.program, value)
        if one is not None:
            found[value.name] = one
    return found


def _selection(program: Program, value: Value) -> Selection | None:
    if value.kind != "host" or value.op != "aten.topk.default":
        return None
    args = [*value.args[1:], *(-1, True, True)[len(value.args) - 2 :]]
    given = dict(zip(("k", "dim", "largest", "sorted"), args, strict=False)) | dict(value.at)
    held, k = program.uses(value)[0], given["k"]
    last = given["dim"] in (-1, len(held.shape) - 1)
    if type(k) is not int or not 1 <= k <= MOST or not last or given["largest"] is not True or held.dtype not in TYPES:
        return None
    readers = plan.readers(program, value)
    parts = {other.args[1]: other for other in readers if other.op == "getitem"}
    if len(readers) != len(parts) or not parts:
        return None
    return Selection(held, k, parts.get(0), parts.get(1))


KERNEL = """
@triton.jit
def {name}_kernel(given_ptr, keys_ptr, values_ptr, columns_ptr, TOTAL, N, K, FIRST: tl.constexpr, LAST: tl.constexpr, KEPT: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    ok = (rows < TOTAL) & (cols < N)
    least = -9223372036854775807
    if FIRST:
        x = tl.load(given_ptr + rows * N + cols, mask=ok, other=0.0).to(tl.float32)
        bits = tl.where(x != x, 2147483647, x.to(tl.int32, bitcast=True))
        bits = tl.where(bits < 0, bits ^ 2147483647, bits)
        keys = (bits.to(tl.int64) << 32) | (2147483647 - cols).to(tl.int64)
        keys = tl.where(ok, keys, least)
    else:
        keys = tl.load(given_ptr + rows * N + cols, mask=ok, other=least)
    top = tl.topk(keys, KEPT)
    place = tl.arange(0, KEPT)[None, :]
    if LAST:
        kept = (rows < TOTAL) & (place < K)
        bits = (top >> 32).to(tl.int32)
        bits = tl.where(bits < 0, bits ^ 2147483647, bits)
        tl.store(values_ptr + rows * K + place, bits.to(tl.float32, bitcast=True), mask=kept)
        tl.store(columns_ptr + rows * K + place, 2147483647 - (top & 4294967295), mask=kept)
    else:
        parts = tl.num_programs(1)
        tl.store(keys_ptr + (rows * parts + tl.program_id(1)) * KEPT + place, top, mask=rows < TOTAL)
"""


def launcher(program: Program, one: Selection, name: str, config: Config) -> Launcher:
    """The kernel of a selection, and the function that launches it until a row is one block."""
    shape: Shape = (*one.of.shape[:-1], one.k)
    kept = max(2, 1 << (one.k - 1).bit_length())
    total, columns = product(one.of.shape[:-1]), one.of.shape[-1]
    lines = [f"def {name}({', '.join(['given', *program.symbols])}):"]
    lines += indented(
        [
            "given = given.contiguous()",
            f"values = torch.empty({tuple_text(shape)}, dtype=given.dtype, device=given.device)",
            f"columns = torch.empty({tuple_text(shape)}, dtype=torch.int64, device=given.device)",
            f"total, length, first = {total}, {columns}, True",
            "while True:",
            f"{INDENT}block = max({2 * kept}, min(triton.next_power_of_2(length), {config['chunk']}))",
            f"{INDENT}rows = max(1, min({config['tile']} // block, triton.next_power_of_2(total)))",
            f"{INDENT}parts = triton.cdiv(length, block)",
            f"{INDENT}keys = torch.empty((total, parts * {kept} if parts > 1 else 1), dtype=torch.int64, device=given.device)",
            f"{INDENT}{name}_kernel[(triton.cdiv(total, rows), parts)](",
            f"{INDENT * 2}given, keys, values, columns, total, length, {one.k}, FIRST=first, LAST=parts == 1, KEPT={kept}, ROWS=rows, BLOCK=block,",
            f"{INDENT * 2}num_warps=max(1, min(8, rows * block // {config['per_warp']})),",
            f"{INDENT})",
            f"{INDENT}if parts == 1:",
            f"{INDENT * 2}return values, columns",
            f"{INDENT}given, length, first = keys, parts * {kept}, False",
        ]
    )
    text = KERNEL.format(name=name).strip() + "\n"
    return Launcher(name, (text,), "\n".join(lines) + "\n", (one.of,), _outs(program, one), ROW, "selection", f"the {one.k} largest of each row")


def _outs(program: Program, one: Selection) -> tuple[Value, ...]:
    """Both answers; one that nobody takes has a name, too."""
    unused = [Value(f"unused_{part}", "host", "", (), (), "") for part in ("values", "columns")]
    return one.values or unused[0], one.columns or unused[1]

