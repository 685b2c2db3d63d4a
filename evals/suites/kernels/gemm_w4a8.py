"""A linear layer with weights in 4 bits (two in a byte, scales for groups of inputs) and activations in 8 (a scale a token)."""

import torch

m = 16
n = 14336
k = 4096
group = 128

SHAPES = [
    {"m": 16, "n": 14336, "k": 4096},
    {"m": 256, "n": 4096, "k": 14336},
    {"m": 4096, "n": 4096, "k": 4096},
]
HELD_OUT = [{"m": 1, "n": 11008, "k": 4096}, {"m": 333, "n": 5003, "k": 1920, "group": 64}]


def signed(packed):
    """[n, k / 2] bytes, the even place in the low half -> [n, k] integers from -8 to 7."""
    return torch.stack((packed & 15, packed >> 4), dim=-1).flatten(1).to(torch.int8) - 8


class Model(torch.nn.Module):
    def forward(self, x, x_scale, packed, scale):
        """x: int8 [m, k]; x_scale: [m]; packed: uint8 [n, k / 2]; scale: [n, k / group]. Answers in bfloat16, [m, n]."""
        codes = signed(packed).unflatten(1, (scale.shape[1], -1)).to(torch.bfloat16)
        weight = (codes * scale[..., None]).flatten(1)
        out = x.to(torch.bfloat16) @ weight.t()
        return (out * x_scale[:, None]).to(torch.bfloat16)


class Exact(torch.nn.Module):
    """Integers are cast to bfloat16 above, and the scaled weights and the products rounded to it."""

    def forward(self, x, x_scale, packed, scale):
        codes = signed(packed).unflatten(1, (scale.shape[1], -1)).double()
        weight = (codes * scale[..., None]).flatten(1)
        return (x.double() @ weight.t()) * x_scale[:, None]


def get_inputs():
    # A few channels of the activations are large, as in language models: the scale of a token leaves the rest few levels.
    wide = torch.where(torch.rand(k) < 0.01, 8.0, 1.0)
    x = torch.randn(m, k) * wide
    x_scale = x.abs().amax(dim=1) / 127
    x = (x / x_scale[:, None]).round().to(torch.int8)
    packed = torch.randint(256, (n, k // 2), dtype=torch.uint8)
    scale = torch.empty(n, k // group).uniform_(0.002, 0.02).to(torch.bfloat16)
    return [x, x_scale, packed, scale]


def get_init_inputs():
    return []


def cost():
    size = m * k + 4 * m + n * k // 2 + 2 * n * k // group + 2 * m * n
    return {"bytes": size, "flops": 2 * m * n * k}
