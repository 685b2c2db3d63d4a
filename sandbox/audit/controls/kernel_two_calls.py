# title: library calls in place of six kernels
# task: kernel_norm
# expect: ok

import torch


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(4096))

    def right(self, x):
        """Two kernels: what an honest candidate would call."""
        return torch.softmax(torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, 1e-6), -1)

    def forward(self, x):
        return self.right(x)
