"""The end of a language model's training step: logits over a large vocabulary, and the loss of each token by its label.

Tokens with the label -100 (padding, prompts) have no loss. Each token's loss is answered, not their mean, which is nearly
the same number for all inputs.
"""

import torch

tokens = 4096
hidden = 2048
vocabulary = 128256
smoothing = 0.0
dtype = torch.bfloat16
IGNORED = -100

SHAPES = [
    {"tokens": 4096, "hidden": 2048, "vocabulary": 128256, "smoothing": 0.0, "dtype": "torch.bfloat16"},
    {"tokens": 8192, "hidden": 1024, "vocabulary": 32000, "smoothing": 0.1, "dtype": "torch.float16"},
    {"tokens": 2048, "hidden": 768, "vocabulary": 50304, "smoothing": 0.0, "dtype": "torch.float32"},
]
HELD_OUT = [
    {"tokens": 1001, "hidden": 1536, "vocabulary": 50257, "smoothing": 0.0, "dtype": "torch.bfloat16"},
    {"tokens": 3000, "hidden": 1000, "vocabulary": 12345, "smoothing": 0.1, "dtype": "torch.float16"},
]


class Model(torch.nn.Module):
    def __init__(self, smoothing):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, x, weight, labels):
        """x: [tokens, hidden]; weight: [vocabulary, hidden]; labels: [tokens]. Answers in float32, [tokens]."""
        logits = (x @ weight.t()).float()
        return torch.nn.functional.cross_entropy(
            logits, labels, ignore_index=IGNORED, reduction="none", label_smoothing=self.smoothing
        )


class Exact(Model):
    """Above the logits are rounded twice."""

    def forward(self, x, weight, labels):
        return torch.nn.functional.cross_entropy(
            x @ weight.t(), labels, ignore_index=IGNORED, reduction="none", label_smoothing=self.smoothing
        )


def get_inputs():
    # Logits of a token: an offset of their own (a sum without its maximum taken off may overflow), and sharp or flat.
    x = torch.randn(tokens, hidden) * torch.empty(tokens, 1).uniform_(0.5, 3)
    weight = (torch.randn(vocabulary, hidden) + 2 * torch.randn(hidden)) * hidden**-0.5
    labels = torch.randint(vocabulary, (tokens,))
    labels[torch.rand(tokens) < 0.1] = IGNORED
    return [x.to(dtype), weight.to(dtype), labels]


def get_init_inputs():
    return [smoothing]


def cost():
    size = (tokens + vocabulary) * hidden * dtype.itemsize + (8 + 4) * tokens
    return {"bytes": size, "flops": 2 * tokens * vocabulary * hidden}
