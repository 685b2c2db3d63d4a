"""Which kernels a module runs and how long each takes, by torch's own profiler."""

ROUNDS = 5
MOST = 24


def profiled(kernel, text, seed, spec):
    """[name, seconds of one call, launches of one call] of each kernel (without a GPU: each operator), longest first."""
    from torch.profiler import ProfilerActivity, profile

    module, cuda = kernel.built[text][1], kernel.device.kind == "cuda"
    calls = kernel.bound(text, [seed + number for number in range(ROUNDS)], spec)
    kernel.device.synchronise()
    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA] if cuda else [ProfilerActivity.CPU]
    with kernel.around(), profile(activities=activities) as found:
        for call in calls:
            call.run(module)
        kernel.device.synchronise()
    rows = []
    for event in found.key_averages():
        spent = event.self_device_time_total if cuda else event.self_cpu_time_total
        if spent > 0 and (not cuda or str(event.device_type).endswith("CUDA")):
            rows.append([event.key, spent / 1e6 / ROUNDS, max(1, event.count // ROUNDS)])
    return sorted(rows, key=lambda row: -row[1])[:MOST]
