"""The commands that serve what was exported, and those of codeopt that use it next."""

from __future__ import annotations

import shlex
from pathlib import Path

from codeopt.training.export import Trained

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as --max-lora-rank."""
SERVED, LLAMA = "http://127.0.0.1:8000/v1", "http://127.0.0.1:8080/v1"
"""Where vLLM and transformers listen, and where llama-server does."""


def commands(form: str, out: Path, trained: Trained) -> list[tuple[str, str]]:
    """(what it is for, command) for weights of that form at `out`, first the one that needs nothing but codeopt."""
    place, name = out.resolve(), out.stem
    return [(what, shlex.join(words)) for what, words in _FORMS[form](str(place), name, trained)]


def _optimize(model: str) -> list[str]:
    return ["codeopt", "optimize", "FILE.py", "--model", model]


_Named = list[tuple[str, list[str]]]


def _merged(place: str, name: str, trained: Trained) -> _Named:
    return [
        ("codeopt alone", _optimize(f"hf:{place}")),
        ("transformers", ["transformers", "serve", place]),
        ("then use", _optimize(f"{place}@{SERVED}")),
        ("vLLM", ["vllm", "serve", place, "--served-model-name", name]),
        ("then use", _optimize(f"{name}@{SERVED}")),
    ]


def _adapter(place: str, name: str, trained: Trained) -> _Named:
    found = [("codeopt alone", _optimize(f"hf:{trained.base}@{place}"))]
    # vLLM loads no adapter with magnitudes, and none on a GGUF file.
    if trained.dora or trained.base.endswith(".gguf") or trained.rank > RANKS[-1]:
        return found
    rank = str(next(rank for rank in RANKS if rank >= trained.rank))
    several = ["--lora-modules", f"{name}={place}", "OTHER=OTHER_ADAPTER"]
    return [
        *found,
        ("vLLM, many adapters on one base", ["vllm", "serve", trained.base, "--enable-lora", "--max-lora-rank", rank, *several]),
        ("then use", _optimize(f"{name}@{SERVED}")),
    ]


def _gguf(place: str, name: str, trained: Trained) -> _Named:
    return [
        ("codeopt alone", _optimize(f"gguf:{place}")),
        ("llama.cpp", ["llama-server", "-m", place, "--port", "8080"]),
        ("then use", _optimize(f"{name}@{LLAMA}")),
    ]


def _gguf_adapter(place: str, name: str, trained: Trained) -> _Named:
    base = trained.base if trained.base.endswith(".gguf") else "BASE.gguf"
    return [
        ("codeopt alone", _optimize(f"gguf:{base}@{place}")),
        ("llama.cpp", ["llama-server", "-m", base, "--lora", place, "--port", "8080"]),
        ("then use", _optimize(f"{name}@{LLAMA}")),
    ]


_FORMS = {"merged": _merged, "adapter": _adapter, "gguf": _gguf, "gguf-adapter": _gguf_adapter}
FORMS = tuple(_FORMS)
