"""RRHF: a model learns to rank candidates as their measured speedups do, and to write the best one.

Yuan et al. 2023 (arXiv 2304.05302), equations 2 to 4, as PerfRL (arXiv 2312.05657) uses it on programs. With p_i the mean
log-probability of a candidate's tokens and r_i its score, the loss of a program is

    sum over r_i < r_j of max(0, p_i - p_j)  -  the best candidate's p

TRL has no such trainer; this one takes the form `ranked` of `codeopt data build` as TRL's take theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from trl.trainer.utils import pad, selective_log_softmax

METRIC = "ranked_right"


@dataclass
class RRHFConfig(transformers.TrainingArguments):
    """`transformers.TrainingArguments`, and:

    Attributes:
        gradient_checkpointing: On unless it is told otherwise, as in TRL's.
        max_length: Tokens of a prompt with a candidate; longer candidates are left out.
        rank_weight: Weight of the ranking loss; that of the best candidate's is 1.
    """

    gradient_checkpointing: bool = field(default=True, metadata={"help": "Compute activations again in the backward pass."})
    max_length: int = field(default=1024, metadata={"help": "Tokens of a prompt with a candidate."})
    rank_weight: float = field(default=1.0, metadata={"help": "Weight of the ranking loss."})


class RRHFTrainer(transformers.Trainer):  # type: ignore[misc]
    """Trains a causal model on candidates with scores.

    Args:
        model: A model, or one with an adapter.
        args: See `RRHFConfig`; a batch's size counts programs, each with up to eight candidates.
        train_dataset, eval_dataset: Rows with `prompt`, `completions` and `scores`, plain or conversational.
        processing_class: The tokenizer.
        peft_config: An adapter to put on the model; None trains all weights.
        callbacks: As in transformers.
    """

    def __init__(
        self,
        model: Any,
        args: RRHFConfig,
        train_dataset: Any,
        processing_class: Any,
        eval_dataset: Any = None,
        peft_config: Any = None,
        callbacks: Sequence[transformers.TrainerCallback] = (),
    ) -> None:
        import peft

        if getattr(model, "is_loaded_in_4bit", False):
            model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=args.gradient_checkpointing)
        if peft_config is not None:
            model = peft.get_peft_model(model, peft_config)
        if args.gradient_checkpointing and isinstance(model, peft.PeftModel):
            model.enable_input_require_grads()
        self._pad, self._weight = processing_class.pad_token_id, args.rank_weight
        self._seen: dict[str, list[float]] = defaultdict(list)
        args.remove_unused_columns = False
        super().__init__(
            model,
            args,
            data_collator=self._collated,
            train_dataset=read(train_dataset, processing_class, args.max_length),
            eval_dataset=read(eval_dataset, processing_class, args.max_length) if eval_dataset is not None else None,
            processing_class=processing_class,
            callbacks=list(callbacks),
        )
        self.model_accepts_loss_kwargs = False  # the loss is a mean over programs: accumulated batches are averaged

    def _collated(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """All candidates of some programs, one a row: (rows, tokens)."""
        made = [(row["prompt"], one, group, score) for group, row in enumerate(rows) for one, score in zip(row["candidates"], row["scores"])]
        ids = [torch.tensor([*prompt, *one]) for prompt, one, _, _ in made]
        answer = [torch.tensor([0] * len(prompt) + [1] * len(one)) for prompt, one, _, _ in made]
        return {
            "input_ids": pad(ids, self._pad),
            "attention_mask": pad([torch.ones_like(row) for row in ids], 0),
            "answer": pad(answer, 0),
            "group": torch.tensor([group for _, _, group, _ in made]),
            "scores": torch.tensor([score for _, _, _, score in made]),
        }

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean loss of the programs."""
        found = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
        own = selective_log_softmax(found.logits[:, :-1], inputs["input_ids"][:, 1:])
        answer = inputs["answer"][:, 1:]
        means = (own * answer).sum(-1) / answer.sum(-1)
        losses, right = [], []
        for group in inputs["group"].unique():
            rows = inputs["group"] == group
            losses.append(rrhf_loss(means[rows], inputs["scores"][rows], self._weight))
            right.append(_ranked_right(means[rows].detach(), inputs["scores"][rows]))
        self._seen["" if model.training else "eval_"].append(sum(right) / len(right))
        loss = torch.stack(losses).mean()
        return (loss, found) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, None, None]:
        """The loss of a batch to check on."""
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    def log(self, logs: dict[str, float], *more: Any, **words: Any) -> None:
        """With the share of pairs that the model ranks as they were measured."""
        kind = "eval_" if "eval_loss" in logs else ""
        if (seen := self._seen.pop(kind, None)) and ("loss" in logs or kind):
            logs[kind + METRIC] = sum(seen) / len(seen)
        super().log(logs, *more, **words)


def rrhf_loss(means: torch.Tensor, scores: torch.Tensor, weight: float = 1.0) -> torch.Tensor:
    """The loss of one program's candidates.

    Args:
        means: Mean log-probability of each candidate's tokens: (candidates,).
        scores: (candidates,).
        weight: Of the ranking loss.
    """
    worse = scores[:, None] < scores[None, :]
    ranking = ((means[:, None] - means[None, :]).clamp(min=0) * worse).sum()
    return weight * ranking - means[scores.argmax()]


def _ranked_right(means: torch.Tensor, scores: torch.Tensor) -> float:
    worse = scores[:, None] < scores[None, :]
    return float(((means[:, None] < means[None, :]) & worse).sum() / worse.sum().clamp(min=1))


def read(rows: Any, tokenizer: Any, max_length: int) -> Any:
    """Rows of tokens: `prompt`, `candidates` and their `scores`; only rows in which some fitting candidate is better than another."""
    made = rows.map(lambda row: _tokens(row, tokenizer, max_length), remove_columns=rows.column_names)
    return made.filter(lambda row: len(set(row["scores"])) > 1)


def _tokens(row: Mapping[str, Any], tokenizer: Any, max_length: int) -> dict[str, Any]:
    if isinstance(row["prompt"], str):
        prompt = tokenizer(row["prompt"])["input_ids"]
        candidates = [[*tokenizer(one, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id] for one in row["completions"]]
    else:
        prompt = _conversation(tokenizer, row["prompt"], add_generation_prompt=True)
        candidates = [_conversation(tokenizer, [*row["prompt"], *one])[len(prompt) :] for one in row["completions"]]
    fitting = [(one, score) for one, score in zip(candidates, row["scores"]) if len(prompt) + len(one) <= max_length]
    return {"prompt": prompt, "candidates": [one for one, _ in fitting], "scores": [score for _, score in fitting]}


def _conversation(tokenizer: Any, messages: list[dict[str, str]], **more: Any) -> list[int]:
    return list(tokenizer(tokenizer.apply_chat_template(messages, tokenize=False, **more), add_special_tokens=False)["input_ids"])
