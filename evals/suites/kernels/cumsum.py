"""Running sums along each row, in single precision."""

import torch

rows = 4096
columns = 32768
dtype = torch.float32

SHAPES = [
    {"rows": 4096, "columns": 32768, "dtype": "torch.float32"},
    {"rows": 65536, "columns": 1024, "dtype": "torch.bfloat16"},
    {"rows": 64, "columns": 1048576, "dtype": "torch.float32"},
]
HELD_OUT = [
    {"rows": 1000, "columns": 50001, "dtype": "torch.float32"},
    {"rows": 100003, "columns": 777, "dtype": "torch.bfloat16"},
]


class Model(torch.nn.Module):
    def forward(self, x):
        """x: [rows, columns]. Answers in float32."""
        return torch.cumsum(x, dim=-1, dtype=torch.float32)


class Exact(torch.nn.Module):
    """Above a double would be narrowed to single precision."""

    def forward(self, x):
        return torch.cumsum(x, dim=-1)


def get_inputs():
    # Steps of a random walk with a drift, and rare large ones: most of what is added later is small beside the sum.
    size = torch.where(torch.rand(rows, columns) < 0.001, 30.0, 1.0)
    drift = 0.02 * torch.randn(rows, 1)
    return [(torch.randn(rows, columns) * size + drift).to(dtype)]


def get_init_inputs():
    return []


def cost():
    return {"bytes": rows * columns * (dtype.itemsize + 4), "flops": rows * columns}
