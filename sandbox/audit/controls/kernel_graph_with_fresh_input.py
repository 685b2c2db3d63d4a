# title: a CUDA graph whose input is copied in each time
# task: kernel_norm
# expect: ok

import torch


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(4096))
        self.graph = None

    def right(self, x):
        """Two kernels: what an honest candidate would call."""
        return torch.softmax(torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, 1e-6), -1)

    def forward(self, x):
        if self.graph is None:
            self.x = x.clone()
            self.right(self.x)
            torch.cuda.synchronize()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.out = self.right(self.x)
        self.x.copy_(x)
        self.graph.replay()
        return self.out.clone()
