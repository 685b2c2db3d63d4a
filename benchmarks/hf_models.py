"""A model in this process (hf:): tokens a second at each batch size, and how many answers other batches leave as they were.

    python benchmarks/hf_models.py --model hf:DIR_OR_NAME_OR_FILE.gguf [--sizes 1,8,32] [--tokens 64] [--write]
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from common import report

from codeopt.agent.models import hf
from codeopt.agent.models.chat import Reply, Request
from codeopt.errors import UserError

TASKS = (
    "reverses a list", "sums the squares of a list", "counts the vowels of a text", "merges two sorted lists",
    "finds the longest word of a text", "says whether a number is prime", "sorts a list of pairs by their second item",
    "computes the n-th Fibonacci number modulo m, for n up to ten to the power of eighteen, without recursion",
)  # fmt: skip


def requests(count: int, temperature: float, tokens: int) -> list[Request]:
    """One a row: questions of unlike lengths, a seed each."""
    asked = [f"Write a Python function that {TASKS[seed % len(TASKS)]}." for seed in range(count)]
    return [
        Request("m", ({"role": "user", "content": text},), tokens, temperature, seed, 0.95) for seed, text in enumerate(asked)
    ]


def ask(model: hf.HfModel, wanted: list[Request], batch: int) -> tuple[list[Reply], float]:
    """The replies in the requests' order, and tokens of answers a second."""
    model.batch = batch
    started = time.perf_counter()
    found = dict(model.answers(wanted))
    seconds = time.perf_counter() - started
    return [found[index] for index in range(len(wanted))], sum(reply.tokens_out for reply in found.values()) / seconds


def equal(one: list[Reply], other: list[Reply]) -> str:
    """How many answers are the same, of how many."""
    return f"{sum(a == b for a, b in zip(one, other))} of {len(one)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="hf:NAME_OR_DIR[@ADAPTER]; without it there is nothing to measure")
    parser.add_argument("--sizes", default="1,8,32", help="batch sizes; as many questions as the largest")
    parser.add_argument("--tokens", type=int, default=64, help="most tokens of an answer")
    parser.add_argument("--dtype", default="", help="torch's name of a type (default: what the device computes in)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/hf-models.json")
    chosen = parser.parse_args()
    if not chosen.model:
        print("skipped: no --model")
        return
    sizes = sorted(int(size) for size in chosen.sizes.split(","))
    started = time.perf_counter()
    try:
        model = hf.HfModel(chosen.model.removeprefix(hf.PREFIX), say=print, dtype=chosen.dtype)
    except UserError as error:
        sys.exit(str(error))
    figures: dict[str, Any] = {
        "model": chosen.model.rsplit("/", 1)[-1],
        "parameters": model.parameters,
        "device": model.device,
        "dtype": model.dtype,
        "tokens_each": chosen.tokens,
        "load_s": round(time.perf_counter() - started, 1),
    }
    ask(model, requests(1, 0.0, 4), 1)  # the first call sets things up
    sampled, greedy = (requests(sizes[-1], temperature, chosen.tokens) for temperature in (0.8, 0.0))
    first: list[Reply] = []
    for size in sizes:
        # Of the small sizes a few batches tell enough.
        replies, rate = ask(model, sampled[: 4 * size], size)
        figures[f"tokens_per_s_batch_{size}"] = round(rate, 1)
        first = replies
    again, _ = ask(model, sampled, sizes[-1])
    figures["same_run_twice"] = equal(first, again)
    shuffled, _ = ask(model, sampled[::-1], max(1, sizes[-1] * 3 // 8))
    figures["other_batches_sampled"] = equal(first, shuffled[::-1])
    whole, _ = ask(model, greedy, sizes[-1])
    parts, _ = ask(model, greedy[::-1], max(1, sizes[-1] * 3 // 8))
    figures["other_batches_greedy"] = equal(whole, parts[::-1])
    report("hf-models", figures, keep=chosen.write)


if __name__ == "__main__":
    main()
