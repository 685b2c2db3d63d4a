"""Attention of one new token for each request over a cache of keys and values in 4 bits, with groups of heads sharing it.

Two codes lie in a byte, the even place in the low half; a group of `group` codes along head_dim has a scale and a zero:
value = (code - zero) * scale.
"""

import torch

batch = 32
heads = 32
kv_heads = 8
length = 8192
head_dim = 128
group = 64
dtype = torch.bfloat16

SHAPES = [
    {"batch": 32, "heads": 32, "kv_heads": 8, "length": 8192, "dtype": "torch.bfloat16"},
    {"batch": 128, "heads": 32, "kv_heads": 8, "length": 1024, "dtype": "torch.float16"},
    {"batch": 2, "heads": 64, "kv_heads": 8, "length": 65536, "dtype": "torch.bfloat16"},
]
HELD_OUT = [
    {"batch": 7, "heads": 28, "kv_heads": 4, "length": 5003, "dtype": "torch.bfloat16"},
    {"batch": 50, "heads": 24, "kv_heads": 6, "length": 777, "group": 32, "dtype": "torch.float16"},
]


def unpacked(codes, scale, zero):
    """[..., head_dim / 2] bytes, [..., head_dim / group] scales and zeros -> [..., head_dim] values."""
    whole = torch.stack((codes & 15, codes >> 4), dim=-1).flatten(-2)
    grouped = whole.unflatten(-1, (scale.shape[-1], -1))
    return ((grouped - zero[..., None]) * scale[..., None]).flatten(-2)


class Model(torch.nn.Module):
    def forward(self, q, k_codes, k_scale, k_zero, v_codes, v_scale, v_zero, lengths):
        """q: [batch, heads, head_dim]; the cache: [batch, kv_heads, length, ...]; lengths: [batch], how much of it is filled."""
        k, v = unpacked(k_codes, k_scale, k_zero), unpacked(v_codes, v_scale, v_zero)
        shared = q.unflatten(1, (k.shape[1], -1))
        scores = shared @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        unfilled = torch.arange(k.shape[2], device=q.device) >= lengths[:, None, None, None]
        scores = scores.masked_fill(unfilled, float("-inf"))
        return (torch.softmax(scores, dim=-1) @ v).flatten(1, 2)


def filled():
    """Lengths of the requests: from a part of the cache to all of it, the same for each input except for their order."""
    return [(place + 1) * length // batch for place in range(batch)]


def get_inputs():
    q = torch.randn(batch, heads, head_dim) * torch.linspace(0.5, 1.5, heads)[:, None]
    cache = []
    for _ in range(2):
        codes = torch.randint(256, (batch, kv_heads, length, head_dim // 2), dtype=torch.uint8)
        scale = torch.empty(batch, kv_heads, length, head_dim // group).uniform_(0.05, 0.3)
        zero = torch.empty_like(scale).uniform_(5, 10)
        cache += [codes, scale.to(dtype), zero.to(dtype)]
    lengths = torch.tensor(filled(), dtype=torch.int32)[torch.randperm(batch)]
    return [q.to(dtype), *cache, lengths]


def get_init_inputs():
    return []


def cost():
    seen = sum(filled())
    row = head_dim // 2 + 2 * head_dim // group * dtype.itemsize  # packed codes, scales and zeros
    size = 2 * seen * kv_heads * row + 2 * batch * heads * head_dim * dtype.itemsize + 4 * batch
    return {"bytes": size, "flops": 4 * seen * heads * head_dim}
