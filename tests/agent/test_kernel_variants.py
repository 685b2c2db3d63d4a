"""Each template on modules that it was not written for: right through Triton's interpreter, or left as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from codeopt.agent.kernels import host
from codeopt.agent.kernels.graph import Unsupported
from codeopt.agent.kernels.rules import untuned

from . import kernel_variants as variants
from .kernel_bench import PIECES, Bench, needs_triton, opened, wrong_of

pytestmark = needs_triton
LEAST = 5
TABLES: dict[str, Mapping[str, str]] = {
    "pointwise fusion": variants.POINTS,
    "row fusion": variants.ROWS,
    "whole reduction": variants.WHOLE,
    "scan": variants.SCANS,
    "selection": variants.SELECTIONS,
}
KINDS = ("softmax", "logsumexp", "layer_norm", "rms_norm", "group_norm", "instance_norm", "batch_norm", "arg_of", "cross_entropy")
"""Of row fusion: five of each, by their names."""
# What torch does beside the template: views of parts, copies that an answer is, operations that no template is for.
LEFT = {
    "parts": "slice, select", "copies_of_arguments": "contiguous, clone", "same_answer_twice": "clone", "variance_of_one": "clone",
    "bytes_wrap": "__xor__", "places": "remainder", "one_row_alone": "select, clone", "parts_of_a_row": "chunk",
    "steps_of_a_size": "div", "steps_that_are_no_power": "div",
}  # fmt: skip


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    yield from opened()


@pytest.mark.parametrize("rule", TABLES)
def test_variants(bench: Bench, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(TABLES[rule]) >= LEAST
    if rule != "whole reduction":  # those are long as they are
        monkeypatch.setattr(host, "CONFIGS", (PIECES,))
    assert wrong_of(bench, TABLES[rule], rule, LEFT) == {}


def test_each_kind_of_row_has_five() -> None:
    counts = {kind: sum(name.startswith(kind) for name in variants.ROWS) for kind in KINDS}
    assert {kind: count for kind, count in counts.items() if count < LEAST} == {}


@pytest.mark.parametrize("name", variants.REFUSED)
def test_what_no_template_fits_stays_as_it_is(bench: Bench, name: str) -> None:
    source = variants.REFUSED[name]
    try:
        assert untuned(bench.graph(source), source) == []
    except Unsupported as error:
        assert "neither a tensor nor a tuple" in str(error)


def test_complex_numbers_are_left_to_torch(bench: Bench) -> None:
    made = untuned(bench.graph(variants.COMPLEX), variants.COMPLEX)
    assert [item.rule for item in made] == ["pointwise fusion"] and "fft_rfft, abs, angle" in made[0].note
    assert bench.wrong(variants.COMPLEX, made[0].source) == []


def test_a_loop_over_many_steps_is_given_up(bench: Bench) -> None:
    source = variants.module("for i in range(600): x = x * 0.5 + 1\n        return x", "x=(R, C)")
    with pytest.raises(Unsupported, match="a graph of more than 500 operations"):
        bench.graph(source)
