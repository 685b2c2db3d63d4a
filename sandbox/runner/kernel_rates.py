"""What the device reaches (bandwidth, matrix rates), and what one call of a module needs: the two sides of a roofline."""

from . import kernel_call

BYTES = 1 << 30
ROUNDS = 7
SIDE = 4096
COSTS = ("bytes", "flops")


def measured(kernel):
    """Bytes a second of a large copy, and operations a second of square matrix products by type; {} without a GPU."""
    torch, device = kernel.torch, kernel.device
    if device.kind != "cuda":
        return {}
    while len(kernel.marks) < 2 * ROUNDS:
        kernel.marks += device.marks(2)

    def best(function):
        for index in range(ROUNDS):
            device.mark(kernel.marks, 2 * index)
            function()
            device.mark(kernel.marks, 2 * index + 1)
        device.synchronise()
        return min(device.between(kernel.marks, 2 * i, 2 * i + 1) for i in range(2, ROUNDS))

    one = torch.zeros(BYTES // 4, device="cuda")
    other = torch.empty_like(one)
    found = {"bytes": 2 * BYTES / best(lambda one=one, other=other: other.copy_(one))}
    one = other = None
    for name in ("float32", "float16", "bfloat16"):
        a = torch.randn(SIDE, SIDE, device="cuda").to(getattr(torch, name))
        b = torch.randn(SIDE, SIDE, device="cuda").to(getattr(torch, name))
        out = torch.empty_like(a)
        found[name] = 2 * SIDE**3 / best(lambda a=a, b=b, out=out: torch.matmul(a, b, out=out))
    for name, rate in (("int8", int8_rate), ("float8_e4m3fn", float8_rate)):
        try:
            found[name] = rate(torch, best)
        except (RuntimeError, AttributeError, TypeError):
            continue  # older cards and older versions have none
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        a, b = torch.randn(SIDE, SIDE, device="cuda"), torch.randn(SIDE, SIDE, device="cuda")
        found["tf32"] = 2 * SIDE**3 / best(lambda: torch.matmul(a, b))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
    return found


def int8_rate(torch, best):
    a, b = (torch.ones(SIDE, SIDE, dtype=torch.int8, device="cuda") for _ in range(2))
    return 2 * SIDE**3 / best(lambda: torch._int_mm(a, b.t()))


def float8_rate(torch, best):
    a, b = (torch.ones(SIDE, SIDE, device="cuda").to(torch.float8_e4m3fn) for _ in range(2))
    one = torch.ones((), device="cuda")
    return 2 * SIDE**3 / best(lambda: torch._scaled_mm(a, b.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16))


def cost(kernel, text, seed):
    """Least bytes (arguments, weights, answers and gradients, each once), and operations by torch's counter, or what the file says.

    What the file says is of forward alone: with gradients it does not count.
    """
    names, module = kernel.built[text]
    call = kernel.call(kernel, text, seed)
    types = {str(value.dtype).partition(".")[2] for value in call.arguments if isinstance(value, kernel.Tensor)}
    said = names["cost"]() if "cost" in names and kernel.call is kernel_call.Forward else {}
    found = {key: int(value) for key, value in said.items() if key in COSTS}
    if set(found) != set(COSTS):
        found = {**counted(kernel, module, call), **found}
    return {**found, "types": sorted(types)}


def counted(kernel, module, call):
    from torch.utils.flop_counter import FlopCounterMode  # takes seconds to import what it needs

    call.bound(module)
    call.grad = accumulated  # the counter's hooks do not work in torch.autograd.grad
    with kernel.around(), FlopCounterMode(display=False) as counter:
        outputs = call.tensors(call.run(module))
    tensors = [*call.arguments, *call.upstream, *module.parameters(), *module.buffers(), *outputs]
    size = sum(value.numel() * value.element_size() for value in tensors if isinstance(value, kernel.Tensor))
    return {"bytes": size, "flops": int(counter.get_total_flops())}


def accumulated(outputs, places, upstream, allow_unused):
    import torch

    torch.autograd.backward(outputs, upstream, inputs=places)
    found = [place.grad for place in places]
    for place in places:
        place.grad = None
    return found
