"""The winner's own benchmark: one file that needs PyTorch and nothing of codeopt."""

from __future__ import annotations

from pathlib import Path

import jinja2

from codeopt.agent.tasks.kernel import KernelFile

TEMPLATE = Path(__file__).parent.parent / "prompts" / "bench.py.j2"


def bench_text(kernel: KernelFile, new: str, cls: str, *, backward: bool = False) -> str:
    """A script that checks and times the candidate on every shape of the task.

    Args:
        kernel: The reference.
        new: The candidate's text.
        cls: Its class.
        backward: What it checks and times is forward and backward.
    """
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    shapes = [(shape.name, shape.whole) for shape in kernel.shapes]
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        name=kernel.file.name, shapes=[(repr(name), repr(whole)) for name, whole in shapes], new=repr(new), cls=repr(cls),
        backward=backward,
    )  # fmt: skip
