"""The dataset card: README.md with the front matter that the hub and `load_dataset` read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from codeopt.datasets.store import Manifest

TEMPLATES = Path(__file__).parent / "templates"
DEFAULT = "sft"
MEANING = {
    "pairs": "a slow program, a fast one that does the same, and the measured gain: PIE's fields and ours",
    "trajectories": "every event of every run: plans, edits, verdicts",
    "failures": "changes that did not work, by status, with the evidence",
    "observations": "what a model saw in a program, with its evidence and bound",
    "sft": "`prompt`, `completion`: slow program in, fast program out",
    "sft_anonymised": "`prompt`, `completion`: as `sft`, without the programs' own names; `names` has them",
    "preference": "`prompt`, `chosen`, `rejected`, `margin`: two changes of one program, the better one first",
    "ranked": "`prompt`, `completions`, `scores`: changes of one program, the best one first",
    "unpaired": "`prompt`, `completion`, `label`: changes that are verified and faster, and ones that are not",
    "prompts": "`prompt`, `task_id`: programs to make faster",
}
_KEYS = ("cpu", "gpu", "cores", "memory_gb", "python", "compilers")


def card(manifest: Manifest) -> str:
    """The text of README.md."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json"] = json.dumps  # JSON is YAML, and quotes what it must
    order = [name for name in MEANING if name in manifest.rows]
    return environment.get_template("card.md.j2").render(
        m=manifest,
        order=order,
        default=DEFAULT if DEFAULT in order else "",
        meaning=MEANING,
        machines={_machine(text): count for text, count in manifest.machines.items()},
        pairs=sum(manifest.rows.get("pairs", {}).values()),
        size=_size(sum(manifest.rows.get("pairs", {}).values())),
    )


def _machine(text: str) -> str:
    """A fingerprint in a line."""
    try:
        found: Mapping[str, Any] = json.loads(text)
        return ", ".join(f"{key} {_plain(found[key])}" for key in _KEYS if found.get(key)) or "not said"
    except (ValueError, AttributeError):
        return "not said"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {version}" for name, version in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _size(rows: int) -> str:
    """The hub's class of sizes."""
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for bound, name in bounds if rows < bound), "n>1M")
