# title: one Triton kernel, a program for each row
# task: gpu_softmax
# expect: ok
# needs: triton

import torch
import triton
import triton.language as tl

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


@triton.jit
def kernel(source, target, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    x = tl.load(source + row * columns + at, mask=inside, other=-float("inf"))
    raised = tl.exp(x - tl.max(x, axis=0))
    tl.store(target + row * columns + at, raised / tl.sum(raised, axis=0), mask=inside)


def solve(rows):
    x = torch.from_numpy(rows).cuda()
    out = torch.empty_like(x)
    kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]))
    return out
