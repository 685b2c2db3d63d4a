"""Based's two mixers: causal linear attention by the Taylor features of exp, 1 + x + x^2/2, and softmax over a sliding window.

Both are written as what they are equal to, weights for all pairs of positions; the first has a linear form with a state of
1 + feature_dim + feature_dim^2 rows.
"""

import torch

batch = 4
heads = 16
length = 2048
feature_dim = 16
head_dim = 64
window = 64
dtype = torch.bfloat16

SHAPES = [
    {"batch": 4, "heads": 16, "length": 2048, "head_dim": 64, "window": 64, "dtype": "torch.bfloat16"},
    {"batch": 1, "heads": 16, "length": 4096, "head_dim": 128, "window": 128, "dtype": "torch.bfloat16"},
    {"batch": 2, "heads": 8, "length": 2048, "head_dim": 64, "window": 64, "dtype": "torch.float32"},
]
HELD_OUT = [
    {"batch": 3, "heads": 5, "length": 1777, "head_dim": 64, "window": 100, "dtype": "torch.bfloat16"},
    {"batch": 1, "heads": 7, "length": 1000, "head_dim": 64, "window": 33, "dtype": "torch.float32"},
]


class Model(torch.nn.Module):
    def __init__(self, window):
        super().__init__()
        self.window = window

    def forward(self, q_taylor, k_taylor, q, k, v):
        """q_taylor, k_taylor: [batch, heads, length, feature_dim]; q, k, v: [batch, heads, length, head_dim].

        Answers with both mixers' outputs, each as v.
        """
        place = torch.arange(v.shape[2], device=v.device)
        since = place[:, None] - place

        scores = q_taylor @ k_taylor.transpose(-2, -1) * q_taylor.shape[-1] ** -0.5
        weights = (1 + scores + scores.square() / 2).masked_fill(since < 0, 0)
        taylor = (weights @ v) / weights.sum(dim=-1, keepdim=True)

        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        scores = scores.masked_fill((since < 0) | (since >= self.window), float("-inf"))
        return taylor, torch.softmax(scores, dim=-1) @ v


def get_inputs():
    # Heads where the 1 prevails, and heads where the square does.
    sharpness = torch.linspace(0.5, 3, heads)[:, None, None]
    q_taylor = torch.randn(batch, heads, length, feature_dim) * sharpness
    k_taylor = torch.randn(batch, heads, length, feature_dim)
    q = torch.randn(batch, heads, length, head_dim) * sharpness
    k = torch.randn(batch, heads, length, head_dim) + torch.randn(batch, heads, 1, head_dim)
    v = torch.randn(batch, heads, length, head_dim)
    return [value.to(dtype) for value in (q_taylor, k_taylor, q, k, v)]


def get_init_inputs():
    return [window]


def cost():
    moved = batch * heads * length * (2 * feature_dim + 5 * head_dim)
    # A square of features holds each product of two different ones twice: half of it is enough.
    state = 1 + feature_dim + feature_dim * (feature_dim + 1) // 2
    seen = min(window, length)
    pairs = length * seen - seen * (seen - 1) // 2
    flops = batch * heads * (4 * length * state * head_dim + 4 * pairs * head_dim)
    return {"bytes": moved * dtype.itemsize, "flops": flops}
