"""Linear attention with a decay for each head (RetNet, Lightning Attention), in chunks: quadratic within one, a state between.

    state_t = exp(log_decay) state_(t-1) + k_t v_t^T        o_t = q_t state_t / sqrt(sum of the decays up to t)
"""

import torch

batch = 4
heads = 16
length = 4096
head_dim = 128
chunk = 128
dtype = torch.bfloat16

SHAPES = [
    {"batch": 4, "heads": 16, "length": 4096, "head_dim": 128, "dtype": "torch.bfloat16"},
    {"batch": 1, "heads": 32, "length": 16384, "head_dim": 64, "dtype": "torch.bfloat16"},
    {"batch": 8, "heads": 8, "length": 2048, "head_dim": 64, "dtype": "torch.float32"},
]
HELD_OUT = [
    {"batch": 3, "heads": 7, "length": 3001, "head_dim": 128, "dtype": "torch.bfloat16"},
    {"batch": 5, "heads": 6, "length": 1000, "head_dim": 64, "dtype": "torch.float32"},
]


class Model(torch.nn.Module):
    def __init__(self, chunk):
        super().__init__()
        self.chunk = chunk

    def forward(self, q, k, v, log_decay):
        """q, k, v: [batch, heads, length, head_dim]; log_decay: [heads], below 0. Answers with o and the last state."""
        given = q.dtype
        rate = log_decay[:, None, None]
        q, k, v = (value.to(rate.dtype) for value in (q, k, v))  # all in the decays' type, which is single precision
        q = q * q.shape[-1] ** -0.5
        state = torch.zeros(*q.shape[:2], q.shape[-1], v.shape[-1], dtype=q.dtype, device=q.device)
        outputs = []
        for qc, kc, vc in zip(q.split(self.chunk, 2), k.split(self.chunk, 2), v.split(self.chunk, 2)):
            place = torch.arange(qc.shape[2], device=q.device)
            since = place[:, None] - place
            within = torch.exp(rate * since.clamp(min=0)).tril()
            own = (qc @ kc.transpose(-2, -1) * within) @ vc
            before = qc * torch.exp(rate * (place[:, None] + 1)) @ state
            outputs.append(own + before)
            left = torch.exp(rate * (len(place) - 1 - place[:, None]))
            state = torch.exp(rate * len(place)) * state + (kc * left).transpose(-2, -1) @ vc
        steps = torch.arange(1, q.shape[2] + 1, device=q.device)[:, None]
        total = torch.expm1(rate * steps) / torch.expm1(rate)
        return (torch.cat(outputs, dim=2) * total.rsqrt()).to(given), state.to(given)


def get_inputs():
    # From heads that forget within a few positions (powers of the inverse decay overflow) to such that see thousands.
    log_decay = -torch.exp(torch.empty(heads).uniform_(-8, 0))
    q, k, v = torch.randn(3, batch, heads, length, head_dim).to(dtype)
    return [q, k, v, log_decay]


def get_init_inputs():
    return [chunk]


def cost():
    moved = 4 * length * head_dim + head_dim * head_dim
    # Of the recurrence: one rank-1 update and one read of the state for each position.
    flops = 4 * batch * heads * length * head_dim * head_dim
    return {"bytes": batch * heads * moved * dtype.itemsize + 4 * heads, "flops": flops}
