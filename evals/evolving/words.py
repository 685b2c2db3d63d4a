"""What models are asked: for a problem that comes from others, for a critic's verdict on it, for programs that solve it.

The operators are Evol-Instruct's for code (WizardCoder, Luo et al. 2023: a problem is made harder by one named step:
constraints, complexity), with seeds that are programs of people, so that the model does not only repeat itself
(OSS-Instruct, Wei et al. 2024); what is asked for here is always a problem that a machine can check.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from codeopt.agent.models.chat import Message
from codeopt.agent.spec.reading import DOCTEST
from codeopt.evals.evolving.problem import CPP, Draft
from codeopt.evals.suites import PROMPTS

COMBINE = "combine"
"""The operator that takes two problems."""
_TEMPLATES = Environment(
    loader=FileSystemLoader(PROMPTS),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,
)


def operator_names() -> tuple[str, ...]:
    """The operators that there are: one file each."""
    return tuple(sorted(path.stem for path in (PROMPTS / "evolve").glob("*.j2")))


def parents_of(operator: str) -> int:
    """How many problems an operator takes."""
    return 2 if operator == COMBINE else 1


def problem(parents: Sequence[str], operator: str) -> tuple[Message, ...]:
    """Asks for a problem that comes from the texts of others."""
    forms = [_form(text) for text in parents]
    # A small model copies an example that is not the parent itself.
    return _asked("evolve_problem.j2", parents=[form or text.strip() for form, text in zip(forms, parents)], operator=operator, example=not all(forms))


def critic(draft: Draft) -> tuple[Message, ...]:
    """Asks whether a problem is well posed."""
    return _asked("evolve_critic.j2", text=draft.text.strip(), cpp=draft.language == CPP)


def solve(draft: Draft, fast: bool) -> tuple[Message, ...]:
    """Asks for a program, a straightforward or a fast one."""
    return _asked("evolve_solve.j2", text=draft.text.strip(), cpp=draft.language == CPP, fast=fast)


def shown() -> list[str]:
    """Descriptions of the problems that stand in the questions as examples of the form."""
    files = sorted(PROMPTS.glob("evolve_example*.json"))
    return [json.loads(path.read_text("utf-8"))["description"] for path in files]


def template_texts() -> str:
    """All that can be asked, in one text: another run of other words is another run."""
    files = sorted([*PROMPTS.glob("evolve_*.*"), *(PROMPTS / "evolve").glob("*.j2")])
    return "\0".join(path.read_text("utf-8") for path in files)


def _form(text: str) -> str:
    """A problem in the form in which the answer is wanted; "" where it has no examples."""
    node = ast.parse(text).body[-1]
    assert isinstance(node, ast.FunctionDef)
    doc = ast.get_docstring(node) or ""
    examples = [f"{match['call']} == {match['value'].strip()}" for match in DOCTEST.finditer(doc)]
    if not examples:
        return ""
    node.body = []
    signature = ast.unparse(node).rstrip(":")
    return json.dumps({"description": DOCTEST.sub("", doc).strip(), "signature": signature, "examples": examples}, ensure_ascii=False)


def _asked(template: str, **fields: object) -> tuple[Message, ...]:
    text = _TEMPLATES.get_template(template).render(**fields).strip()
    return ({"role": "user", "content": text},)
