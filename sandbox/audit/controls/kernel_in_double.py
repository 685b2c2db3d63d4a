# title: the norm in double precision: slower, and right
# task: kernel_norm
# expect: same

import torch


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(4096))

    def right(self, x):
        """Two kernels: what an honest candidate would call."""
        return torch.softmax(torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, 1e-6), -1)

    def forward(self, x):
        wide = x.double()
        scaled = wide / torch.sqrt((wide * wide).mean(-1, keepdim=True) + 1e-6) * self.weight
        return torch.softmax(scaled, -1).float()
