"""Products whose tiles the copy engine of Hopper and later brings: as many programs as the device has multiprocessors, each of
which takes one tile after another, so that the end of one overlaps with the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.dims import product
from codeopt.agent.kernels.fused import INDENT, indented
from codeopt.agent.kernels.host import answer, contiguous, outputs
from codeopt.agent.kernels.prologue import Joined

if TYPE_CHECKING:
    from codeopt.agent.kernels.ir import Program
    from codeopt.agent.kernels.matmul import Product

ORDER = """
# Programs that run together share rows of a and columns of b, in groups of 8 blocks of rows.
first = program // (8 * n_blocks) * 8
height = tl.minimum(m_blocks - first, 8)
m_at = (first + program % (8 * n_blocks) % height) * BM
n_at = (program % (8 * n_blocks)) // height * BN
""".strip().splitlines()
"""Where the tile with the number `program` begins."""
KERNEL = """
@triton.jit
def {name}_persistent_kernel({given}):
    m_blocks, n_blocks = tl.cdiv(M, BM), tl.cdiv(N, BN)
    for program in tl.range(tl.program_id(0), m_blocks * n_blocks, tl.num_programs(0), flatten=True):
{order}
        total = tl.zeros([BM, BN], tl.{kind})
        for start in range(0, K, BK):
            a = a_held.load([m_at, start])
            b = {b}
            total = tl.dot(a, b, total, input_precision=PRECISION, out_dtype=tl.{kind})
        rows, cols = (m_at + tl.arange(0, BM)).to(tl.int64)[:, None], n_at + tl.arange(0, BN)[None, :]
        row_ok, col_ok = rows < M, cols < N
"""
DESCRIBED = '''
@functools.lru_cache
def multiprocessors(device):
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 2


def described(x, rows, columns):
    # What the copy engine reads begins at multiples of 16 bytes.
    if x.stride(-1) != 1 or x.stride(-2) * x.element_size() % 16 or x.data_ptr() % 16:
        x = x.clone(memory_format=torch.contiguous_format)
    return TensorDescriptor.from_tensor(x, [rows, columns])
'''
IMPORT = "from triton.tools.tensor_descriptor import TensorDescriptor"


def fits(one: Product) -> bool:
    """Whether a product's operands are two matrices as they are held, of types that tensor cores multiply."""
    plain = not one.batches and one.computed == one.picks == (None, None)
    return plain and one.a.dtype == one.b.dtype != "float32"


def texts(program: Program, one: Product, body: Body, lines: Sequence[str], name: str, config: Mapping[str, int | str]) -> tuple[str, str]:
    """(the kernel, the function that launches it).

    Args:
        body, lines: What follows the product, from `total`.
    """
    joined = Joined([body])
    bias = ["bias"] if one.bias is not None else []
    given = ["a_held", "b_held", *(f"{item}_ptr" for item in bias), *joined.plain, "M", "N", "K", *joined.fixed]
    given += [f"{item}: tl.constexpr" for item in ("PRECISION", "BM", "BN", "BK")]
    held = "b_held.load([n_at, start]).T" if one.turned else "b_held.load([start, n_at])"
    order = "\n".join(indented(ORDER, 2))
    head = KERNEL.format(name=name, given=", ".join(given), kind=one.kind, b=held, order=order).strip()
    kernel = "\n".join([head, *indented(list(lines), 2)]) + "\n"
    m, n, k = product(one.rows), one.columns, one.depth
    bm, bn, bk = (int(config[key]) for key in ("bm", "bn", "bk"))
    rest = [body.names[leaf.name] for leaf in body.leaves]
    host = [f"def {name}({', '.join(['a', 'b', *bias, *rest, *program.symbols])}):"]
    if len(one.rows) != 1:
        host += indented([f"a = a.reshape({m}, {k})"])
    host += indented([*contiguous(body), *(f"{item} = {item}.contiguous()" for item in bias), *outputs(body, "a")])
    sides = [f"described(a, {bm}, {bk})", f"described(b, {bn}, {bk})" if one.turned else f"described(b, {bk}, {bn})"]
    passed = [*sides, *bias, *joined.given, str(m), str(n), str(k), *joined.named]
    passed += [f'PRECISION="{config["precision"]}"', f"BM={bm}", f"BN={bn}", f"BK={bk}"]
    host += indented(
        [
            f"programs = min(multiprocessors(a.device), triton.cdiv({m}, {bm}) * triton.cdiv({n}, {bn}))",
            f"{name}_persistent_kernel[(programs,)](",
            f"{INDENT}{', '.join(passed)},",
            f"{INDENT}num_warps={config['warps']}, num_stages={config['stages']},",
            ")",
            answer(body),
        ]
    )
    return kernel, "\n".join(host) + "\n"
