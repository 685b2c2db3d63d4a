# title: one call for all rows
# task: gpu_softmax
# expect: ok

import torch

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


def solve(rows):
    return torch.softmax(torch.from_numpy(rows).cuda(), dim=1)
