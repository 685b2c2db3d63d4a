"""What a model's tokens cost."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files

_VARIANT = re.compile(r"(?:[-@:](?:latest|preview|exp|v\d|\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{2}-\d{2}|\d{3}))*")


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens."""

    tokens_in: float
    tokens_out: float

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Dollars for so many tokens."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


def find_price(model: str) -> Price | None:
    """The price in codeopt's table; None for a model that is not there.

    A name in the table also stands for its dated and preview variants ("gpt-4o" for "gpt-4o-2024-11-20"), never for
    another size ("gpt-5" is not "gpt-5-pro"), and the vendor before a slash is left out ("openai/gpt-4o").
    """
    table = json.loads(files("codeopt").joinpath("prices.json").read_text(encoding="utf-8"))["models"]
    name = model.rsplit("/", 1)[-1].lower()
    fitting = [key for key in table if name.startswith(key) and _VARIANT.fullmatch(name[len(key) :])]
    if not fitting:
        return None
    tokens_in, tokens_out = table[max(fitting, key=len)]
    return Price(float(tokens_in), float(tokens_out))
