"""What a run says of a GPU kernel on each shape, and where that stands under the roof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from codeopt.agent.kernels.verify import ShapeRow
from codeopt.page import charts


@dataclass(frozen=True)
class Kernel:
    """The figures of a kernel in `result.json`.

    Attributes:
        rival: The fastest one, in words.
        label: Who does the work.
        rows: A shape each.
    """

    rival: str
    label: str
    rows: tuple[ShapeRow, ...]

    @property
    def modes(self) -> list[str]:
        """The other rivals, in the order of the first shape that names them."""
        return list(dict.fromkeys(mode for row in self.rows for mode in row.rivals_s))

    def roofline(self) -> str:
        """The plot; "" where the roof or the operations are not known for any shape."""
        points = [
            charts.Roof(str(number), row.flops / row.bytes, row.flops / row.device_s, row.flops / row.roofline_s)
            for number, row in enumerate(self.rows, 1)
            if min(row.flops, row.bytes, row.device_s, row.roofline_s) > 0
        ]
        return charts.roofline(points, title="Roofline") if points else ""


def read(told: Mapping[str, Any]) -> Kernel | None:
    """What `result.json` holds below "kernel"; None where that is something else."""
    shapes = told.get("shapes")
    try:
        rows = tuple(ShapeRow.model_validate(row) for row in shapes) if isinstance(shapes, list) else ()
    except ValidationError:
        return None
    return Kernel(str(told.get("rival_named", "")), str(told.get("label", "")), rows) if rows else None
