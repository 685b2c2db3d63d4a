"""Models to train: from the hub, a folder, or one GGUF file, whose weights are unpacked; with an adapter that is trained on."""

from __future__ import annotations

from typing import Any

from codeopt.agent.models.hf import pretrained, refusal, sources
from codeopt.errors import UserError

ALIKE = 0.98
"""Correlation from which two matrices are one and the same, quantised in two ways."""


def load(name: str, dtype: str = "", four_bits: bool = False) -> tuple[Any, Any]:
    """(model, tokenizer) of NAME[@ADAPTER]; an adapter can be trained.

    Files of GGUF keep the input and the output embedding apart even where a model has one for both; these are made one
    again, the output's, which is quantised better. Code that comes with a model is never run.

    Args:
        name: NAME[@ADAPTER].
        dtype: torch's name of a type; "" is float32 on a CPU and bfloat16 where there is a GPU.
        four_bits: Quantise the model's own weights to NF4 (Dettmers et al. 2023, QLoRA, section 3).

    Raises:
        UserError: There is no such model or adapter, or it cannot be loaded.
    """
    import torch
    import transformers

    base, adapter = sources(name)
    packed = base.endswith(".gguf")
    if packed and four_bits:
        raise UserError(f"{base} is quantised already", "name the model's own weights, or use --adapter lora")
    if four_bits and not torch.cuda.is_available():
        raise UserError("weights of four bits are trained on a GPU only", "--adapter lora")
    own = getattr(torch, dtype or ("bfloat16" if torch.cuda.is_available() else "float32"))
    more: dict[str, Any] = {"quantization_config": transformers.GgufConfig(dequantize=True)} if packed else {}
    if four_bits:
        more["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=own
        )
    try:
        tokenizer, model = pretrained(base, own, **more)
        if packed:
            _tie(model)
        if adapter:
            import peft

            model = peft.PeftModel.from_pretrained(model, adapter, is_trainable=True)
    except Exception as error:  # whatever a file of somebody else's makes these libraries raise
        raise refusal(name, adapter, error) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _tie(model: Any) -> None:
    """Make the two embeddings one where they are the same but for their quantisation."""
    import torch

    inside, outside = model.get_input_embeddings(), model.get_output_embeddings()
    if outside is None or inside.weight.shape != outside.weight.shape or inside.weight is outside.weight:
        return
    few = slice(None, None, max(1, len(inside.weight) // 1000))
    one, other = inside.weight[few].detach().float().flatten(), outside.weight[few].detach().float().flatten()
    if float(torch.corrcoef(torch.stack([one, other]))[0, 1]) >= ALIKE:
        inside.weight = outside.weight
        model.config.tie_word_embeddings = True
