"""The hub of models (huggingface.co, or the server in HF_ENDPOINT): what it has, and fetching it.

HF_TOKEN is sent where it is set. What huggingface_hub raises becomes one line here.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.errors import UserError

_NAME = re.compile(r"[\w.-]+/[\w.-]+|[\w-][\w.-]*")
_WEIGHTS_TWICE = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.ot", "*.onnx", "onnx/*", "original/*", "*.gguf")
"""Not fetched where the weights are there as safetensors."""


class HubUnreachable(UserError):
    """The hub does not answer."""


@dataclass(frozen=True)
class Listing:
    """What the hub says about a model.

    Attributes:
        name: ORG/NAME.
        files: Name and bytes.
        licence: From the model card; "" where it states none.
    """

    name: str
    files: dict[str, int]
    licence: str


def models_folder() -> Path:
    """Where models are kept: $CODEOPT_MODELS, else ~/.cache/codeopt/models."""
    return Path(os.environ.get("CODEOPT_MODELS") or "~/.cache/codeopt/models").expanduser()


def is_name(text: str) -> bool:
    """Whether it has the form of a name on the hub: ORG/NAME or NAME."""
    return _NAME.fullmatch(text) is not None


def listing(name: str) -> Listing:
    """What the hub has under a name. Raises UserError where there is none, or the hub cannot be reached."""
    _need_client()
    if not is_name(name):
        raise UserError(f"{name!r} is no name of a model on the hub", "give ORG/NAME")
    import huggingface_hub

    try:
        info = huggingface_hub.HfApi().model_info(name, files_metadata=True)
    except Exception as error:  # the client's own errors, and those of its HTTP library
        raise refused(error, name) from None
    card = info.card_data.to_dict() if info.card_data else {}
    tagged = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    licence = str(card.get("license") or (tagged or [""])[0])
    return Listing(info.id, {one.rfilename: one.size or 0 for one in info.siblings or ()}, licence)


def chosen(found: Listing, pattern: str) -> list[str]:
    """The files to fetch: those that fit the pattern, else those that make one model.

    Raises:
        UserError: No file fits, or there are several GGUF files and nothing else to choose by.
    """
    if pattern:
        fitting = [name for name in found.files if fnmatch.fnmatch(name, pattern)]
        if not fitting:
            raise UserError(f"{found.name} has no file {pattern!r}", f"it has {_some(list(found.files))}")
        return fitting
    if any(name.endswith(".safetensors") for name in found.files):
        return [name for name in found.files if not any(fnmatch.fnmatch(name, twice) for twice in _WEIGHTS_TWICE)]
    quantised = [name for name in found.files if name.endswith(".gguf")]
    if len(quantised) > 1:
        raise UserError(f"{found.name} has {len(quantised)} GGUF files", f"choose with --file: {_some(quantised)}")
    return list(found.files)


def snapshot(name: str, file: str) -> Path:
    """A model of the hub as a directory in the hub's cache: what is missing there is fetched; with no hub, as it is there.

    Args:
        name: ORG/NAME.
        file: What makes it one of the kind that is wanted.

    Raises:
        UserError: There is no such model, it has no such file, or the hub cannot be reached and the cache has none.
    """
    import huggingface_hub

    try:
        found = listing(name)
    except HubUnreachable as unreachable:
        try:
            return Path(huggingface_hub.snapshot_download(name, local_files_only=True))
        except Exception:
            raise unreachable from None
    if file not in found.files:
        raise UserError(f"{name} on the hub has no {file}", "name another one, or fetch a GGUF file: codeopt models pull")
    try:
        return Path(huggingface_hub.snapshot_download(found.name, allow_patterns=chosen(found, "")))
    except Exception as error:
        raise refused(error, name) from None


def pull(found: Listing, files: Sequence[str], folder: Path, say: Callable[[str], None]) -> Path:
    """Fetch files of a model into `folder`/ORG/NAME; what is there is kept, and what was broken off goes on.

    Returns:
        The one GGUF file where that is all, else the directory.

    Raises:
        UserError: The disk is too small, or the hub cannot be reached (any more).
    """
    target = folder / found.name
    target.mkdir(parents=True, exist_ok=True)
    total = sum(found.files[name] for name in files)
    there = sum(path.stat().st_size for name in files if (path := target / name).is_file())
    if shutil.disk_usage(target).free < total - there:
        raise UserError(f"{found.name} needs {size(total - there)} and the disk of {folder} has less", "free some, or set CODEOPT_MODELS")
    say(f"{found.name}: {len(files)} files, {size(total)}, to {target}")
    import huggingface_hub

    try:
        for name in files:
            huggingface_hub.hf_hub_download(found.name, name, local_dir=target)
    except Exception as error:
        refusal = refused(error, found.name)
        raise UserError(refusal.message, f"{refusal.hint}; the same command goes on") from None
    weights = [name for name in files if name.endswith(".gguf")]
    return target / weights[0] if len(weights) == 1 else target


def refused(error: Exception, name: str) -> UserError:
    """What huggingface_hub, or whichever HTTP library is below it, raised, as a person understands it."""
    from huggingface_hub import errors

    response: Any = getattr(error, "response", None)
    host = os.environ.get("HF_ENDPOINT") or "huggingface.co"
    if isinstance(error, UserError):
        return error
    if isinstance(error, errors.GatedRepoError):
        return UserError(f"the hub gives {name} only to those whom its owners let in", "ask for access there, and set HF_TOKEN")
    if isinstance(error, errors.RepositoryNotFoundError):
        return UserError(f"the hub has no model {name} (or it is private)", "check the name, or set HF_TOKEN")
    if isinstance(error, errors.HFValidationError):
        return UserError(f"{name!r} is no name of a model on the hub", "give ORG/NAME, or a directory that is there")
    if response is not None:
        return UserError(f"the hub ({host}) answered {response.status_code} for {name}", "try later, or check HF_TOKEN")
    why = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
    return HubUnreachable(f"{name} is not here, and the hub ({host}) cannot be reached ({why})", "check the name, the network and HF_ENDPOINT")


def size(count: float) -> str:
    """Bytes as a person reads them: "98 MB"."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _need_client() -> None:
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UserError("the hub needs huggingface_hub", 'pip install "codeopt[local]"')


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(sorted(names)[:most]) + (", …" if len(names) > most else "")
