"""A layer of experts: the top_k of each token by its router's logits, SwiGLU in each expert, the answers added by their gates."""

import torch

tokens = 4096
hidden = 2048
inner = 1024
experts = 64
top_k = 8
dtype = torch.bfloat16

SHAPES = [
    {"tokens": 4096, "hidden": 2048, "inner": 1024, "experts": 64, "top_k": 8, "dtype": "torch.bfloat16"},
    {"tokens": 32, "hidden": 2048, "inner": 1024, "experts": 64, "top_k": 8, "dtype": "torch.bfloat16"},
    {"tokens": 8192, "hidden": 2048, "inner": 4096, "experts": 8, "top_k": 2, "dtype": "torch.float16"},
]
HELD_OUT = [
    {"tokens": 1111, "hidden": 1536, "inner": 1000, "experts": 40, "top_k": 6, "dtype": "torch.bfloat16"},
    {"tokens": 77, "hidden": 1000, "inner": 1408, "experts": 17, "top_k": 3, "dtype": "torch.float16"},
]


class Model(torch.nn.Module):
    def __init__(self, top_k):
        super().__init__()
        self.top_k = top_k

    def forward(self, x, logits, gate, up, down):
        """x: [tokens, hidden]; logits: [tokens, experts]; gate, up: [experts, inner, hidden]; down: [experts, hidden, inner]."""
        best, chosen = torch.topk(logits, self.top_k, dim=-1)
        shares = torch.softmax(best, dim=-1)
        out = torch.zeros(x.shape, dtype=shares.dtype, device=x.device)
        for expert in range(gate.shape[0]):
            token, place = torch.nonzero(chosen == expert, as_tuple=True)
            mine = x[token]
            raised = torch.nn.functional.silu(mine @ gate[expert].t()) * (mine @ up[expert].t())
            out.index_add_(0, token, shares[token, place, None] * (raised @ down[expert].t()))
        return out.to(x.dtype)


def get_inputs():
    x = torch.randn(tokens, hidden).to(dtype)
    # Ranks with less than 1 added: no two logits of a token are equal, so that rounding cannot change who is chosen.
    # Experts at the front are chosen more often, as in practice loads are uneven.
    liking = torch.rand(tokens, experts) ** torch.linspace(0.5, 2, experts)
    rank = liking.argsort(dim=-1).argsort(dim=-1)
    logits = (rank + 0.5 * torch.rand(tokens, experts)) * (8 / experts)
    gate = torch.randn(experts, inner, hidden, dtype=dtype) * hidden**-0.5
    up = torch.randn(experts, inner, hidden, dtype=dtype) * hidden**-0.5
    down = torch.randn(experts, hidden, inner, dtype=dtype) * inner**-0.5
    return [x, logits, gate, up, down]


def get_init_inputs():
    return [top_k]


def cost():
    # Of the experts those that a token chooses, on average (as if all were liked alike).
    used = int(experts * (1 - (1 - top_k / experts) ** tokens))
    numbers = 3 * used * hidden * inner + 2 * tokens * hidden
    size = numbers * dtype.itemsize + 4 * tokens * experts
    return {"bytes": size, "flops": 6 * tokens * top_k * hidden * inner}
