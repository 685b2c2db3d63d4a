"""The k largest values of each row, largest first, and where they stand: what sampling and routers do with their logits."""

import torch

rows = 256
columns = 128256
k = 64
GAP = 2.0**-17  # above the spacing of float32 below 64

SHAPES = [
    {"rows": 256, "columns": 128256, "k": 64},
    {"rows": 32768, "columns": 256, "k": 8},
    {"rows": 4096, "columns": 4096, "k": 256},
]
HELD_OUT = [{"rows": 100, "columns": 50257, "k": 50}, {"rows": 20001, "columns": 1001, "k": 13}]


class Model(torch.nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = k

    def forward(self, x):
        """x: [rows, columns]. Answers with the values and their columns (int64), [rows, k] each."""
        values, columns = torch.topk(x, self.k, dim=-1)
        return values, columns


def get_inputs():
    # No two values of a row are equal: otherwise it would be open which column is right.
    values, place = torch.randn(rows, columns).sort(dim=-1)
    apart = values + torch.arange(columns) * GAP
    x = torch.empty_like(apart).scatter_(-1, place, apart)
    return [x * torch.empty(rows, 1).uniform_(1, 4) + 4 * torch.randn(rows, 1)]


def get_init_inputs():
    return [k]


def cost():
    return {"bytes": 4 * rows * columns + 12 * rows * k, "flops": rows * columns}
