"""Compiles a candidate's Triton kernels for sm_90 without a GPU, as one call of it would: `python hopper.py FOLDER`.

In the folder lie pairs NAME.reference.py and NAME.py; what is printed is JSON: for each name the rows of runner/kernel_compiled.py.
Triton asks its driver which device there is; here it is told.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from codeopt.sandbox.runner.kernel_compiled import facts

TARGET = GPUTarget("cuda", 90, 32)


class Described:
    """A device that is only described: what Triton asks its driver before it compiles."""

    def get_current_target(self) -> GPUTarget:
        return TARGET

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compiled(folder: Path, name: str) -> list[dict[str, Any]]:
    """What the kernels of a candidate were compiled to, in the order of its launches."""
    found: list[Any] = []
    run = JITFunction.run

    def warmed(self: Any, *arguments: Any, **named: Any) -> None:
        found.append(run(self, *arguments, **(named | {"warmup": True})))

    JITFunction.run = warmed
    try:
        names: dict[str, Any] = {}
        exec((folder / f"{name}.reference.py").read_text("utf-8"), names)
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with torch.no_grad():
            module.ModelNew(*names["get_init_inputs"]())(*names["get_inputs"]())
    finally:
        JITFunction.run = run
    return [facts(one) for one in found]


if __name__ == "__main__":
    driver.set_active(Described())
    where = Path(sys.argv[1])
    texts = sorted(file.name.removesuffix(".reference.py") for file in where.glob("*.reference.py"))
    print(json.dumps({name: compiled(where, name) for name in texts}))
