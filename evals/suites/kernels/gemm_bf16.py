"""A matrix product in bfloat16: square, tall and thin."""

import torch

m = 4096
n = 4096
k = 4096

SHAPES = [
    {"m": 4096, "n": 4096, "k": 4096},
    {"m": 8192, "n": 8192, "k": 8192},
    {"m": 64, "n": 28672, "k": 8192},
    {"m": 16384, "n": 4096, "k": 1024},
]
HELD_OUT = [{"m": 4093, "n": 3001, "k": 2055}, {"m": 7, "n": 28001, "k": 5001}]


class Model(torch.nn.Module):
    def forward(self, a, b):
        """a: [m, k]; b: [k, n]."""
        return a @ b


def get_inputs():
    wide = torch.where(torch.rand(k) < 0.01, 20.0, 1.0)  # channels as large as in language models' activations
    a = torch.randn(m, k) * wide
    b = torch.randn(k, n) * k**-0.5
    return [a.to(torch.bfloat16), b.to(torch.bfloat16)]


def get_init_inputs():
    return []


def cost():
    return {"bytes": 2 * (m * k + k * n + m * n), "flops": 2 * m * n * k}
