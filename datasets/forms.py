"""The forms that trainers take as they are, made from pairs and failures.

TRL's types (docs of TRL, "Dataset formats and types"): `sft` is prompt-completion, `preference` has an explicit prompt,
`unpaired` is unpaired preference, `prompts` is prompt-only; each plain or conversational. Further columns are left in
the data set by its trainers, and handed to reward functions. `ranked` is none of TRL's: candidates of one program with
scores, as RRHF (Yuan et al. 2023) learns from them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import pyarrow as pa
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from codeopt.datasets.card import TEMPLATES
from codeopt.datasets.records import REFUSED

NAMES = ("sft", "preference", "ranked", "unpaired", "prompts")
MOST_RANKED = 8
MOST_REJECTED = 4
"""For one chosen change: a program with hundreds of failed changes is not to be most of the data."""
_PROGRAM = "\0program\0"
READ_BY_FORMS = (
    "run", "problem_id", "language", "function", "input", "target", "speedup", "low", "high", "proof", "status", "origin", "plan", "note",
    "profile",
)  # fmt: skip
"""Columns of pairs and failures that the forms are made from."""
BAD = {"undecided": None, "not_faster": 0.0, "screen_failed": -2.0, "build_failed": -2.0, "tampered": -3.0}
"""Scores in `ranked` of what is not verified to be faster, by status; None is left out, and the others are wrong: -1."""
WRONG = -1.0
HOTTEST = 8
"""Rows of a profile that a prompt can show."""
_LANGUAGES = {"python": "Python", "cpp": "C++"}
Rows = dict[str, list[dict[str, Any]]]
Ranked = TypeVar("Ranked")


def schema(name: str, chat: bool) -> pa.Schema:
    """Columns of a form."""
    text = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])) if chat else pa.string()
    about = [("problem_id", pa.string()), ("language", pa.string())]
    own = {
        "sft": [("prompt", text), ("completion", text), ("speedup", pa.float64()), ("plan", pa.string()), ("profile", pa.string())],
        "preference": [("prompt", text), ("chosen", text), ("rejected", text), ("margin", pa.float64())],
        "ranked": [("prompt", text), ("completions", pa.list_(text)), ("scores", pa.list_(pa.float64()))],
        "unpaired": [("prompt", text), ("completion", text), ("label", pa.bool_())],
        "prompts": [
            ("prompt", text), ("task_id", pa.string()), ("function", pa.string()), ("input", pa.string()), ("profile", pa.string()),
            ("tried", pa.int64()), ("right", pa.int64()),
        ],
    }  # fmt: skip
    return pa.schema([*own[name], *about])


def forms(pairs: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, Any]], chat: bool) -> Rows:
    """All forms of the pairs and failures of some whole runs.

    A pair whose gain is only claimed, or not verified (its interval reaches down to 1), is nobody's example;
    what was refused is not known to be bad. In `prompts`, `tried` and `right` count what models made of the program.

    Args:
        pairs, failures: Rows of `codeopt.datasets.records.Pair` and `Failure`.
        chat: Conversational.
    """
    verified = [pair for pair in pairs if pair["proof"] != "claimed" and (pair["low"] or 0.0) > 1.0]
    made: Rows = {name: [] for name in NAMES}
    failures = [failure for failure in failures if failure["status"] != REFUSED]
    counts = _tried(pairs, failures)
    seen: set[str] = set()
    for pair in verified:
        about = {"problem_id": pair["problem_id"], "language": pair["language"]}
        prompt, completion = said("user", asked(pair), chat), said("assistant", answered(pair["language"], pair["target"]), chat)
        told = {"plan": _plan(pair), "profile": hottest(pair.get("profile") or "")}
        made["sft"].append({"prompt": prompt, "completion": completion, "speedup": pair["speedup"], **told, **about})
        made["unpaired"].append({"prompt": prompt, "completion": completion, "label": True, **about})
        if pair["input"] not in seen:
            seen.add(pair["input"])
            task = {"task_id": pair["problem_id"], "function": pair["function"], "input": pair["input"], "profile": told["profile"]}
            tried, right = counts.get(pair["input"], (0, 0))
            made["prompts"].append({"prompt": prompt, **task, "tried": tried, "right": right, **about})
    for failure in failures:
        about = {"problem_id": failure["problem_id"], "language": failure["language"]}
        prompt = said("user", asked(failure), chat)
        completion = said("assistant", answered(failure["language"], failure["target"]), chat)
        made["unpaired"].append({"prompt": prompt, "completion": completion, "label": False, **about})
    made["preference"] = [
        {
            "prompt": said("user", asked(better), chat),
            "chosen": said("assistant", answered(better["language"], better["target"]), chat),
            "rejected": said("assistant", answered(better["language"], worse["target"]), chat),
            "margin": margin,
            "problem_id": better["problem_id"],
            "language": better["language"],
        }
        for better, worse, margin in _compared(verified, failures)
    ]
    made["ranked"] = [
        {
            "prompt": said("user", asked(group[0][0]), chat),
            "completions": [said("assistant", answered(row["language"], row["target"]), chat) for row, _ in group],
            "scores": [score for _, score in group],
            "problem_id": group[0][0]["problem_id"],
            "language": group[0][0]["language"],
        }
        for group in _ranked(verified, failures)
    ]
    return made


def hottest(profile: str) -> str:
    """The rows of a profile (JSON) with the largest shares, as a prompt shows them; "" where there is none."""
    rows = sorted(json.loads(profile)["rows"] if profile else (), key=lambda row: -row["share"])[:HOTTEST]
    return "\n".join(
        f"line {row['line']}: {row['share']:.0%} of the time" + (f", {row['count']:,} times" if row.get("count") else "")
        for row in rows
        if row["line"] and row["share"] >= 0.01
    )


def _plan(pair: Mapping[str, Any]) -> str:
    """What makes the fast side faster, in words; what made the slow side slower is no plan."""
    return "" if pair.get("origin") == "inverse rule" else pair.get("plan") or pair.get("note") or ""


def asked(row: Mapping[str, Any]) -> str:
    """The prompt for a pair's slow side."""
    name = row["function"]
    what = f"function `{name}` (the file is shown whole)" if name else "program"
    language = _LANGUAGES.get(row["language"], row["language"])
    program = row["input"].strip("\n")
    return _prompt(language, row["language"], what).replace(_PROGRAM, program)


def answered(language: str, program: str) -> str:
    """The completion: the whole program in one block."""
    fence = "```"
    while fence in program:
        fence += "`"
    text = program.strip("\n")
    return f"{fence}{language}\n{text}\n{fence}"


def said(role: str, text: str, chat: bool) -> str | list[dict[str, str]]:
    """A text, or the message of a conversation."""
    return [{"role": role, "content": text}] if chat else text


@lru_cache(1024)
def _prompt(language: str, fence: str, what: str) -> str:
    """The prompt with a mark where the program goes."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined)
    template = environment.get_template("prompt.md.j2")
    return template.render(language=language, fence=fence, what=what, program=_PROGRAM).strip()


def _tried(pairs: Iterable[Mapping[str, Any]], failures: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Program -> (what models made of it, how much of that was right)."""
    made = [(row["input"], True) for row in pairs if row.get("origin") == "model"]
    made += [
        (row["input"], row["status"] == "not_faster") for row in failures if row.get("origin") == "model" and row["status"] != "undecided"
    ]
    counts: dict[str, tuple[int, int]] = {}
    for program, good in made:
        tried, right = counts.get(program, (0, 0))
        counts[program] = tried + 1, right + good
    return counts


def _ranked(
    verified: Iterable[Mapping[str, Any]], failures: Iterable[Mapping[str, Any]]
) -> Iterator[list[tuple[Mapping[str, Any], float]]]:
    """The changes of one program with their scores, best first: where one is verified and another is worse.

    The score is the lower end of the verified log-speedup. Of many, the best and a spread of the others are kept.
    """
    groups: dict[tuple[str, str], list[tuple[Mapping[str, Any], float]]] = {}
    for row in (*verified, *failures):
        key, score = (row["run"], row["input"]), graded(row)
        if score is not None and ("status" not in row or key in groups):
            groups.setdefault(key, []).append((row, score))
    for group in groups.values():
        best = {row["target"]: (row, score) for row, score in sorted(group, key=lambda one: one[1])}
        ordered = spread(sorted(best.values(), key=lambda one: -one[1]))
        if ordered[0][1] > ordered[-1][1]:
            yield ordered


def graded(row: Mapping[str, Any]) -> float | None:
    """The score of a pair's fast side, or of a failure; None where there is none to speak of."""
    if "status" in row:
        return BAD.get(row["status"], WRONG)
    return math.log(row["low"]) if row["low"] else None


def spread(ordered: list[Ranked]) -> list[Ranked]:
    """At most as many as a row of `ranked` has, the first and the last among them."""
    if len(ordered) <= MOST_RANKED:
        return ordered
    return [ordered[round(at * (len(ordered) - 1) / (MOST_RANKED - 1))] for at in range(MOST_RANKED)]


def _compared(
    verified: Iterable[Mapping[str, Any]], failures: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], float]]:
    """(better, worse, how much better in log-speedup) of the changes of one program, measured on one machine in one run."""
    groups: dict[tuple[str, str], list[tuple[Mapping[str, Any], float, float, float]]] = {}
    for pair in verified:
        row = (pair, math.log(pair["speedup"]), math.log(pair["low"]), math.log(pair["high"]))
        groups.setdefault((pair["run"], pair["input"]), []).append(row)
    bad: dict[tuple[str, str], list[tuple[Mapping[str, Any], float]]] = {}
    for failure in failures:
        # What is wrong leaves the old program in place: nothing is gained.
        gained = math.log(failure["speedup"]) if failure["speedup"] else 0.0
        bad.setdefault((failure["run"], failure["input"]), []).append((failure, gained))
    for key, group in groups.items():
        group.sort(key=lambda row: -row[1])
        for at, (pair, gain, low, _) in enumerate(group):
            slower = [(other, less) for other, less, _, high in group[at + 1 :] if high < low]
            worse = [*slower, *((failure, less) for failure, less in bad.get(key, ()) if less < low)]
            for other, less in worse[:MOST_REJECTED]:
                if other["target"] != pair["target"]:
                    yield pair, other, gain - less
