"""Runs references of the kernel suite, as the sandbox's process does on a device, and says what their outputs are like.

Reads {"tiny": {name: [whole, inputs]}, "real": {name: whole}} (`codeopt.agent.tasks.kernel.Shape`) as JSON; writes a report
of each.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from types import SimpleNamespace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from codeopt.sandbox.runner import kernel_error, kernel_rates
from codeopt.sandbox.runner.kernel import Kernel

INIT, SEED, OTHER = 11, 1, 2


class Narrow(TorchDispatchMode):
    """Notes each operation that answers with floats shorter than double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for value in found if isinstance(found, tuple | list) else [found]:
            if isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != torch.float64:
                self.seen.add(str(func))
        return found


def report(whole: str, inputs: str) -> dict[str, Any]:
    """What a tiny task's outputs are like, and those of answers without the work."""
    gc.freeze()  # torch's own objects are many, and `build` collects garbage
    kernel = Kernel(SimpleNamespace(context=SimpleNamespace(module=None)), "cpu")
    kernel.cls = "Model"
    kernel.build(whole, INIT)
    names, module = kernel.built[whole]
    arguments, others = kernel.inputs(whole, SEED), kernel.inputs(whole, OTHER)

    def answers(given: list[Any], module: Any = module) -> list[Any]:
        with torch.no_grad():
            return kernel.flat(module(*given))

    wanted, other = answers(arguments), answers(others)
    apart: dict[str, Any] = {"__name__": "inputs"}
    exec(compile(inputs, "inputs", "exec"), apart)
    kernel.built[inputs] = apart, None
    told: dict[str, Any] = {
        "types": [str(value.dtype).partition(".")[2] for value in wanted],
        "finite": all(bool(torch.isfinite(value).all()) for value in wanted),
        "again": alike(wanted, answers(kernel.inputs(whole, SEED))),
        "inputs_alone": alike(arguments, kernel.inputs(inputs, SEED)),
        "left_alone": alike(arguments, kernel.inputs(whole, SEED)),
        "same_arguments": [i for i, pair in enumerate(zip(arguments, others, strict=True)) if torch.equal(*pair)],
    }

    narrow = Narrow()

    @contextlib.contextmanager
    def watched() -> Any:
        with torch.no_grad(), narrow:
            yield

    kernel.around = watched  # what the oracle runs its module in
    truth = kernel_error.exact(kernel, {"text": whole, "init": INIT, "spec": None}, SEED)
    told["oracle"], told["narrow"] = truth is not None, sorted(narrow.seen)
    kernel.around = torch.no_grad

    def rows(given: list[Any]) -> list[Any]:
        return [
            kernel_error.row(torch, *row, arguments) for row in zip(wanted, given, truth or [None] * len(wanted), strict=True)
        ]

    told["right"] = rows(wanted)
    told["wrong"] = {
        "zeros": rows([torch.zeros_like(value) for value in wanted]),
        "mean": rows([torch.full_like(value, value.double().mean().item()) for value in wanted]),
        "another seed": rows(other),
    }
    for index in range(len(arguments)):
        mixed = [others[i] if i == index else value for i, value in enumerate(arguments)]
        told["wrong"][f"another argument {index}"] = rows(answers(mixed))
    if list(module.parameters()):
        told["wrong"]["other weights"] = rows(answers(arguments, kernel.instance(names, names["Model"], INIT + 1)))
    told["cost"] = names.pop("cost")()
    told["most"] = kernel_rates.cost(kernel, whole, SEED)
    return told


def size(whole: str) -> dict[str, int]:
    """Bytes of a real task's arguments with the weights, and of its outputs (-1: their sizes depend on values); makes none of them."""
    names: dict[str, Any] = {"__name__": "size"}
    exec(compile(whole, "size", "exec"), names)
    with torch.device("meta"), torch.no_grad():
        arguments = names["get_inputs"]()
        module = names["Model"](*names["get_init_inputs"]())
        try:
            found = module(*arguments)
        except NotImplementedError:
            found = None
    outputs = list(found) if isinstance(found, tuple) else [found]
    held = sum(value.nbytes for value in [*arguments, *module.parameters()])
    made = -1 if found is None else sum(value.nbytes for value in outputs)
    return {"arguments": held, "outputs": made, **names["cost"]()}


def alike(one: list[Any], other: list[Any]) -> bool:
    return all(map(torch.equal, one, other))


if __name__ == "__main__":
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    found = {
        "tiny": {name: report(*texts) for name, texts in asked["tiny"].items()},
        "real": {name: size(text) for name, text in asked["real"].items()},
    }
    json.dump(found, sys.stdout)
