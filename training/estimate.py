"""What a training needs, before it begins: memory by counting, time by one measured forward pass."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SAMPLE = 256
"""Rows whose tokens are counted, and tokens of a timed pass where there is no GPU."""
BACKWARD = 2.0
"""Passes that the backward one costs, in forward ones; one more where activations are computed again."""


@dataclass(frozen=True)
class Shape:
    """What memory depends on.

    Attributes:
        layers, hidden, inner, vocabulary, kept: Of the model: layers, widths of the stream and of the MLP, tokens of the
            vocabulary, numbers that a token leaves in the cache of one layer.
        parameters, trained: Counts.
        bytes: Of a weight.
        rows, tokens: Of a batch, padded.
        scored: Tokens of a row whose logits are needed.
        generated: Rows that are sampled at a time; 0 where none are.
        again: Activations are computed again in the backward pass (gradient checkpointing).
    """

    layers: int
    hidden: int
    inner: int
    vocabulary: int
    kept: int
    parameters: int
    trained: int
    bytes: float
    rows: int
    tokens: int
    scored: int
    generated: int
    again: bool

    @property
    def states(self) -> float:
        """Bytes of weights, gradients and AdamW's two moments; adapters and what stands with them are float32."""
        return self.parameters * self.bytes + self.trained * 3 * max(self.bytes, 4.0 if self.trained < self.parameters else 0.0)

    @property
    def batch(self) -> float:
        """Bytes of activations and logits (their own type, float32 for the loss, and the gradients of both)."""
        wide = max(self.bytes, 2.0)
        layer = (8 * self.hidden + 4 * self.inner) * wide
        stored = self.layers * self.hidden * wide + layer if self.again else self.layers * layer
        logits = self.vocabulary * (2 * wide + 8)
        training = self.rows * (self.tokens * stored + self.scored * logits)
        return max(training, self.generated * (self.tokens * self.layers * self.kept * wide + self.vocabulary * 8))

    @property
    def total(self) -> float:
        """Bytes in all."""
        return self.states + self.batch


def shape(kind: str, model: Any, config: Any, tokenizer: Any, rows: Any) -> Shape:
    """The shape of a training.

    Args:
        kind: The trainer's name.
        model: With its adapter.
        config: The trainer's.
        tokenizer, rows: Of the data; a sample's tokens are counted.
    """
    told = model.config.get_text_config()
    heads = told.num_attention_heads
    width = getattr(told, "head_dim", None) or told.hidden_size // heads
    whole, prompt = _longest(kind, tokenizer, rows)
    if kind == "grpo":
        scored = config.max_completion_length
        tokens = prompt + scored
    else:
        tokens = scored = min(whole, config.max_length or whole)
    weights = [(weight.numel(), weight.element_size(), weight.requires_grad) for weight in model.parameters()]
    parameters = sum(count for count, _, _ in weights)
    return Shape(
        layers=told.num_hidden_layers,
        hidden=told.hidden_size,
        inner=getattr(told, "intermediate_size", None) or 4 * told.hidden_size,
        vocabulary=told.vocab_size,
        kept=2 * width * (getattr(told, "num_key_value_heads", None) or heads),
        parameters=parameters,
        trained=sum(count for count, _, trains in weights if trains),
        bytes=sum(count * size for count, size, _ in weights) / parameters,
        rows=config.per_device_train_batch_size * {"dpo": 2, "rrhf": _most(rows) if kind == "rrhf" else 1}.get(kind, 1),
        tokens=tokens,
        scored=scored,
        generated=config.generation_batch_size // max(1, config.world_size) if kind == "grpo" else 0,
        again=bool(config.gradient_checkpointing),
    )


def _longest(kind: str, tokenizer: Any, rows: Any) -> tuple[int, int]:
    """The most tokens of a prompt with what follows, and of a prompt alone, in a sample of the rows."""
    few = rows.select(range(0, len(rows), max(1, len(rows) // SAMPLE)))
    names = {"sft": ("completion",), "dpo": ("chosen", "rejected"), "rrhf": ("completions",), "grpo": ()}[kind]
    longest = alone = 1
    for row in few:
        prompt = _tokens(tokenizer, row["prompt"])
        answers = [one for name in names for one in (row[name] if name == "completions" else [row[name]])]
        longest = max(longest, prompt + max((_tokens(tokenizer, one) for one in answers), default=0))
        alone = max(alone, prompt)
    return longest, alone


def _tokens(tokenizer: Any, text: str | Sequence[dict[str, str]]) -> int:
    plain = text if isinstance(text, str) else "\n".join(message["content"] for message in text)
    return len(tokenizer(plain)["input_ids"]) + (0 if isinstance(text, str) else 8 * len(text))  # a template's marks


def _most(rows: Any) -> int:
    return max((len(scores) for scores in rows["scores"]), default=1)


def free_memory() -> int | None:
    """Bytes that are free where the training will be; None where nobody says."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def would_fit(shape: Shape, free: float, accumulated: int) -> str:
    """What to change so that it fits, as options; words where no option is enough."""
    rows = shape.rows
    while rows > 1:
        rows //= 2
        less = replace(shape, rows=rows, generated=shape.generated and max(2, shape.generated * rows // shape.rows))
        if less.total <= free:
            parts = shape.rows // rows
            more = "" if shape.generated else f" --set gradient_accumulation_steps={accumulated * parts}"
            return f"--set per_device_train_batch_size={max(1, rows)}{more}"
    if not shape.again and replace(shape, rows=1, again=True).total <= free:
        return "--set gradient_checkpointing=true --set per_device_train_batch_size=1"
    if shape.trained == shape.parameters and replace(shape, trained=shape.parameters // 100, rows=1, again=True).total <= free:
        return "--adapter lora --set per_device_train_batch_size=1"
    return "a smaller model, shorter rows, or --adapter qlora"


def step_seconds(model: Any, shape: Shape, config: Any) -> float:
    """About the seconds of a step: one forward pass is timed, and for what is sampled one token of a batch."""
    import torch

    device = next(model.parameters()).device
    gpu = device.type == "cuda"
    rows, tokens = (shape.rows, shape.tokens) if gpu else (1, min(shape.tokens, SAMPLE))
    was, model.training = model.training, False
    try:
        with torch.inference_mode():
            forward = _timed(lambda: model(input_ids=torch.zeros((rows, tokens), dtype=torch.long, device=device), use_cache=False), gpu)
            forward *= shape.rows * shape.tokens / (rows * tokens)
            step = forward * (1 + BACKWARD + shape.again) * config.gradient_accumulation_steps
            if shape.generated:
                begin = model(input_ids=torch.zeros((shape.generated, 8), dtype=torch.long, device=device), use_cache=True)
                one = torch.zeros((shape.generated, 1), dtype=torch.long, device=device)
                step += shape.scored * _timed(lambda: model(input_ids=one, past_key_values=begin.past_key_values, use_cache=True), gpu)
            return step
    finally:
        model.training = was


def _timed(run: Any, gpu: bool) -> float:
    import torch

    run()
    if gpu:
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def steps(config: Any, rows: int) -> int:
    """Steps of the optimiser in all."""
    if config.max_steps > 0:
        return int(config.max_steps)
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps * max(1, config.world_size)
    answers = getattr(config, "num_generations", 1)  # grpo's batches count answers
    return math.ceil(math.ceil(rows * answers / batch) * config.num_train_epochs)


def size(number: float) -> str:
    """Bytes for a person."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"


def duration(seconds: float) -> str:
    """Seconds for a person."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
