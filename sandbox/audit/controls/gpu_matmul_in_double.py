# title: more precision than the program: double inside, single outside
# task: gpu_matmul
# expect: ok

import torch

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


def solve(left, right):
    a, b = torch.from_numpy(left).cuda().double(), torch.from_numpy(right).cuda().double()
    return (a @ b).float()
