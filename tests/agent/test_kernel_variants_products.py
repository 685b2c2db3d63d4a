"""Products and attentions on modules that their templates were not written for: right through Triton's interpreter, or left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from codeopt.agent.kernels import host
from codeopt.agent.kernels.assemble import candidate
from codeopt.agent.kernels.rules import Template, untuned

from . import kernel_variants_products as variants
from .kernel_bench import PIECES, Bench, needs_triton, opened, wrong_of

pytestmark = needs_triton
TABLES: dict[str, tuple[str, Mapping[str, str]]] = {
    "products": ("matrix product", variants.PRODUCTS),
    "products of computed operands": ("matrix product", variants.PROLOGUES),
    "batches": ("matrix product", variants.BATCHED),
    "few bits": ("matrix product", variants.QUANTISED),
    "attentions": ("attention", variants.ATTENTIONS),
}
# What torch does beside the template: views of parts, and indices that it picks matrices by.
LEFT = {
    "picked_and_read": "index", "picked_and_scaled": "index", "bias_that_lies_apart": "slice", "residual_before": "slice",
    "parts_of_both": "slice", "four_bits_half": "slice", "batched_turned": "slice",
}  # fmt: skip


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    yield from opened()


@pytest.mark.parametrize("name", TABLES)
def test_variants(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, table = TABLES[name]
    monkeypatch.setattr(host, "CONFIGS", (PIECES,))
    assert wrong_of(bench, table, rule, LEFT) == {}


@pytest.mark.parametrize("name", variants.PROLOGUES)
def test_nothing_is_written_between_a_computed_operand_and_its_product(bench: Bench, name: str) -> None:
    made = untuned(bench.graph(variants.PROLOGUES[name]), variants.PROLOGUES[name])[0]
    assert made.source.count("@triton.jit\ndef fused_") == 1


@pytest.mark.parametrize("name", variants.ATTENTION_LEFT)
def test_what_is_no_attention_for_one_kernel_is_done_by_other_templates(bench: Bench, name: str) -> None:
    source = variants.ATTENTION_LEFT[name]
    made = untuned(bench.graph(source), source)
    assert made and "attention" not in {item.rule for item in made}
    assert bench.wrong(source, made[0].source) == []


@pytest.mark.parametrize("name", variants.COPIED)
def test_products_by_the_copy_engine(bench: Bench, name: str) -> None:
    source = variants.COPIED[name]
    template = Template(bench.graph(source))
    choice = next(choice for choice in template.others(template.starts[0], "tiles") if (choice.tiles or {}).get("persistent"))
    made = candidate(source, [template.part(choice)])
    assert made is not None and "_persistent_kernel[(programs,)](" in made.source
    assert bench.wrong(source, made.source) == []


@pytest.mark.parametrize("name", variants.VECTORS)
def test_products_of_one_row_are_sums(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = variants.VECTORS[name]
    if name != "long":
        monkeypatch.setattr(host, "CONFIGS", (PIECES,))
    template = Template(bench.graph(source))
    made = candidate(source, [template.part(next(choice for choice in template.starts if choice.vectors))])
    assert made is not None and "left to torch" not in made.note and "matrix product" not in made.note
    assert bench.wrong(source, made.source) == []
