"""Models on this machine that codeopt can use, as far as their headers tell: nothing is loaded."""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.models import gguf, hf

_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
"""general.file_type of a GGUF header, by llama.cpp's numbers."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


@dataclass(frozen=True)
class Local:
    """A model, or an adapter, that is here.

    Attributes:
        model: What --model takes.
        kind: "GGUF", "transformers" or "adapter".
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
            parameters, precision = read_gguf(path)
            yield Local(f"{gguf.PREFIX}{path}", "GGUF", path.stat().st_size, parameters, precision)
        elif path.name == "config.json" and (weights := _weights(path.parent)):
            called = name if name and path.parent == folder else str(path.parent)
            yield Local(f"{hf.PREFIX}{called}", "transformers", _size(weights), *read_safetensors(weights))
        elif path.name == "adapter_config.json" and (weights := _weights(path.parent)):
            called = name if name and path.parent == folder else str(path.parent)
            base = _read(path).get("base_model_name_or_path") or "MODEL"
            yield Local(f"{hf.PREFIX}{base}@{called}", "adapter", _size(weights), *read_safetensors(weights))


def read_gguf(path: Path) -> tuple[int, str]:
    """Parameters and quantisation in a GGUF file's header; (0, "") where it is none."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:4] != gguf.MAGIC:
                return 0, ""
            tensors, pairs = struct.unpack_from("<QQ", data, 8)
            place, kind = 24, ""
            for _ in range(pairs):
                key, place = _text(data, place)
                (number,) = struct.unpack_from("<I", data, place)
                if key == b"general.file_type":
                    kind = _FILE_TYPES.get(struct.unpack_from("<I", data, place + 4)[0], "")
                place = _after(data, place + 4, number)
            parameters = 0
            for _ in range(tensors):
                _, place = _text(data, place)
                (count,) = struct.unpack_from("<I", data, place)
                parameters += math.prod(struct.unpack_from(f"<{count}Q", data, place + 4))
                place += 4 + 8 * count + 4 + 8
            return parameters, kind
    except (OSError, ValueError, struct.error, KeyError):
        return 0, ""


def _text(data: mmap.mmap, place: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<Q", data, place)
    return data[place + 8 : place + 8 + length], place + 8 + length


def _after(data: mmap.mmap, place: int, kind: int) -> int:
    """Where the value of that kind at `place` ends."""
    if kind == _TEXT:
        return int(place + 8 + struct.unpack_from("<Q", data, place)[0])
    if kind != _LIST:
        return place + struct.calcsize(_SCALARS[kind])
    inner, count = struct.unpack_from("<IQ", data, place)
    place += 12
    if inner in _SCALARS:
        return int(place + count * struct.calcsize(_SCALARS[inner]))
    for _ in range(count):
        place = _after(data, place, inner)
    return place


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
