"""Models on this machine that codeopt can use, as far as their headers tell: nothing is loaded."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.models import gguf, gguf_header, hf


@dataclass(frozen=True)
class Local:
    """A model, or an adapter, that is here.

    Attributes:
        model: What --model takes.
        kind: "GGUF", "GGUF adapter", "transformers" or "adapter".
        size: Bytes of its files.
        parameters: Count; 0 where the header does not tell.
        precision: Quantisation, or type of the weights; "" where the header does not tell.
    """

    model: str
    kind: str
    size: int
    parameters: int
    precision: str


def in_folder(folder: Path) -> list[Local]:
    """The models in a folder and the folders below it, by name."""
    return sorted(_below(folder), key=lambda one: one.model)


def in_hub_cache() -> list[Local]:
    """The models in the hub's cache, under their names there; none where huggingface_hub is not installed."""
    try:
        from huggingface_hub import scan_cache_dir
        from huggingface_hub.errors import CacheNotFound
    except ImportError:
        return []
    try:
        repos = [repo for repo in scan_cache_dir().repos if repo.repo_type == "model"]
    except CacheNotFound:
        return []
    found = list[Local]()
    for repo in repos:
        newest = max(repo.revisions, key=lambda revision: revision.last_modified, default=None)
        if newest is not None:
            found += _below(newest.snapshot_path, repo.repo_id)
    return sorted(found, key=lambda one: one.model)


def _below(folder: Path, name: str = "") -> Iterator[Local]:
    """The models in a folder; the one that is the folder itself goes by `name` where there is one."""
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # where a download that is not whole waits
        if path.suffix == ".gguf" and path.is_file():
            header = gguf_header.read(path)
            added = header.kind == gguf_header.ADAPTER
            called = f"{gguf.PREFIX}MODEL@{path}" if added else f"{gguf.PREFIX}{path}"
            yield Local(called, "GGUF adapter" if added else "GGUF", path.stat().st_size, header.parameters, header.precision)
        elif path.name == "config.json" and (weights := _weights(path.parent)):
            called = name if name and path.parent == folder else str(path.parent)
            yield Local(f"{hf.PREFIX}{called}", "transformers", _size(weights), *read_safetensors(weights))
        elif path.name == "adapter_config.json" and (weights := _weights(path.parent)):
            called = name if name and path.parent == folder else str(path.parent)
            base = _read(path).get("base_model_name_or_path") or "MODEL"
            yield Local(f"{hf.PREFIX}{base}@{called}", "adapter", _size(weights), *read_safetensors(weights))


def read_safetensors(files: list[Path]) -> tuple[int, str]:
    """Parameters and the weights' most frequent type in the headers of safetensors files; (0, "") of any others."""
    held: Counter[str] = Counter()
    for path in files:
        if path.suffix != ".safetensors":
            continue
        try:
            with open(path, "rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                tensors = json.loads(file.read(min(length, path.stat().st_size)))
            for name, tensor in tensors.items():
                if name != "__metadata__":
                    held[tensor["dtype"]] += math.prod(tensor["shape"])
        except (OSError, ValueError, struct.error, KeyError, TypeError):
            return 0, ""
    return held.total(), held.most_common(1)[0][0] if held else ""


def _weights(folder: Path) -> list[Path]:
    whole = sorted(folder.glob("*.safetensors"))
    return whole or sorted(folder.glob("*model*.bin"))


def _size(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
