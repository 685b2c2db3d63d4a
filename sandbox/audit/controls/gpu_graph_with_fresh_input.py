# title: replays a CUDA graph on an input that is copied in each time
# task: gpu_softmax
# expect: ok

import torch

torch.zeros(1, device="cuda")  # the context is made here, not in the first call


graphs = {}


def capture(shape):
    x = torch.zeros(shape, device="cuda")
    torch.softmax(x, dim=1)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = torch.softmax(x, dim=1)
    return graph, x, out


def solve(rows):
    if rows.shape not in graphs:
        graphs[rows.shape] = capture(rows.shape)
    graph, x, out = graphs[rows.shape]
    x.copy_(torch.from_numpy(rows))
    graph.replay()
    return out.clone()
