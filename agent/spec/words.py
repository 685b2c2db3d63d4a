"""What models are asked about specifications."""

from __future__ import annotations

from collections.abc import Sequence

from codeopt.agent.proposers.llm_prompt import rendered, tag
from codeopt.agent.spec.reading import Specification
from codeopt.agent.spec.ways import Ask


def write(specification: Specification, ideas: Sequence[str] = ()) -> Ask:
    """Asks for a program, along some ideas."""
    return _ask("spec_write.j2", specification, *ideas, ideas=ideas)


def observe(specification: Specification, most: int) -> Ask:
    """Asks for ideas how to compute it fast."""
    return _ask("spec_observe.j2", specification, most=most)


def faster(specification: Specification, best: str, hot: Sequence[str], idea: str, failed: Sequence[str]) -> Ask:
    """Asks for a faster version of a program that is right."""
    fields = {"best": best, "hot": hot, "idea": idea, "failed": failed}
    return _ask("spec_faster.j2", specification, best, *hot, idea, *failed, **fields)


def mend(specification: Specification, program: str, evidence: str) -> Ask:
    """Asks for a program in the place of one that is wrong."""
    return _ask("spec_mend.j2", specification, program, evidence, program=program, evidence=evidence)


def _ask(template: str, specification: Specification, *quoted: str, **fields: object) -> Ask:
    text = specification.text.strip()
    content = rendered(template, text=text, function=specification.function, tag=tag(text, *quoted), **fields)
    return Ask(({"role": "user", "content": content.rstrip("\n")},))
