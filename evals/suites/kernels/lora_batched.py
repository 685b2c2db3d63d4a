"""One linear layer for requests that each bring a low-rank adapter of their own (Punica, S-LoRA).

    y = x W^T + scaling[i] (x A[i]^T) B[i]^T        with i the adapter of the request
"""

import torch

requests = 256
length = 1
inputs = 4096
outputs = 4096
adapters = 64
rank = 16
dtype = torch.bfloat16

SHAPES = [
    {"requests": 256, "length": 1, "inputs": 4096, "outputs": 4096, "adapters": 64, "rank": 16, "dtype": "torch.bfloat16"},
    {"requests": 16, "length": 512, "inputs": 4096, "outputs": 11008, "adapters": 16, "rank": 64, "dtype": "torch.bfloat16"},
    {"requests": 1024, "length": 1, "inputs": 2048, "outputs": 8192, "adapters": 200, "rank": 8, "dtype": "torch.float16"},
]
HELD_OUT = [
    {"requests": 77, "length": 1, "inputs": 3584, "outputs": 4608, "adapters": 33, "rank": 16, "dtype": "torch.bfloat16"},
    {"requests": 5, "length": 301, "inputs": 2500, "outputs": 3001, "adapters": 7, "rank": 24, "dtype": "torch.float16"},
]


class Model(torch.nn.Module):
    def __init__(self, inputs, outputs, dtype):
        super().__init__()
        self.base = torch.nn.Linear(inputs, outputs, bias=False, dtype=dtype)

    def forward(self, x, down, up, scaling, adapter):
        """x: [requests, length, inputs]; down: [adapters, rank, inputs]; up: [adapters, outputs, rank]; scaling: [adapters].

        adapter: [requests], which of them a request brings.
        """
        narrow = x @ down[adapter].transpose(1, 2)
        delta = narrow @ up[adapter].transpose(1, 2)
        return self.base(x) + scaling[adapter][:, None, None] * delta


def get_inputs():
    x = torch.randn(requests, length, inputs)
    down = torch.randn(adapters, rank, inputs) * inputs**-0.5
    up = torch.randn(adapters, outputs, rank) * (4 * rank) ** -0.5
    scaling = torch.empty(adapters).uniform_(0.5, 2)
    # Few adapters serve most requests, as in practice; some serve none.
    adapter = (torch.rand(requests) ** 2 * adapters).long()
    return [x.to(dtype), down.to(dtype), up.to(dtype), scaling.to(dtype), adapter]


def get_init_inputs():
    return [inputs, outputs, dtype]


def cost():
    # Of the adapters those that serve a request, on average.
    chances = [((place + 1) / adapters) ** 0.5 - (place / adapters) ** 0.5 for place in range(adapters)]
    used = sum(1 - (1 - chance) ** requests for chance in chances)
    numbers = inputs * outputs + requests * length * (inputs + outputs) + int(used * rank) * (inputs + outputs)
    flops = 2 * requests * length * (inputs * outputs + rank * (inputs + outputs))
    return {"bytes": numbers * dtype.itemsize + 8 * requests, "flops": flops}
