"""What planners, critics and coders are asked about plans, and how their answers are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from codeopt.agent.models.chat import Message
from codeopt.agent.plan.observe import CATEGORIES, MOST, loose
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm_prompt import material, opening, rendered, tag
from codeopt.types import Observation, Plan

DIFFERS, NO_GAIN = "differs", "no gain"
_MOST_TITLES = 8
_TEXT = {"type": "string"}


def _form(**fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON schema of an object with these fields."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


PLAN_FORM = _form(title=_TEXT, idea=_TEXT, pseudo_code=_TEXT)
CRITIQUE_FORM = _form(doubt={"type": "string", "enum": [DIFFERS, NO_GAIN, "none"]}, why=_TEXT, input=_TEXT)


class _Planned(BaseModel):
    title: str = Field(min_length=1)
    idea: str = ""
    pseudo_code: str | list[str] = ""


class _Doubted(BaseModel):
    doubt: str = ""
    why: str = ""
    input: Any = ""


def asked(context: ProposeContext, template: str, *quoted: str, **fields: object) -> list[Message]:
    """A question about the program to a planner or critic; `quoted` are the texts that stand between data tags."""
    question = rendered(template, tag=tag(*quoted), **fields).rstrip("\n")
    return [
        {"role": "system", "content": rendered("plan_system.j2")},
        {"role": "user", "content": f"{material(context, numbered=True)}\n\n{question}"},
    ]


def observe(context: ProposeContext, known: Sequence[Observation]) -> list[Message]:
    """Asks for observations, other ones than those that are known."""
    claims = [one.claim for one in known]
    return asked(context, "plan_observe.j2", *claims, known=known, most=MOST, categories=CATEGORIES)


def derive(context: ProposeContext, known: Sequence[Observation], pairs: Sequence[tuple[int, ...]]) -> list[Message]:
    """Asks what follows from pairs of observations, numbered from 1."""
    claims = [one.claim for one in known]
    return asked(context, "plan_derive.j2", *claims, known=known, pairs=pairs, categories=CATEGORIES)


def plan(context: ProposeContext, known: Sequence[Observation], titles: Sequence[str]) -> list[Message]:
    """Asks for a plan that rests on some observations, another one than those with these titles."""
    titles = titles[-_MOST_TITLES:]
    unwanted = context.person.unwanted if context.person is not None else ()
    quoted = [*(one.claim for one in known), *titles, *unwanted]
    return asked(context, "plan_plan.j2", *quoted, known=known, titles=titles, unwanted=unwanted)


def critique(context: ProposeContext, made: Plan) -> list[Message]:
    """Asks what is wrong with a plan."""
    call = f"{context.function.rpartition('.')[2]}(…)" if context.function else ""
    return asked(context, "plan_critique.j2", *_quoted(made), plan=made, function=context.function, call=call)


def edit(context: ProposeContext, made: Plan, whole: bool) -> list[Message]:
    """Asks for the code of a plan; `whole` rules out SEARCH/REPLACE blocks."""
    # A whole file is what kernels are asked for in any case.
    fields = {"plan": made, "whole": whole and not context.kind, "function": context.function}
    return opening(context, rendered("plan_edit.j2", tag=tag(*_quoted(made)), **fields).rstrip("\n"))


def read_plan(text: str) -> dict[str, str] | None:
    """Title, idea and pseudo-code of an answer; None where it is no plan."""
    try:
        found = _Planned.model_validate(loose(text))
    except ValidationError:
        return None
    outline = found.pseudo_code if isinstance(found.pseudo_code, str) else "\n".join(found.pseudo_code)
    return {"title": " ".join(found.title.split())[:200], "idea": found.idea[:2000], "pseudo_code": outline[:4000]}


def read_critique(text: str) -> dict[str, str]:
    """Doubt, words and counterexample of an answer; no doubt where it is no critique."""
    try:
        found = _Doubted.model_validate(loose(text))
    except ValidationError:
        return {}
    doubt = found.doubt.strip().lower().replace("_", " ")
    shown = found.input if isinstance(found.input, str) else repr(found.input)
    return {
        "doubt": doubt if doubt in (DIFFERS, NO_GAIN) else "",
        "critique": " ".join(found.why.split())[:600],
        "counterexample": shown[:5000] if doubt == DIFFERS else "",
    }


def _quoted(made: Plan) -> tuple[str, ...]:
    return made.title, made.idea, made.pseudo_code, made.critique, made.counterexample
