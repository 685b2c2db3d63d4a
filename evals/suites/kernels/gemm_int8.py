"""A matrix product of 8-bit integers, summed in 32 bits, with a scale for each row and column (SmoothQuant's W8A8)."""

import torch

m = 4096
n = 4096
k = 4096
dtype = torch.bfloat16

# PyTorch's own integer product wants m > 16 and multiples of 8 for n and k.
SHAPES = [
    {"m": 4096, "n": 4096, "k": 4096, "dtype": "torch.bfloat16"},
    {"m": 64, "n": 22016, "k": 8192, "dtype": "torch.float16"},
    {"m": 8192, "n": 5120, "k": 2048, "dtype": "torch.bfloat16"},
]
HELD_OUT = [
    {"m": 1237, "n": 5000, "k": 3080, "dtype": "torch.bfloat16"},
    {"m": 19, "n": 28008, "k": 8200, "dtype": "torch.float16"},
]


class Model(torch.nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, a, b, a_scale, b_scale):
        """a: int8 [m, k]; b: int8 [n, k]; a_scale: [m]; b_scale: [n]. Answers in `dtype`, [m, n]."""
        total = torch._int_mm(a, b.t())
        return (total * a_scale[:, None] * b_scale).to(self.dtype)


class Exact(Model):
    """The same without the last cast; in doubles integers are summed without error."""

    def forward(self, a, b, a_scale, b_scale):
        return (a.double() @ b.double().t()) * a_scale[:, None] * b_scale


def quantised(x):
    scale = x.abs().amax(dim=1) / 127
    return (x / scale[:, None]).round().to(torch.int8), scale


def get_inputs():
    wide = torch.where(torch.rand(k) < 0.01, 5.0, 1.0)  # channels as large as in language models' activations
    a, a_scale = quantised(torch.randn(m, k) * wide)
    b, b_scale = quantised(torch.randn(n, k) * k**-0.5)
    return [a, b, a_scale, b_scale]


def get_init_inputs():
    return [dtype]


def cost():
    return {"bytes": (m + n) * k + 4 * (m + n) + m * n * dtype.itemsize, "flops": 2 * m * n * k}
