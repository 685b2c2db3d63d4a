# title: one product in full single precision
# task: gpu_matmul
# expect: ok

import torch

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


torch.backends.cuda.matmul.allow_tf32 = False


def solve(left, right):
    return torch.from_numpy(left).cuda() @ torch.from_numpy(right).cuda()
