"""What a training is told: by a TOML file, by flags, or by both; flags win."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from codeopt.errors import UserError
from codeopt.machine import library_version
from codeopt.types import Record

Kind = Literal["sft", "dpo", "grpo"]
FORMS: dict[str, str] = {"sft": "sft", "dpo": "preference", "grpo": "prompts"}
"""Configuration of a dataset that each trainer reads."""

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "pyarrow")


class Settings(Record):
    """One training.

    Attributes:
        model: Name on the hub, folder, or .gguf file; with @ADAPTER that adapter is trained on.
        data: Folder of a dataset that `codeopt data build` made.
        out: Folder of checkpoints and results.
        adapter: "lora", "dora", or "full" for all weights.
        rank: Of the adapter.
        patience: Evaluations on the validation split without a lower loss after which it stops; 0 never stops early.
        tasks: grpo: what the completions are held against; see `codeopt.training.SpeedupReward`.
        lanes, sandbox: grpo: how they are judged.
        seed: Of data order, dropout and sampling.
        trl: Fields of TRL's config (SFTConfig, DPOConfig, GRPOConfig), as they are named there.
    """

    trainer: Kind
    model: str
    data: str
    out: str
    adapter: Literal["lora", "dora", "full"] = "lora"
    rank: int = Field(default=16, ge=1)
    patience: int = Field(default=0, ge=0)
    tasks: str = ""
    lanes: int = Field(default=0, ge=0)
    sandbox: str = "auto"
    seed: int = 0
    trl: dict[str, Any] = Field(default_factory=dict)


def read(trainer: Kind, file: Path | None, flags: Mapping[str, Any], fields: Sequence[str]) -> Settings:
    """The settings of a training.

    Args:
        trainer: Which.
        file: TOML with the fields of `Settings`, those of TRL in a table `[trl]`.
        flags: Of the command line; None is left out.
        fields: NAME=VALUE for TRL, values as in TOML.

    Raises:
        UserError: The file cannot be read, something has no such name or value, or something is missing.
    """
    told: dict[str, Any] = {}
    if file is not None:
        try:
            told = tomllib.loads(file.read_text("utf-8"))
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}", "name a TOML file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{file} is no TOML: {error}", "see docs/training.md") from None
    trl = told.setdefault("trl", {})
    if not isinstance(trl, dict):
        raise UserError(f"{file}: trl is no table", "write [trl], and TRL's fields below it")
    told |= {name: value for name, value in flags.items() if value is not None}
    for word in fields:
        name, found, value = word.partition("=")
        if not found:
            raise UserError(f"--set {word}: NAME=VALUE is wanted", "for example --set learning_rate=1e-4")
        trl[name.strip()] = _value(value.strip())
    check_names(told, Settings.model_fields.keys() - {"trainer"}, str(file or "the command line"))
    missing = [name for name in ("model", "data", "out", *(("tasks",) if trainer == "grpo" else ())) if not told.get(name)]
    if missing:
        raise UserError(f"no {' and no '.join(missing)}", f"give {', '.join('--' + name for name in missing)}, or say it in the TOML file")
    try:
        return Settings(trainer=trainer, **told)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "see codeopt train --help") from None


def check_packages(wanted: Collection[str] = PACKAGES) -> None:
    """Raises UserError where something that is wanted is not installed; nothing is imported."""
    missing = [name for name in wanted if not library_version(name)]
    if missing:
        raise UserError(f"training needs {' and '.join(missing)}", 'pip install "codeopt[train,data]"')


def check_names(told: Collection[str], known: Collection[str], where: str) -> None:
    """Raises UserError for a name that is none of those known."""
    for name in told:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            raise UserError(f"{where}: there is no {name!r}", f"did you mean {near[0]}?" if near else f"one of {', '.join(sorted(known)[:40])}")


def _value(text: str) -> Any:
    """A value as TOML writes it; what is none is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
