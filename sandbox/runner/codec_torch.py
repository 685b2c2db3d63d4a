"""PyTorch: dense tensors as raw buffers with dtype, shape and kind of device; `requires_grad` is left out."""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Callable
from typing import Any

from .codec_std import Encoder, wire
from .codec_wire import Unencodable


def _tensor(o: Any, enc: Any) -> list[Any]:
    torch = sys.modules["torch"]
    if o.layout is not torch.strided or o.is_quantized or o.is_nested:
        raise Unencodable("", f"torch.Tensor that is not dense ({o.layout})")
    held = o.detach().cpu().resolve_conj().resolve_neg().contiguous()
    raw = ctypes.string_at(held.data_ptr(), held.numel() * held.element_size()) if held.numel() else b""
    return wire("tensor", str(o.dtype).partition(".")[2], [list(o.shape), o.device.type, raw])


def _live_tensor(dtype: str, value: Any) -> Any:
    torch = importlib.import_module("torch")
    shape, device, raw = value
    kind = getattr(torch, dtype)
    flat = torch.frombuffer(bytearray(raw), dtype=kind) if raw else torch.empty(0, dtype=kind)
    return flat.reshape(shape).to(device)


def _live_name(name: str, value: Any) -> Any:
    torch = importlib.import_module("torch")
    return torch.device(name) if value == "device" else getattr(torch, name)


def _live_size(name: str, value: Any) -> Any:
    torch = importlib.import_module("torch")
    return torch.Size(value)


CONTAINERS: dict[str, Encoder] = {}
LEAVES: dict[str, Encoder] = {
    "torch:Tensor": _tensor,
    "torch:Size": lambda o, enc: wire("torch_size", "", list(o)),
    "torch:device": lambda o, enc: wire("torch_name", str(o), "device"),
    "torch:dtype": lambda o, enc: wire("torch_name", str(o).partition(".")[2], "dtype"),
}
LIVE: dict[str, Callable[[str, Any], Any]] = {
    "tensor": _live_tensor,
    "torch_size": _live_size,
    "torch_name": _live_name,
}
