# title: the same steps on all rows at once
# task: gpu_softmax
# expect: ok

import torch

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


def solve(rows):
    x = torch.from_numpy(rows).cuda()
    raised = torch.exp(x - x.amax(dim=1, keepdim=True))
    return raised / raised.sum(dim=1, keepdim=True)
