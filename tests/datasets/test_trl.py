"""The forms are what stock trainers take: one step of each, in a process that never imports codeopt."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import runs_made
import tinymodel
from commandline import environment

from codeopt.datasets.build import Settings, build

STEP = """
import math, sys
from datasets import load_dataset
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

model, data, out = sys.argv[1:]
COMMON = dict(
    output_dir=out, max_steps=1, per_device_train_batch_size=2, report_to=[], bf16=False, use_cpu=True, save_strategy="no",
    logging_steps=1, disable_tqdm=True, gradient_checkpointing=False,
)

def lengths(completions, task_id, **kwargs):
    assert len(task_id) == len(completions) and all(name.startswith("made/") for name in task_id)
    return [float(len(str(completion)) % 7) for completion in completions]

trainers = {
    "sft": lambda rows: SFTTrainer(model, args=SFTConfig(max_length=256, **COMMON), train_dataset=rows),
    "preference": lambda rows: DPOTrainer(model, args=DPOConfig(max_length=256, **COMMON), train_dataset=rows),
    "prompts": lambda rows: GRPOTrainer(
        model, lengths, args=GRPOConfig(num_generations=2, max_completion_length=8, **COMMON), train_dataset=rows
    ),
}
for name, trainer in trainers.items():
    ready = trainer(load_dataset(data, name, split="train"))
    ready.train()
    losses = [row["loss"] for row in ready.state.log_history if "loss" in row]
    assert len(losses) == 1 and math.isfinite(losses[0]), (name, ready.state.log_history)
    print(name, losses[0])
assert not [name for name in sys.modules if name.split(".")[0] == "codeopt"]
"""


@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason='trl is not installed (pip install "codeopt[train]")')
@pytest.mark.parametrize("chat", [False, True])
def test_one_step_of_each_trainer(tmp_path: Path, chat: bool) -> None:
    for number in range(4):
        runs_made.write(tmp_path / "runs" / str(number), number)
    build([tmp_path / "runs"], tmp_path / "set", Settings("t", 0, (1, 0, 0), chat))
    model = tinymodel.make(tmp_path / "model")
    env = environment(HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    words = [sys.executable, "-c", STEP, model, tmp_path / "set", tmp_path / "out"]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line.split()[0] for line in done.stdout.splitlines() if line.split()[0] in ("sft", "preference", "prompts")] == ["sft", "preference", "prompts"]
