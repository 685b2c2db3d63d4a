"""GRPO with measured speedups as rewards, in a stock trainer of TRL.

python grpo.py MODEL TASKS PROMPTS OUT    (pip install "codeopt[train,data]")
"""

import argparse

import torch
from datasets import load_dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer

from codeopt.training import SpeedupReward

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "tasks", "prompts", "out"):
        parser.add_argument(name)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=512)
    asked = parser.parse_args()
    lines = asked.prompts.endswith(".jsonl")  # else a data set that `codeopt data build` made
    prompts = load_dataset("json", data_files=asked.prompts, split="train") if lines else load_dataset(asked.prompts, "prompts", split="train")
    reward = SpeedupReward(asked.tasks, runs=f"{asked.out}/rollouts")
    config = GRPOConfig(
        asked.out, max_steps=asked.steps, max_completion_length=asked.tokens, num_generations=8, per_device_train_batch_size=8,
        loss_type="dr_grpo", scale_rewards="none", epsilon_high=0.28, logging_steps=1, save_strategy="no", report_to=[],
        bf16=torch.cuda.is_available(),
    )
    trainer = GRPOTrainer(asked.model, reward, args=config, train_dataset=prompts, peft_config=LoraConfig(r=16))
    trainer.train()
    trainer.save_model(f"{asked.out}/adapter")
    for row in trainer.state.log_history:
        print(row)
