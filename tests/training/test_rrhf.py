"""RRHF: its loss against the paper's formula, and that a model learns to rank."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
for name in ("trl", "peft", "datasets"):
    pytest.importorskip(name, reason=f"{name} is not installed")

from codeopt.training.rrhf import RRHFConfig, RRHFTrainer, rrhf_loss  # noqa: E402
from codeopt.training.weights import load  # noqa: E402
from tests import tinymodel  # noqa: E402


def test_the_loss_is_the_papers() -> None:
    draw = random.Random(0)
    for _ in range(50):
        count = draw.randrange(2, 7)
        p, r = [draw.uniform(-3, 0) for _ in range(count)], [float(draw.randrange(4)) for _ in range(count)]
        hinges = sum(max(0.0, p[i] - p[j]) for i, j in itertools.permutations(range(count), 2) if r[i] < r[j])
        found = rrhf_loss(torch.tensor(p), torch.tensor(r), 0.5)
        assert float(found) == pytest.approx(0.5 * hinges - p[r.index(max(r))], abs=1e-5)


def test_a_model_learns_to_rank(tmp_path: Path) -> None:
    import datasets

    model, tokenizer = load(str(tinymodel.make(tmp_path / "model")))
    rows = datasets.Dataset.from_list(  # type: ignore[attr-defined]
        [{"prompt": f"make f{number} fast", "completions": ["return x", "for y in z: pass", "raise Error"], "scores": [1.5, 0.0, -1.0]} for number in range(4)]
        + [{"prompt": "all alike", "completions": ["a", "b"], "scores": [1.0, 1.0]}, {"prompt": "too long", "completions": ["a " * 400, "b"], "scores": [1.0, 0.0]}]
    )
    args = RRHFConfig(
        output_dir=str(tmp_path / "out"), max_steps=12, per_device_train_batch_size=4, learning_rate=2e-2, max_length=64, use_cpu=True,
        report_to=[], logging_steps=1, save_strategy="no", disable_tqdm=True, max_grad_norm=1.0,
    )  # fmt: skip
    trainer = RRHFTrainer(model, args, rows, tokenizer)
    assert len(trainer.train_dataset) == 4, "where nothing is better than another, nothing is learnt"
    trainer.train()
    logged = [row for row in trainer.state.log_history if "loss" in row]
    assert logged[-1]["loss"] < logged[0]["loss"] and logged[-1]["ranked_right"] == 1.0
