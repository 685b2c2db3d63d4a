"""GGUF files of what a training made, by llama.cpp's own converters.

They stand in a checkout of llama.cpp and bring the version of the `gguf` package that they need.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from codeopt.agent.models.hf import pretrained_config, refusal, sources
from codeopt.errors import UserError
from codeopt.training.export import Trained, check_lora, check_new, export_merged, writing

TYPES = ("f16", "q8_0", "bf16", "f32")
"""Of weights, as both converters name them."""
VARIABLE = "LLAMA_CPP"
WHOLE, ADAPTER = "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


def converter(script: str, folder: str) -> Path:
    """A converter in the checkout of llama.cpp in `folder`, else in LLAMA_CPP. Raises UserError where it isn't there."""
    where = folder or os.environ.get(VARIABLE, "")
    if not where:
        raise UserError(f"GGUF files are made by llama.cpp's {script}", f"git clone https://github.com/ggml-org/llama.cpp, and name the folder with --llama-cpp or {VARIABLE}")
    path = Path(where).expanduser().resolve() / script
    if not path.is_file():
        raise UserError(f"{where} holds no {script}", f"name a checkout of llama.cpp with --llama-cpp or {VARIABLE}")
    return path


def export_gguf(trained: Trained, out: Path, kind: str, folder: str) -> None:
    """Write the trained model, the adapter merged in float32, as one GGUF file.

    Args:
        kind: Of the weights; one of TYPES.
        folder: A checkout of llama.cpp; "" for LLAMA_CPP.

    Raises:
        UserError: There is no converter, it does not know the model, or `out` is there or cannot be written.
    """
    script = converter(WHOLE, folder)
    _check_file(out)
    with writing(out), tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as place:
        merged = Path(place) / "merged"
        export_merged(trained, merged, "float32")
        _convert([str(script), str(merged), "--model-name", out.stem], kind, out, Path(place))


def export_gguf_adapter(trained: Trained, out: Path, kind: str, folder: str) -> None:
    """Write the adapter as a GGUF file, for its base as a GGUF file. Arguments and errors as `export_gguf`."""
    script = converter(ADAPTER, folder)
    check_lora(trained)
    _check_file(out)
    if trained.dora:
        raise UserError("no GGUF file holds a DoRA adapter", "say --to gguf: the whole model, merged")
    with writing(out), tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as place:
        base, _ = sources(trained.base)
        if base.endswith(".gguf"):
            _keep_config(base, Path(place) / "base")
            base = str(Path(place) / "base")
        _convert([str(script), str(trained.folder), "--base", base], kind, out, Path(place))


def _check_file(out: Path) -> None:
    check_new(out)
    if out.suffix != ".gguf" or out.is_dir():
        raise UserError(f"{out} is to be a file", "name one that ends in .gguf")


def _keep_config(base: str, folder: Path) -> None:
    """Write the configuration of a GGUF file as transformers has it."""
    try:
        pretrained_config(base).save_pretrained(folder)
    except Exception as error:  # whatever a file of somebody else's makes transformers raise
        raise refusal(base, "", error) from None


def _convert(words: list[str], kind: str, out: Path, place: Path) -> None:
    """Run a converter. Raises UserError where it fails."""
    made = place / out.name
    done: Any = subprocess.run([sys.executable, *words, "--outtype", kind, "--outfile", str(made)], capture_output=True, text=True, errors="replace")
    if done.returncode == 0 and made.is_file():
        os.replace(made, out)
        return
    if missing := _MISSING.search(done.stderr):
        raise UserError(f"llama.cpp's {Path(words[0]).name} needs {missing[1]}", f"pip install {missing[1]}")
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise UserError(f"llama.cpp's {Path(words[0]).name} fails ({lines[-1][-200:] if lines else 'without a word'})", "see whether it knows the model, or take a newer one")
