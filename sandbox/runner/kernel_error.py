"""How far outputs are from the truth: norms over whole tensors, taken on the device in double precision.

Only the reference's process does this; what is decided from these numbers is decided by the parent.
"""

from . import kernel_call


def exact(kernel, message, seed):
    """The outputs in double precision: the file's own `Exact`, else its module with all floats widened; None where neither works.

    Gradients follow them; those that this module does not give are left out, or None.
    """
    text = message["text"]
    names = kernel.built[text][0]
    try:
        module = kernel.instance(names, names.get("Exact", names[kernel.cls]), message["init"]).double()
    except Exception:  # many operations have no kernel for doubles: then the reference alone is the measure
        return None
    for kind in dict.fromkeys((kernel.call, kernel_call.Forward)):
        try:
            call = kind(kernel, text, seed, message["spec"]).widened()
            call.bound(module)
            with kernel.around():
                found = call.run(module)
            return kernel.flat(found) if kind is kernel_call.Forward else [*found[0], *found[1]]
        except Exception:
            continue
    return None


def row(torch, wanted, given, truth, arguments):
    """Plain numbers about one output.

    Returns:
        differ: Elements that differ where nothing but equality counts (integers), or whose NaN and infinities are elsewhere.
        error, base_error: 2-norms of given - truth and wanted - truth; `truth` is `wanted` where there is no other.
        scale: 2-norm of truth. peak, base_peak, peak_scale: The same in the maximum norm.
        terms: Numbers that one element can depend on. eps: Of the output's type.
        close: Within KernelBench's tolerance of `wanted` (1e-4 for float32, 1e-2 for shorter types).
    """
    if not wanted.dtype.is_floating_point:
        differ = int((wanted != given).sum())
        return {"differ": differ, "close": differ == 0, "floats": False}
    finite = torch.isfinite(wanted)
    same = torch.where(finite, torch.isfinite(given), (wanted == given) | (torch.isnan(wanted) & torch.isnan(given)))
    tolerance = 1e-4 if torch.finfo(wanted.dtype).eps < 1e-6 else 1e-2
    close = bool(torch.allclose(given, wanted, rtol=tolerance, atol=tolerance, equal_nan=True))
    reference = wanted.double() if truth is None or truth.shape != wanted.shape else truth.double()
    use = finite & torch.isfinite(reference)

    def norms(values):
        kept = torch.where(use, values, torch.zeros((), dtype=torch.float64, device=values.device))
        peak = float(kept.abs().max()) if kept.numel() else 0.0
        # Scaled: squares of large numbers overflow even doubles.
        norm = peak * float(((kept / peak) ** 2).sum().sqrt()) if 0 < peak < float("inf") else peak
        return norm, peak

    sizes = [value for value in arguments if isinstance(value, torch.Tensor)]
    longest = max([1, *(n for value in sizes for n in value.shape)])
    count = sum(value.numel() for value in sizes)
    error, peak = norms(given.double() - reference)
    base_error, base_peak = norms(wanted.double() - reference)
    scale, peak_scale = norms(reference)
    return {
        "floats": True,
        "differ": int((~same).sum()),
        "error": error,
        "peak": peak,
        "base_error": base_error,
        "base_peak": base_peak,
        "scale": scale,
        "peak_scale": peak_scale,
        "terms": max(longest, count // max(1, wanted.numel())),
        "eps": float(torch.finfo(wanted.dtype).eps),
        "close": close,
    }
