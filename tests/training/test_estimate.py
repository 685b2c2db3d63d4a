"""What a training needs: counted bytes, and what would fit where it does not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from codeopt.training.estimate import Shape, would_fit

# Qwen2.5-Coder-0.5B's shape, LoRA of rank 16.
SMALL = Shape(
    layers=24, hidden=896, inner=4864, vocabulary=151936, kept=256, parameters=502_800_000, trained=8_800_000, bytes=2.0, rows=16, tokens=1024,
    scored=1024, generated=0, again=True,
)  # fmt: skip


def test_bytes_are_those_of_weights_states_and_batch() -> None:
    assert SMALL.states == 502_800_000 * 2 + 8_800_000 * 3 * 4
    full = replace(SMALL, trained=SMALL.parameters)
    assert full.states == pytest.approx(502_800_000 * 8), "weights, gradients and two moments, all in bfloat16"
    assert SMALL.batch == pytest.approx(16 * 1024 * (24 * 896 * 2 + (8 * 896 + 4 * 4864) * 2 + 151936 * 12))
    assert replace(SMALL, again=False).batch > SMALL.batch
    sampled = replace(SMALL, generated=4096)
    assert sampled.batch == pytest.approx(4096 * (1024 * 24 * 256 * 2 + 151936 * 8)), "more than the training batch"


def test_what_would_fit_fits() -> None:
    hint = would_fit(SMALL, 8e9, 1)
    rows, accumulated = map(int, re.findall(r"=(\d+)", hint))
    assert rows * accumulated == 16 and replace(SMALL, rows=rows).total <= 8e9 < replace(SMALL, rows=2 * rows).total
    plain = replace(SMALL, rows=1, again=False, tokens=4096, scored=1)
    assert "gradient_checkpointing=true" in would_fit(plain, replace(plain, again=True).total, 1)
    full = replace(SMALL, trained=SMALL.parameters, rows=1)
    assert "--adapter lora" in would_fit(full, full.total / 1.2, 1)
    assert "smaller model" in would_fit(SMALL, 1e8, 1)
