"""Out again: what a training made, as weights that other programs load.

An adapter is merged in float32, and what came of it is rounded once, when it is saved.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codeopt.agent.models.hf import split
from codeopt.errors import UserError
from codeopt.training.settings import SETTINGS, Settings
from codeopt.training.weights import load

DTYPES = ("bfloat16", "float16", "float32")
PROBE = "def total(numbers):\n    result = 0\n    for number in numbers:\n        result += number\n    return result\n"
"""On which the saved weights are held against base and adapter."""
ADAPTER_CONFIG, CONFIG = "adapter_config.json", "config.json"


@dataclass(frozen=True)
class Trained:
    """What a training left.

    Attributes:
        base: The model that it began with: name on the hub, folder, or .gguf file, these with their whole paths.
        folder: Holds the adapter, or the whole model.
        rank: Of the adapter; 0 where all weights were trained.
        dora: The adapter is one with magnitudes.
    """

    base: str
    folder: Path
    rank: int
    dora: bool

    @property
    def name(self) -> str:
        """As --model names it."""
        return f"{self.base}@{self.folder}" if self.rank else str(self.folder)


def read_run(run: Path, base: str = "") -> Trained:
    """What the training in the folder `run` left; `base` is where its base is now, "" as the training named it.

    Raises:
        UserError: The folder holds no training, or one that has not ended.
    """
    try:
        settings = Settings.model_validate_json((run / SETTINGS).read_bytes())
    except OSError:
        raise UserError(f"{run} holds no training (no {SETTINGS})", "give the --out folder of codeopt train") from None
    except ValidationError:
        raise UserError(f"{run / SETTINGS} are no settings of a training", "give the --out folder of codeopt train") from None
    base = base or split(settings.model)[0]
    if Path(base).expanduser().exists():  # else it is a name on the hub
        base = str(Path(base).expanduser().resolve())
    for folder in (run / "adapter", run / "model"):
        if (folder / ADAPTER_CONFIG).is_file():
            told = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
            return Trained(base, folder.resolve(), int(told.get("r") or settings.rank), bool(told.get("use_dora")))
        if (folder / CONFIG).is_file():
            return Trained(base, folder.resolve(), 0, False)
    raise UserError(f"the training in {run} has not ended", f"codeopt train {settings.trainer} with --out {run} goes on")


def export_adapter(trained: Trained, out: Path) -> None:
    """Copy the adapter, with its base's name as this run knows it, into the folder `out`.

    Raises:
        UserError: All weights were trained, or `out` is there.
    """
    check_lora(trained)
    with _made(out) as folder:
        shutil.copytree(trained.folder, folder, dirs_exist_ok=True)
        told = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
        (folder / ADAPTER_CONFIG).write_text(json.dumps({**told, "base_model_name_or_path": trained.base}, indent=2) + "\n", "utf-8")


def check_lora(trained: Trained) -> None:
    """Raises UserError where there is no adapter."""
    if not trained.rank:
        raise UserError(f"{trained.folder} holds all weights and no adapter", "say --to merged or --to gguf")


def export_merged(trained: Trained, out: Path, dtype: str) -> float:
    """Write the trained model, the adapter merged in float32, with its tokenizer into the folder `out`.

    Args:
        dtype: Of the saved weights; one of DTYPES.

    Returns:
        How far the largest logit on a short program moved, from base and adapter in float32 to the saved weights.

    Raises:
        UserError: The base is not there or cannot be loaded, `out` is there, or the disk is full.
    """
    import torch

    with _made(out) as folder, warnings.catch_warnings(action="ignore"):
        _quiet()
        model, tokenizer = load(trained.name, "float32")
        if trained.rank:
            tokenizer = _tokenizer(trained.folder) or tokenizer
        ids = tokenizer(PROBE, return_tensors="pt")["input_ids"]
        wanted = _logits(model, ids)
        if trained.rank:
            model = model.merge_and_unload(progressbar=False, safe_merge=True)
        model = model.to(getattr(torch, dtype))
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return float((_logits(model.float(), ids) - wanted).abs().max())


def _logits(model: Any, ids: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model.eval()(input_ids=ids).logits.float()


def _tokenizer(folder: Path) -> Any:
    """The tokenizer that the training saved beside its adapter; None where it saved none."""
    import transformers

    if not (folder / "tokenizer_config.json").is_file():
        return None
    return transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def _quiet() -> None:
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def check_new(out: Path) -> None:
    """Raises UserError where something is at `out`, but for an empty folder."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists", "name another place with --out")


@contextmanager
def _made(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block ends well. Raises UserError where that cannot be."""
    check_new(out)
    with writing(out), tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent, ignore_cleanup_errors=True) as place:
        folder = Path(place) / "made"
        folder.mkdir()
        yield folder
        os.replace(folder, out)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Makes the folder that `out` is in; a full disk or the like in the block becomes a UserError."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror or error})", "free some space, or name another place with --out") from None
