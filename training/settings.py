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
from codeopt.training.conditions import Condition
from codeopt.types import Record

Kind = Literal["sft", "rrhf", "dpo", "grpo"]
Adapter = Literal["lora", "dora", "qlora", "full"]
Form = Literal["speedup", "rank", "faster", "right"]
Ask = Literal["improve", "write", "both"]
Parallel = Literal["ddp", "fsdp", "deepspeed"]
FORMS: dict[str, str] = {"sft": "sft", "rrhf": "ranked", "dpo": "preference", "grpo": "prompts"}
"""Configuration of a dataset that each trainer reads."""
ONLY: dict[str, tuple[str, ...]] = {
    "condition": ("sft", "grpo"), "best": ("sft",), "tasks": ("sft", "rrhf", "grpo"), "ask": ("sft", "rrhf", "grpo"), "pass_rate": ("grpo",), "reward": ("grpo",), "lanes": ("grpo",),
    "sandbox": ("grpo",), "patience": ("sft", "rrhf", "dpo"),
}  # fmt: skip
"""Settings that mean something to some trainers only."""

SETTINGS = "settings.json"
CHECKPOINTS = "checkpoints"
"""In a training's folder."""
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "pyarrow")


class Settings(Record):
    """One training.

    Attributes:
        model: Name on the hub, folder, or .gguf file; with @ADAPTER that adapter is trained on.
        data: Folder of a dataset that `codeopt data build` made; grpo needs none where it only asks for descriptions.
        out: Folder of checkpoints and results.
        adapter: "lora", "dora", "qlora" (on weights of four bits, with bitsandbytes), or "full" for all weights.
        rank: Of the adapter.
        patience: Evaluations on the validation split without a lower loss after which it stops; 0 never stops early.
        condition: sft, grpo: what prompts say besides the program; see `codeopt.training.conditions`.
        best: sft: completions that are kept of each program, the fastest ones; 0 keeps all.
        ask: sft, rrhf, grpo: for faster versions of programs (improve), for programs that are described (write), or both.
        tasks: What is described, and for grpo what the completions are held against; see `codeopt.training.SpeedupReward`.
        pass_rate: grpo: the least and the largest share of right answers that the data's models gave to a program; others
            teach little. Programs that no model was asked about stay.
        reward: grpo: which form of the reward; see `codeopt.training.rewards.Form`.
        lanes, sandbox: grpo: how they are judged.
        processes: One a GPU; each works on its share of a batch.
        parallel: How they share the work, where there are several: a copy of the model each (ddp), or the weights cut in
            pieces (fsdp, deepspeed).
        seed: Of data order, dropout and sampling.
        trl: Fields of the trainer's config (TRL's SFTConfig, DPOConfig, GRPOConfig, our RRHFConfig), as they are named there.
    """

    trainer: Kind
    model: str
    data: str = ""
    out: str
    adapter: Adapter = "lora"
    rank: int = Field(default=16, ge=1)
    patience: int = Field(default=0, ge=0)
    condition: Condition = ""
    best: int = Field(default=0, ge=0)
    ask: Ask = "improve"
    tasks: str = ""
    pass_rate: tuple[float, float] = (0.0, 1.0)
    reward: Form = "speedup"
    lanes: int = Field(default=0, ge=0)
    sandbox: str = "auto"
    processes: int = Field(default=1, ge=1)
    parallel: Parallel = "ddp"
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
    for name, trainers in ONLY.items():
        if name in told and trainer not in trainers:
            raise UserError(f"{name} means nothing to {trainer}", f"leave it out; it is for {' and '.join(trainers)}")
    written = told.get("ask", "improve") != "improve"
    if written and told.get("condition"):
        raise UserError("a condition is for prompts that show a program, and descriptions do not", "--ask improve, or no --condition")
    needed = {"model": True, "out": True, "data": trainer != "grpo" or told.get("ask") != "write", "tasks": trainer == "grpo" or written}
    missing = [name for name, is_needed in needed.items() if is_needed and not told.get(name)]
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


def check_extras(adapter: Adapter, parallel: Parallel) -> None:
    """Raises UserError where a package is not installed that only these need; nothing is imported."""
    extra = {"qlora": adapter == "qlora" and "bitsandbytes", "deepspeed": parallel == "deepspeed" and "deepspeed"}
    for what, package in extra.items():
        if package and not library_version(package):
            raise UserError(f"{what} needs {package}", f"pip install {package}")


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
