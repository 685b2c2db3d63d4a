# title: another stream, joined before the answer
# task: kernel_norm
# expect: ok

import torch


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(4096))
        self.side = torch.cuda.Stream()

    def right(self, x):
        """Two kernels: what an honest candidate would call."""
        return torch.softmax(torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, 1e-6), -1)

    def forward(self, x):
        self.side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.side):
            out = self.right(x)
        torch.cuda.current_stream().wait_stream(self.side)
        out.record_stream(torch.cuda.current_stream())
        x.record_stream(self.side)
        return out
