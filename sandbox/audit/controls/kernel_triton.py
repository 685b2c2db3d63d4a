# title: one Triton kernel, a program for each row
# task: kernel_norm
# expect: ok
# needs: triton

import torch

import triton
import triton.language as tl


@triton.jit
def kernel(source, weights, target, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    x = tl.load(source + row * columns + at, mask=inside, other=0.0)
    x = x / tl.sqrt(tl.sum(x * x, axis=0) / columns + 1e-6) * tl.load(weights + at, mask=inside, other=0.0)
    raised = tl.exp(tl.where(inside, x - tl.max(tl.where(inside, x, -float("inf")), axis=0), -float("inf")))
    tl.store(target + row * columns + at, raised / tl.sum(raised, axis=0), mask=inside)


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(4096))

    def right(self, x):
        """Two kernels: what an honest candidate would call."""
        return torch.softmax(torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, 1e-6), -1)

    def forward(self, x):
        x = x.contiguous()
        out = torch.empty_like(x)
        kernel[(x.shape[0],)](x, self.weight, out, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]))
        return out
