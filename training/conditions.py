"""What a prompt says besides the program: the score that is wanted, or where the time goes.

Both are learnt from data that holds slow and fast programs alike, and asked for at inference: `score` is PIE's performance
tag (Shypula et al., ICLR 2024, section 3.3), `plan` has the model read a profile and say what it will do before it does it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Condition = Literal["", "score", "plan"]
Text = str | list[dict[str, str]]
BEST = 10
"""Scores go from 1 to this one, which the fastest known program has."""


def asking(prompt: Text, condition: Condition, profile: str = "") -> Text:
    """A prompt as the model is asked at inference, and as GRPO asks it."""
    if condition == "score":
        return _longer(prompt, _score(BEST))
    return _longer(prompt, _plan(profile)) if condition == "plan" else prompt


def template(text: str, condition: Condition) -> str:
    """A suite's template of prompts (Jinja) as a model is asked that was trained under a condition."""
    if condition == "score":
        return f"{text.rstrip()}\n\n{_score(BEST)}\n"
    if condition == "plan":
        profile = "{% if profile is defined and profile %}Where its time goes:\n{{ profile }}\n\n{% endif %}"
        return f"{text.rstrip()}\n\n{profile}{_plan('')}\n"
    return text


def spoken(row: Mapping[str, Any], chat: bool) -> dict[str, Any]:
    """The texts of a row as conversations where the model has a chat template, and plain where it has none.

    A model is asked through its template wherever it is used, so it is trained through it, too.
    """
    roles = {"prompt": "user", "completion": "assistant", "chosen": "assistant", "rejected": "assistant"}
    said: dict[str, Any] = {name: _said(row[name], role, chat) for name, role in roles.items() if name in row}
    if "completions" in row:
        said["completions"] = [_said(one, "assistant", chat) for one in row["completions"]]
    return said


def _said(text: Text, role: str, chat: bool) -> Text:
    if chat:
        return [{"role": role, "content": text}] if isinstance(text, str) else text
    return text if isinstance(text, str) else "\n\n".join(message["content"] for message in text)


def examples(rows: Sequence[Mapping[str, Any]], condition: Condition, best: int = 0) -> list[dict[str, Any]]:
    """Prompts and completions to learn from.

    Args:
        rows: Of the form `sft`.
        condition: "score" takes all rows, each under the score that its speedup has among those of its program; "plan" takes
            those whose plan is known, and puts it before the code.
        best: Completions that are kept of each program, the fastest ones; 0 keeps all.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(json.dumps(row["prompt"]), []).append(row)
    made = []
    for group in groups.values():
        most = max(row["speedup"] for row in group)
        for row in sorted(group, key=lambda row: -row["speedup"])[: best or None]:
            prompt, completion = row["prompt"], row["completion"]
            if condition == "score":
                prompt = _longer(prompt, _score(score(row["speedup"], most)))
            elif condition == "plan":
                if not row["plan"]:
                    continue
                prompt, completion = _longer(prompt, _plan(row["profile"])), _after(row["plan"], completion)
            made.append({"prompt": prompt, "completion": completion})
    return made


def score(speedup: float, most: float) -> int:
    """1 to 10: the share that the log-speedup is of the largest one of the same program."""
    return max(1, min(BEST, math.ceil(BEST * math.log(speedup) / math.log(most) - 1e-9))) if most > 1 else BEST


def _score(number: int) -> str:
    return f"The answer's score is to be {number} of {BEST}; the fastest known program has {BEST}."


def _plan(profile: str) -> str:
    where = f"Where its time goes:\n{profile}\n\n" if profile else ""
    return f"{where}First say what makes it faster, then give the program."


def _longer(text: Text, more: str) -> Text:
    """A prompt with something at its end."""
    if isinstance(text, str):
        return f"{text}\n\n{more}"
    return [*text[:-1], {**text[-1], "content": f"{text[-1]['content']}\n\n{more}"}]


def _after(plan: str, text: Text) -> Text:
    """A completion with something before it."""
    if isinstance(text, str):
        return f"{plan}\n\n{text}"
    return [{**text[0], "content": f"{plan}\n\n{text[0]['content']}"}, *text[1:]]
