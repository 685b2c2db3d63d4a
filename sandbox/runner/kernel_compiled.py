"""What a module's own kernels were compiled to: Triton's, as they are launched, and those of a CUDA file."""

import sys

MOST = 16
MOST_TEXT = 1 << 20
LIBRARY = "_LIBRARY"  # of agent/prompts/cuda_module.py.j2


def compiled(kernel, text, seed, spec):
    """A row for each kernel that a call launches: see `facts` and `library`. No text: nothing is called."""
    rows = [facts(found) for found in launched(kernel, text, seed, spec)[:MOST]] if text else []
    built = getattr(kernel.server.context.module, LIBRARY, None)
    return rows + ([library(built)] if built is not None else [])


def launched(kernel, text, seed, spec):
    """Triton's kernels in the order in which a call launches them, each once; [] where it does not use Triton."""
    triton = sys.modules.get("triton.compiler.compiler")
    cls = getattr(triton, "CompiledKernel", None)
    if cls is None:
        return []
    found, before = [], cls.launch_metadata

    # Every launch asks for it, in all versions from 3.0 on.
    def noted(self, *arguments, **named):
        if self not in found:
            found.append(self)
        return before(self, *arguments, **named)

    (call,) = kernel.bound(text, [seed], spec)
    cls.launch_metadata = noted
    try:
        with kernel.around():
            call.run(kernel.built[text][1])
        kernel.device.synchronise()
    finally:
        cls.launch_metadata = before
    return found


def facts(found):
    """Plain data about one of Triton's compiled kernels; None for what it does not know."""
    about = found.metadata
    words = getattr(found, "n_spills", None)  # of four bytes, once the driver has loaded it
    return {
        "name": str(about.name),
        "registers": getattr(found, "n_regs", None),
        "local": None if words is None else 4 * words,
        "shared": getattr(about, "shared", None),
        "warps": getattr(about, "num_warps", None),
        "stages": getattr(about, "num_stages", None),
        "ptx": str(found.asm.get("ptx", ""))[:MOST_TEXT],
    }


def library(built):
    """What ptxas says of a CUDA file's kernels ("log"), and their PTX."""
    log, text = built.compiled()
    return {"log": str(log)[:MOST_TEXT], "ptx": str(text)[: 4 * MOST_TEXT]}
