"""A matrix product of float8 (e4m3) with a scale for each row of both sides: what a linear layer of an FP8 model does."""

import torch

m = 4096
n = 4096
k = 4096

SHAPES = [
    {"m": 4096, "n": 4096, "k": 4096},
    {"m": 64, "n": 28672, "k": 8192},
    {"m": 8192, "n": 7168, "k": 2048},
]
HELD_OUT = [{"m": 1000, "n": 3000, "k": 2072}, {"m": 1, "n": 8191, "k": 7169}]


class Model(torch.nn.Module):
    def forward(self, a, b, a_scale, b_scale):
        """a: [m, k] and b: [n, k] in float8_e4m3fn; a_scale: [m]; b_scale: [n]. Answers in bfloat16, [m, n]."""
        out = a.to(torch.bfloat16) @ b.to(torch.bfloat16).t()  # holds all values of float8
        return (out * a_scale[:, None] * b_scale).to(torch.bfloat16)


class Exact(torch.nn.Module):
    """The product is rounded to bfloat16 above."""

    def forward(self, a, b, a_scale, b_scale):
        return (a.double() @ b.double().t()) * a_scale[:, None] * b_scale


def quantised(x):
    """Each row by its largest value, as far as e4m3 goes: 448."""
    scale = x.abs().amax(dim=1) / 448
    return (x / scale[:, None]).to(torch.float8_e4m3fn), scale


def get_inputs():
    wide = torch.where(torch.rand(k) < 0.01, 20.0, 1.0)  # channels as large as in language models' activations
    a, a_scale = quantised(torch.randn(m, k) * wide)
    b, b_scale = quantised(torch.randn(n, k) * k**-0.5)
    return [a, b, a_scale, b_scale]


def get_init_inputs():
    return []


def cost():
    return {"bytes": (m + n) * k + 4 * (m + n) + 2 * m * n, "flops": 2 * m * n * k}
