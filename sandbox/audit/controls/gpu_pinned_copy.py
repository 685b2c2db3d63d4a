# title: copies through pinned memory without waiting
# task: gpu_softmax
# expect: ok

import torch

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


def solve(rows):
    x = torch.from_numpy(rows).pin_memory().to("cuda", non_blocking=True)
    return torch.softmax(x, dim=1)
