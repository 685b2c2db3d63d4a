"""How likely a model finds a program: normalised perplexity, which models with other tokenisers share.

Of a text y after a prompt x, nats = -sum log p(token | x, tokens before it). Divided by the text's UTF-8 bytes it is

    bits_per_byte = nats / (bytes · ln 2),      byte_perplexity = exp(nats / bytes) = 2 ** bits_per_byte,

the Pile's bits per UTF-8 byte (Gao et al. 2020, section 3.1) and lm-evaluation-harness's `byte_perplexity`. A perplexity per
token falls where a tokenizer makes fewer tokens of the same text; PolyCoder (Xu et al. 2022, "A systematic evaluation of large
language models of code") divides by tokens of one lexer for that reason, and a lexer's tokens are no more comparable between
languages than bytes.
"""

from __future__ import annotations

import json
import math
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from codeopt.datasets.forms import asked

AT_A_TIME = 256
"""Programs whose texts are in memory together."""
Likelihoods = Callable[[Sequence[tuple[str, str]]], Sequence[tuple[float, int]]]
"""(prompt, text) of each -> its nats and tokens."""


@dataclass(frozen=True)
class Figures:
    """One text under a model.

    Attributes:
        nats: Of the whole text.
        tokens: That the model's tokenizer makes of it.
        bytes: Of its UTF-8 form.
    """

    nats: float
    tokens: int
    bytes: int

    @property
    def bits_per_byte(self) -> float:
        """0.0 for an empty text."""
        return self.nats / (self.bytes * math.log(2)) if self.bytes else 0.0

    @property
    def byte_perplexity(self) -> float:
        """2 ** bits_per_byte."""
        return 2.0**self.bits_per_byte

    @property
    def token_perplexity(self) -> float:
        """For comparison within one tokenizer only; 1.0 for an empty text."""
        return math.exp(min(self.nats / self.tokens, 700.0)) if self.tokens else 1.0

    def row(self) -> dict[str, float]:
        """As it stands in a report."""
        return {
            "bits_per_byte": round(self.bits_per_byte, 6),
            "byte_perplexity": round(self.byte_perplexity, 6),
            "token_perplexity": round(self.token_perplexity, 4),
            "tokens": self.tokens,
            "bytes": self.bytes,
        }


def texts_of(pair: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What is asked about a pair: the fast program after the prompt of the forms and alone, and the slow one alone."""
    target = str(pair["target"]).strip("\n")
    return {
        "target_given_prompt": (f"{asked(pair)}\n\n```{pair['language']}\n", target),
        "target": ("", target),
        "input": ("", str(pair["input"]).strip("\n")),
    }


def measured(
    rows: Iterable[tuple[str, Mapping[str, tuple[str, str]]]], likelihoods: Likelihoods
) -> Iterator[tuple[str, dict[str, Figures]]]:
    """The figures of each row's texts, in order; some hundred rows are in memory.

    Args:
        rows: An id, and (prompt, text) by name.
        likelihoods: The model's.
    """
    left = iter(rows)
    while chunk := list(islice(left, AT_A_TIME)):
        flat = [asked_for for _, texts in chunk for asked_for in texts.values()]
        found = iter(likelihoods(flat))
        for name, texts in chunk:
            yield name, {key: Figures(*next(found), len(text.encode("utf-8", "replace"))) for key, (_, text) in texts.items()}


class Summary:
    """Figures of many texts together: all their nats over all their bytes, by name; and the quantiles of the texts' own."""

    def __init__(self) -> None:
        self._held: dict[str, array[float]] = {}
        self._sums: dict[str, list[float]] = {}

    def add(self, figures: Mapping[str, Figures]) -> None:
        for name, one in figures.items():
            self._held.setdefault(name, array("d")).append(one.bits_per_byte)
            sums = self._sums.setdefault(name, [0.0, 0.0, 0.0])
            for at, value in enumerate((one.nats, one.tokens, one.bytes)):
                sums[at] += value

    def rows(self) -> dict[str, dict[str, float]]:
        """By name: texts, bits_per_byte and byte_perplexity of all, and the median and 10 % and 90 % quantiles of bits_per_byte."""
        told = {}
        for name, values in self._held.items():
            nats, tokens, size = self._sums[name]
            whole = Figures(nats, int(tokens), int(size))
            told[name] = {
                "texts": len(values),
                "bits_per_byte": round(whole.bits_per_byte, 6),
                "byte_perplexity": round(whole.byte_perplexity, 6),
                **{f"p{share:02}": round(quantile(values, share / 100), 6) for share in (10, 50, 90)},
            }
        return told


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed. Raises ValueError where there are none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Report:
    """A JSONL file of id and figures, a row a line, that appears whole; `with Report(file) as report`."""

    def __init__(self, file: Path) -> None:
        self._file, self._part = file, file.with_name(file.name + ".part")
        self._out: TextIO

    def __enter__(self) -> Report:
        self._out = self._part.open("w", encoding="utf-8")
        return self

    def add(self, name: str, figures: Mapping[str, Figures]) -> None:
        self._out.write(json.dumps({"id": name, **{key: one.row() for key, one in figures.items()}}) + "\n")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._out.close()
        if kind is None:
            os.replace(self._part, self._file)
        else:
            self._part.unlink(missing_ok=True)
