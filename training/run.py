"""A training: TRL's trainer, told by our settings; the same command goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.machine import fingerprint, library_version
from codeopt.training.settings import FORMS, PACKAGES, Settings, check_names
from codeopt.training.weights import load

RESULT = "training.json"
SETTINGS = "settings.json"
CHECKPOINTS = "checkpoints"
SHOWN = {
    "loss": "loss", "eval_loss": "loss on the validation split", "rewards/accuracies": "preferences met",
    "rewards/speedup/mean": "reward", "frac_reward_zero_std": "groups without a difference",
}  # fmt: skip
"""What a line for a step says; all of it is in the result."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "sft": {"learning_rate": 2e-4},
    "dpo": {"learning_rate": 5e-6},
    # dr_grpo, unscaled rewards, no reference model, a wider upper clip: see docs/training.md.
    "grpo": {
        "learning_rate": 1e-5, "loss_type": "dr_grpo", "scale_rewards": "none", "beta": 0.0, "epsilon_high": 0.28,
        "max_grad_norm": 0.2, "mask_truncated_completions": True,
    },
}  # fmt: skip


def train(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Train until the end, a stop or an interrupt; what became of it, as it is written to `training.json`.

    Args:
        settings: Which trainer, model, data and how.
        say: Told in a line what goes on.

    Raises:
        UserError: Something is named that is not there, or the folder holds another training.
    """
    # Libraries warn of each other's names; nobody who trains can mend that.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return _train(settings, say)


def _train(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    _quiet()
    out = Path(settings.out)
    _same(out, settings)
    rows, checks = _data(settings)
    config = _config(settings, bool(checks))
    model, tokenizer = load(settings.model)
    trainer = _trainer(settings, config, model, tokenizer, rows, checks)
    fitting = len(trainer.train_dataset)
    if not fitting:
        raise UserError(f"none of the {len(rows)} rows fits into max_length {config.max_length}", "--set max_length=…, longer")
    trained = sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad)
    every = sum(weight.numel() for weight in trainer.model.parameters())
    say(f"{settings.trainer} on {fitting} of {len(rows)} rows: {trained / 1e6:,.1f} of {every / 1e6:,.1f} million parameters, {settings.adapter}")
    out.mkdir(parents=True, exist_ok=True)
    (out / SETTINGS).write_text(settings.model_dump_json(indent=1) + "\n", "utf-8")
    last = _last(out)
    if last:
        say(f"going on from {last.name}")
    stopped = _followed(trainer, say)
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    figures = {
        "settings": settings.model_dump(),
        "finished": not stopped.is_set(),
        "steps": trainer.state.global_step,
        "seconds": round(time.monotonic() - began, 1),
        "parameters": every,
        "trained": trained,
        "rows": fitting,
        "left_out": len(rows) - fitting,
        "log": trainer.state.log_history,
        "machine": fingerprint(),
        "versions": {name: library_version(name) for name in PACKAGES},
    }
    if not stopped.is_set():
        place = out / ("model" if settings.adapter == "full" else "adapter")
        trainer.save_model(str(place))
        tokenizer.save_pretrained(place)
    (out / RESULT).write_text(json.dumps(figures, indent=1, default=str) + "\n", "utf-8")
    return figures


def _quiet() -> None:
    """No progress bars where nobody watches them."""
    import transformers

    import datasets

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()  # type: ignore[attr-defined]  # Hugging Face's, not our room
        transformers.utils.logging.disable_progress_bar()


def _same(out: Path, settings: Settings) -> None:
    """Raises UserError where the folder holds something else than this training."""
    file = out / SETTINGS
    if file.is_file():
        before = Settings.model_validate_json(file.read_bytes())
        differ = [name for name in Settings.model_fields if getattr(before, name) != getattr(settings, name) and name != "lanes"]
        if differ:
            raise UserError(f"{out} holds a training with another {' and another '.join(differ)}", "say the same, or name another --out")
    elif out.exists() and (not out.is_dir() or any(file.name != CHECKPOINTS for file in out.iterdir())):
        raise UserError(f"{out} exists and holds no training", "name another folder with --out")


def _last(out: Path) -> Path | None:
    from transformers.trainer_utils import get_last_checkpoint

    found = get_last_checkpoint(str(out / CHECKPOINTS)) if (out / CHECKPOINTS).is_dir() else None
    return Path(found) if found else None


def _data(settings: Settings) -> tuple[Any, Any]:
    """The rows of the form for training and for checking; None where there are none of these."""
    from datasets import load_dataset  # type: ignore[attr-defined]  # Hugging Face's, not our room

    form = FORMS[settings.trainer]
    held = Dataset(Path(settings.data))
    if not held.shards(form, "train"):
        raise UserError(f"{settings.data} has no rows of the form {form} to train on", "codeopt data build makes it from runs with verified pairs")
    rows = load_dataset(settings.data, form, split="train")
    checks = load_dataset(settings.data, form, split="validation") if held.shards(form, "validation") and settings.trainer != "grpo" else None
    return rows, checks


def _config(settings: Settings, checked: bool) -> Any:
    """TRL's config: our defaults, then what was said."""
    import torch
    import trl

    kind = getattr(trl, f"{settings.trainer.upper()}Config")
    check_names(settings.trl, {field.name for field in dataclasses.fields(kind)} - {"output_dir", "seed"}, f"{kind.__name__}")
    gpu = torch.cuda.is_available()
    told: dict[str, Any] = {"bf16": gpu, "use_cpu": not gpu, "logging_steps": 1, "save_steps": 50, "save_total_limit": 2, "disable_tqdm": True}
    if library_version("tensorboard"):
        told |= {"report_to": ["tensorboard"]}
    if checked:
        told |= {"eval_strategy": "steps", "eval_steps": 50}
        if settings.patience:
            told |= {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss"}
    told |= DEFAULTS[settings.trainer] | settings.trl
    try:
        return kind(output_dir=str(Path(settings.out) / CHECKPOINTS), seed=settings.seed, **told)
    except (ValueError, TypeError) as error:
        raise UserError(f"{kind.__name__}: {str(error).splitlines()[0]}", "change it in [trl] or with --set") from None


def _trainer(settings: Settings, config: Any, model: Any, tokenizer: Any, rows: Any, checks: Any) -> Any:
    import peft
    import transformers
    import trl

    adapter = None
    if settings.adapter != "full" and not isinstance(model, peft.PeftModel):
        adapter = peft.LoraConfig(
            r=settings.rank, lora_alpha=2 * settings.rank, target_modules="all-linear", use_dora=settings.adapter == "dora", task_type="CAUSAL_LM"
        )
    common = {"args": config, "train_dataset": rows, "processing_class": tokenizer, "peft_config": adapter}
    if settings.trainer == "grpo":
        from codeopt.training.rewards import SpeedupReward

        reward = SpeedupReward(
            settings.tasks, runs=Path(settings.out) / "rollouts", lanes=settings.lanes, sandbox=settings.sandbox, seed=settings.seed,
            model=settings.model,
        )  # fmt: skip
        return trl.GRPOTrainer(model, reward, **common)
    kind = trl.SFTTrainer if settings.trainer == "sft" else trl.DPOTrainer
    early: list[transformers.TrainerCallback] = [transformers.EarlyStoppingCallback(settings.patience)] if checks and settings.patience else []
    return kind(model, eval_dataset=checks, callbacks=early, **common)


def _followed(trainer: Any, say: Callable[[str], None]) -> threading.Event:
    """A line for each step that is logged. On Ctrl-C the step in hand is ended and kept; the second one ends at once."""
    import transformers

    asked = threading.Event()

    class Follow(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if asked.is_set():
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            told = [f"{SHOWN[name]} {value:.4g}" for name, value in (logs or {}).items() if name in SHOWN and isinstance(value, int | float)]
            if told:
                say(f"step {state.global_step} of {state.max_steps}: {', '.join(told)}")

    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, stop)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Follow())
    return asked
