"""Causal self-attention, forward, as in training or prefill; the scores are written out in full."""

import torch

batch = 2
heads = 16
length = 4096
head_dim = 128
dtype = torch.bfloat16

SHAPES = [
    {"batch": 2, "heads": 16, "length": 4096, "head_dim": 128, "dtype": "torch.bfloat16"},
    {"batch": 4, "heads": 32, "length": 2048, "head_dim": 64, "dtype": "torch.float16"},
    {"batch": 32, "heads": 12, "length": 512, "head_dim": 64, "dtype": "torch.bfloat16"},
    {"batch": 1, "heads": 16, "length": 2048, "head_dim": 64, "dtype": "torch.float32"},
]
HELD_OUT = [
    {"batch": 3, "heads": 10, "length": 1531, "head_dim": 128, "dtype": "torch.bfloat16"},
    {"batch": 1, "heads": 7, "length": 3001, "head_dim": 64, "dtype": "torch.float32"},
]


class Model(torch.nn.Module):
    def forward(self, q, k, v):
        """q, k, v: [batch, heads, length, head_dim]; the answer has that shape, too."""
        length, head_dim = q.shape[-2:]
        scores = q @ k.transpose(-2, -1) * head_dim**-0.5
        later = torch.ones(length, length, dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
        return torch.softmax(scores, dim=-1) @ v


def get_inputs():
    # Heads from nearly uniform to sharp, and keys with a part in common: it moves all scores of a row alike. In bfloat16 less
    # sharp: scores are rounded to it, and the reference would be 2 % off.
    sharpness = torch.linspace(0.5, 2 if dtype == torch.bfloat16 else 8, heads)[:, None, None]
    q = torch.randn(batch, heads, length, head_dim) * sharpness
    k = torch.randn(batch, heads, length, head_dim) + torch.randn(batch, heads, 1, head_dim)
    v = torch.randn(batch, heads, length, head_dim)
    return [q.to(dtype), k.to(dtype), v.to(dtype)]


def get_init_inputs():
    return []


def cost():
    pairs = batch * heads * length * (length + 1) // 2
    return {"bytes": 4 * batch * heads * length * head_dim * dtype.itemsize, "flops": 4 * pairs * head_dim}
