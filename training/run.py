"""A training: TRL's trainer or ours for RRHF, told by our settings; the same command goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.machine import fingerprint, library_version
from codeopt.training import card, estimate, wishes
from codeopt.training.conditions import asking, examples, spoken
from codeopt.training.launch import launched, own_cores, rank
from codeopt.training.settings import CHECKPOINTS, FORMS, PACKAGES, SETTINGS, Settings, check_names
from codeopt.training.weights import load

SHOWN = {
    "loss": "loss", "eval_loss": "loss on the validation split", "rewards/accuracies": "preferences met", "ranked_right": "ranked right",
    "rewards/speedup/mean": "reward", "frac_reward_zero_std": "groups without a difference",
}  # fmt: skip
"""What a line for a step says; all of it is in the result."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "sft": {"learning_rate": 2e-4},
    "rrhf": {"learning_rate": 5e-5},
    "dpo": {"learning_rate": 5e-6},
    # dr_grpo, unscaled rewards, no reference model, a wider upper clip: see docs/training.md.
    "grpo": {
        "learning_rate": 1e-5, "loss_type": "dr_grpo", "scale_rewards": "none", "beta": 0.0, "epsilon_high": 0.28,
        "max_grad_norm": 0.2, "mask_truncated_completions": True,
    },
}  # fmt: skip
WANTED = {
    "sft": ("prompt", "completion"), "rrhf": ("prompt", "completions", "scores"), "dpo": ("prompt", "chosen", "rejected"),
    "grpo": ("prompt", "task_id", "input"),
}  # fmt: skip
"""Columns that a trainer reads."""
ALIKE, ALIKE_STEPS = 0.9, 10
"""Share of grpo's groups in which all rewards are one, and the steps in a row, from which on it is said."""


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
        warnings.filterwarnings("ignore", "Could not find a config file", UserWarning)  # beside a .gguf file there is none
        return _train(settings, say)


def _train(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    _quiet()
    out, first = Path(settings.out), rank() == 0
    if first:
        _same(out, settings)
    else:
        say = _nobody
    rows, checks = _data(settings)
    config = _config(settings, bool(checks))
    model, tokenizer = load(settings.model, four_bits=settings.adapter == "qlora")
    rows, checks = (part and part.map(lambda row: spoken(row, bool(tokenizer.chat_template))) for part in (rows, checks))
    trainer = _trainer(settings, config, model, tokenizer, rows, checks)
    fitting = len(trainer.train_dataset)
    if not fitting:
        raise UserError(f"none of the {len(rows)} rows fits into max_length {config.max_length}", "--set max_length=…, longer")
    shape = estimate.shape(settings.trainer, trainer.model, config, tokenizer, rows)
    say(f"{settings.trainer} on {fitting} of {len(rows)} rows: {shape.trained / 1e6:,.1f} of {shape.parameters / 1e6:,.1f} million parameters, {settings.adapter}")
    if first:
        _estimated(shape, trainer, config, settings, say)
        out.mkdir(parents=True, exist_ok=True)
        (out / SETTINGS).write_text(settings.model_dump_json(indent=1) + "\n", "utf-8")
    last = _last(out)
    if last:
        say(f"going on from {last.name}")
    stopped = _followed(trainer, say)
    began = time.monotonic()
    _run(trainer, last, shape, config)
    if not stopped.is_set():
        place = out / ("model" if settings.adapter == "full" else "adapter")
        trainer.save_model(str(place))
        if first:
            tokenizer.save_pretrained(place)
    figures = {
        "settings": settings.model_dump(),
        "finished": not stopped.is_set(),
        "steps": trainer.state.global_step,
        "seconds": round(time.monotonic() - began, 1),
        "parameters": shape.parameters,
        "trained": shape.trained,
        "rows": fitting,
        "left_out": len(rows) - fitting,
        "estimated_bytes": round(shape.total),
        "peak_bytes": _peak(),
        "log": trainer.state.log_history,
        "machine": fingerprint(),
        "versions": {name: library_version(name) for name in PACKAGES},
    }
    if first:
        (out / card.RESULT).write_text(json.dumps(figures, indent=1, default=str) + "\n", "utf-8")
        if figures["finished"]:
            card.write(out)
    return figures


def _nobody(line: str) -> None:
    """One process of several speaks."""


def _run(trainer: Any, last: Path | None, shape: estimate.Shape, config: Any) -> None:
    """Train. Raises UserError where the memory does not suffice; what was saved stays."""
    import torch

    try:
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except torch.OutOfMemoryError:
        hint = estimate.would_fit(shape, 0.8 * shape.total, config.gradient_accumulation_steps)
        raise UserError("the GPU's memory is full; checkpoints are kept", f"into another --out: {hint}") from None


def _estimated(shape: estimate.Shape, trainer: Any, config: Any, settings: Settings, say: Callable[[str], None]) -> None:
    """Say what it will need. Raises UserError where the weights and their optimiser alone do not fit."""
    import torch

    free = estimate.free_memory()
    if not trainer.place_model_on_device or settings.processes > 1:
        free = None  # the weights are cut in pieces, or are not all there yet
    here = shape.parameters * shape.bytes
    left = free + here if free is not None else None
    if left is not None and shape.total > left:
        hint = estimate.would_fit(shape, left, config.gradient_accumulation_steps)
        what = f"about {estimate.size(shape.total)} of memory are needed, and {estimate.size(left)} are free"
        if shape.states > left:
            raise UserError(what, f"would fit: {hint}")
        say(f"{what}; would fit: {hint}")
    else:
        say(f"about {estimate.size(shape.total)} of memory" + (f" of {estimate.size(left)} free" if left else ""))
    if free is None:
        return
    try:
        seconds, count = estimate.step_seconds(trainer.model, shape, config), estimate.steps(config, len(trainer.train_dataset))
    except torch.OutOfMemoryError:
        raise UserError("a batch does not fit into the GPU's memory", f"would fit: {estimate.would_fit(shape, left or 0, config.gradient_accumulation_steps)}") from None
    judged = ", and the judging" if settings.trainer == "grpo" else ""
    say(f"{count} steps of about {estimate.duration(seconds)}: {estimate.duration(seconds * count)}{judged}")


def _peak() -> int:
    """Bytes that the training held at most: of the GPU, or of this process where there is none."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _quiet() -> None:
    """No progress bars where nobody watches them."""
    import transformers

    import datasets

    transformers.utils.logging.set_verbosity_error()  # what libraries say of each other's defaults
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
    """The rows for training and for checking; None where there are none of these."""
    from datasets import Dataset as Table  # type: ignore[attr-defined]  # Hugging Face's, not our room

    form = FORMS[settings.trainer]
    held = Dataset(Path(settings.data)) if settings.data else None
    rows: list[dict[str, Any]] = []
    checks: list[dict[str, Any]] = []
    if settings.ask != "write":
        assert held is not None
        if not held.shards(form, "train"):
            raise UserError(f"{settings.data} has no rows of the form {form} to train on", "codeopt data build makes it from runs with verified pairs")
        rows = _changed(list(held.rows(form, "train")), settings)
        if not rows:
            why = "has a plan" if settings.condition == "plan" else f"has a pass rate from {settings.pass_rate[0]} to {settings.pass_rate[1]}"
            raise UserError(f"no row of {settings.data} {why}", "say another condition, or none")
        checks = [] if settings.trainer == "grpo" else _changed(list(held.rows(form, "validation")), settings)
    if settings.ask != "improve":
        described = _described(settings, held)
        if not described:
            raise UserError(f"{settings.data} has no program for the tasks of {settings.tasks}", "build it from runs on these tasks")
        rows += described
    wanted = [name for name in WANTED[settings.trainer] if rows[0].get(name) is not None]
    return tuple(Table.from_list([{name: row[name] for name in wanted} for row in part]) if part else None for part in (rows, checks))  # type: ignore[return-value]


def _changed(rows: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """The rows as this training wants them."""
    if settings.trainer == "sft" and (settings.condition or settings.best):
        return examples(rows, settings.condition, settings.best)
    if settings.trainer == "grpo":
        low, high = settings.pass_rate
        kept = [row for row in rows if not row.get("tried") or low <= row["right"] / row["tried"] <= high]
        return [{**row, "prompt": asking(row["prompt"], settings.condition, row.get("profile") or "")} for row in kept]
    return rows


def _described(settings: Settings, held: Dataset | None) -> list[dict[str, Any]]:
    """Rows that describe a program."""
    if settings.trainer == "grpo":
        return wishes.asked(settings.tasks, held)
    assert held is not None
    return wishes.examples(settings.tasks, held, settings.best) if settings.trainer == "sft" else wishes.ranked(settings.tasks, held)


def _home(trainer: str) -> ModuleType:
    """Where a trainer and its config are."""
    return importlib.import_module("codeopt.training.rrhf" if trainer == "rrhf" else "trl")


def _config(settings: Settings, checked: bool) -> Any:
    """TRL's config: our defaults, then what was said."""
    import torch

    kind = getattr(_home(settings.trainer), f"{settings.trainer.upper()}Config")
    check_names(settings.trl, {field.name for field in dataclasses.fields(kind)} - {"output_dir", "seed"}, f"{kind.__name__}")
    gpu = torch.cuda.is_available()
    told: dict[str, Any] = {}
    if settings.processes > 1 and settings.parallel == "ddp":
        told = {"ddp_find_unused_parameters": False}
    told |= {"bf16": gpu, "use_cpu": not gpu, "logging_steps": 1, "save_steps": 50, "save_total_limit": 2, "disable_tqdm": True}
    told |= {"report_to": _watchers()}
    if checked:
        told |= {"eval_strategy": "steps", "eval_steps": 50}
        if settings.patience:
            told |= {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss"}
    told |= DEFAULTS[settings.trainer] | settings.trl
    try:
        return kind(output_dir=str(Path(settings.out) / CHECKPOINTS), seed=settings.seed, **told)
    except (ValueError, TypeError) as error:
        raise UserError(f"{kind.__name__}: {str(error).splitlines()[0]}", "change it in [trl] or with --set") from None


def _watchers() -> list[str]:
    """Who is told of every step, besides the terminal: TensorBoard where it is installed, W&B where it is set up."""
    account = bool(os.environ.get("WANDB_API_KEY")) or os.environ.get("WANDB_MODE") == "offline"
    return [name for name, there in (("tensorboard", True), ("wandb", account)) if there and library_version(name)]


def _trainer(settings: Settings, config: Any, model: Any, tokenizer: Any, rows: Any, checks: Any) -> Any:
    import peft
    import transformers

    adapter = None
    if settings.adapter == "full" and isinstance(model, peft.PeftModel):
        model = model.merge_and_unload().requires_grad_(True)  # else the adapter alone would be trained, and saved as if it were the model
    if settings.adapter != "full" and not isinstance(model, peft.PeftModel):
        adapter = peft.LoraConfig(
            r=settings.rank, lora_alpha=2 * settings.rank, target_modules="all-linear", use_dora=settings.adapter == "dora", task_type="CAUSAL_LM"
        )
    common = {"args": config, "train_dataset": rows, "processing_class": tokenizer, "peft_config": adapter}
    if settings.trainer == "grpo":
        from codeopt.training.rewards import SpeedupReward

        own_cores()
        runs = Path(settings.out) / "rollouts"
        reward = SpeedupReward(
            settings.tasks, runs=runs / f"process-{rank()}" if launched() else runs, lanes=settings.lanes, sandbox=settings.sandbox,
            seed=settings.seed, model=settings.model, form=settings.reward,
        )  # fmt: skip

        class Ahead(_home("grpo").GRPOTrainer):  # type: ignore[misc,name-defined]
            """Has the reward make its tasks ready while answers are written; a TRL without this step does without."""

            def _generate_and_score_completions(self, inputs: Any) -> Any:
                reward.expect([row["task_id"] for row in inputs], [row["input"] for row in inputs])
                return super()._generate_and_score_completions(inputs)

        return Ahead(model, reward, **common)
    kind = getattr(_home(settings.trainer), f"{settings.trainer.upper()}Trainer")
    early: list[transformers.TrainerCallback] = [transformers.EarlyStoppingCallback(settings.patience)] if checks and settings.patience else []
    return kind(model, eval_dataset=checks, callbacks=early, **common)


def _followed(trainer: Any, say: Callable[[str], None]) -> threading.Event:
    """A line for each step that is logged. On Ctrl-C the step in hand is ended and kept; the second one ends at once."""
    import transformers

    asked = threading.Event()
    alike = at = 0
    began = time.monotonic()

    class Follow(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if asked.is_set():
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            nonlocal alike
            logs = logs or {}
            told = [f"{SHOWN[name]} {value:.4g}" for name, value in logs.items() if name in SHOWN and isinstance(value, int | float)]
            if told:
                left = (time.monotonic() - began) / max(1, state.global_step - at) * (state.max_steps - state.global_step)
                more = f"; {estimate.duration(left)} left" if state.global_step > at and left else ""
                say(f"step {state.global_step} of {state.max_steps}: {', '.join(told)}{more}")
            if "frac_reward_zero_std" in logs:
                alike = alike + 1 if logs["frac_reward_zero_std"] >= ALIKE else 0
                if alike == ALIKE_STEPS:
                    say(f"for {alike} steps nearly all answers to a program earned the same, and nothing is learnt of them: "
                        "--pass-rate 0.2,0.8 keeps programs that are neither too hard nor too easy")  # fmt: skip

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            nonlocal at, began
            at, began = state.global_step, time.monotonic()

    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: Any) -> None:
        asked.set()
        if not launched():  # a launcher says it a second time
            signal.signal(signal.SIGINT, before)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, stop)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Follow())
    return asked
