"""log(sum(exp(x))) of each row, in single precision."""

import torch

rows = 4096
columns = 32768
dtype = torch.float32

SHAPES = [
    {"rows": 4096, "columns": 32768, "dtype": "torch.float32"},
    {"rows": 65536, "columns": 1024, "dtype": "torch.float16"},
    {"rows": 2048, "columns": 128256, "dtype": "torch.bfloat16"},
]
HELD_OUT = [
    {"rows": 1000, "columns": 50257, "dtype": "torch.float32"},
    {"rows": 100003, "columns": 777, "dtype": "torch.bfloat16"},
]


class Model(torch.nn.Module):
    def forward(self, x):
        """x: [rows, columns]. Answers in float32, [rows]."""
        return torch.logsumexp(x.float(), dim=-1)


class Exact(torch.nn.Module):
    """Above a double would be narrowed to single precision."""

    def forward(self, x):
        return torch.logsumexp(x, dim=-1)


def get_inputs():
    # From flat rows, where all terms count, to sharp ones; exp overflows where the maximum is not taken off first.
    spread = torch.empty(rows, 1).uniform_(0.5, 4)
    offset = 60 * torch.randn(rows, 1)
    return [(torch.randn(rows, columns) * spread + offset).to(dtype)]


def get_init_inputs():
    return []


def cost():
    return {"bytes": rows * columns * dtype.itemsize + 4 * rows, "flops": 3 * rows * columns}
