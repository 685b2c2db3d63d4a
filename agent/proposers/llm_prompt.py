"""The words that a model is given: templates of agent/prompts, filled with the program and what is known about it."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import astuple, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from codeopt.agent.models.chat import Message
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm_extract import EditError, parse_python
from codeopt.agent.proposers.llm_splice import find_def
from codeopt.types import Proposal, Verdict

MAX_FILE_CHARS = 48_000
MAX_ATTEMPTS = 6
_EVIDENCE_CHARS = 1500
_DIFF_LINES = 60
_HOT_ROWS = 15

_TITLES = {"python": "Python", "cpp": "C++"}
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "prompts"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)


@dataclass(frozen=True)
class _Attempt:
    """One earlier try, as the prompt shows it."""

    status: str
    speed: str
    note: str
    diff: str
    evidence: str


def opening(context: ProposeContext, more: str = "") -> list[Message]:
    """The system message and the task, with the attempts on this parent so far; `more` follows the task."""
    prefix = f"{context.kind}_" if context.kind else ""
    system = rendered(
        f"{prefix}system.j2",
        language=context.language,
        title=_TITLES[context.language],
        function=context.function,
        excerpt=shown_source(context)[1],
    )
    task = "\n\n".join(filter(None, (material(context), more)))
    return [{"role": "system", "content": system}, {"role": "user", "content": task}]


def rendered(template: str, **fields: object) -> str:
    """A template of agent/prompts, filled."""
    return _TEMPLATES.get_template(template).render(**fields)


def material(context: ProposeContext, numbered: bool = False) -> str:
    """The task: the program, where its time goes, what was tried on it, and what the person who owns it says.

    Args:
        context: All of that.
        numbered: Lines and rows have numbers, for whoever is to cite them.
    """
    text, excerpt = shown_source(context, numbered)
    profile = context.profile
    prefix = f"{context.kind}_" if context.kind else ""
    hot = _hot(context)
    if numbered:
        hot = [f"row {number}: {row.strip()}" for number, row in enumerate(hot, 1)]
    attempts = [_attempt(context, *tried) for tried in list(context.history)[-MAX_ATTEMPTS:]]
    examples = [part for shown in context.exemplars for part in (shown.note, shown.slow, shown.fast)]
    told = [part for attempt in attempts for part in astuple(attempt)]
    task = rendered(
        f"{prefix}fresh.j2",
        language=context.language,
        function=context.function,
        file_name=_line(context.file_name) or ("the file" if context.language == "python" else "main.cpp"),
        excerpt=excerpt,
        source=text,
        tag=tag(text, context.parent.proposal.note, *hot, *examples, *told),
        tool=profile.tool if profile else "",
        hot=hot,
        compiler=_line(context.compiler),
        inputs=context.inputs,
        available=", ".join(sorted(context.available)),
        limits=context.limits,
        attempts=attempts,
        gained=context.gained,
        note=context.parent.proposal.note,
        exemplars=context.exemplars,
    ).rstrip("\n")
    if context.hints:
        task += "\n\n" + rendered("hints.j2", tag=tag(*context.hints), hints=context.hints).rstrip("\n")
    return task


def repair(context: ProposeContext, proposal: Proposal, verdict: Verdict) -> list[Message]:
    """What follows `opening` when the newest attempt failed: the attempt itself and what the machine saw."""
    evidence = verdict.evidence[:_EVIDENCE_CHARS]
    request = _TEMPLATES.get_template("repair.j2").render(
        status=verdict.status.value.replace("_", " "),
        evidence=evidence,
        tag=tag(evidence),
    )
    said = f"{proposal.note}\n\n{as_blocks(context.source, proposal.source)}"
    return [{"role": "assistant", "content": said}, {"role": "user", "content": request}]


def again(answer: str, reason: str) -> list[Message]:
    """What follows when an answer could not be made into an edit."""
    request = _TEMPLATES.get_template("again.j2").render(reason=reason)
    return [{"role": "assistant", "content": answer}, {"role": "user", "content": request}]


def as_blocks(old: str, new: str) -> str:
    """A change in the form in which a model may answer: SEARCH/REPLACE blocks, with two lines of context."""
    before, after = old.split("\n"), new.split("\n")
    blocks = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(2):
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        search, replace = "\n".join(before[i1:i2]), "\n".join(after[j1:j2])
        blocks.append(f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE")
    return "\n\n".join(blocks)


def shown_source(context: ProposeContext, numbered: bool = False) -> tuple[str, str]:
    """The text to show, and a line that says so when it is not the whole file ("" when it is).

    Of a file longer than MAX_FILE_CHARS its first lines, the function in question and the lines around the hot ones
    are shown.
    """
    source = context.source
    lines = source.split("\n")
    if numbered:
        lines = [f"{number:4}  {line}" for number, line in enumerate(lines, 1)]
    if len(source) <= MAX_FILE_CHARS:
        return "\n".join(lines), ""
    shown = set(range(min(60, len(lines))))
    rows = context.profile.rows if context.profile else ()
    for row in rows[:_HOT_ROWS]:
        shown |= set(range(max(0, row.line - 20), min(len(lines), row.line + 20))) if row.line else set()
    if context.language == "python" and context.function:
        try:
            node = find_def(parse_python(source), context.function)
        except EditError:
            node = None
        if node is not None:
            shown |= set(range(node.lineno - 1, node.end_lineno or node.lineno))
    parts: list[str] = []
    last = -1
    for number in sorted(shown):
        if number != last + 1:
            parts.append(f"[lines {last + 2} to {number} are not shown]")
        parts.append(lines[number])
        last = number
    text = "\n".join(parts)[: 2 * MAX_FILE_CHARS]
    return text, f"Parts of the file, which has {len(lines)} lines:"


def tag(*quoted: str) -> str:
    """A mark around quoted texts that none of them holds, so that none can close its own quotation.

    It follows from the texts alone (a resumed run asks in the same words), but not simply: a program may compute the
    hash of its own file and print it, and texts that hold their own short hash can be found by trying.
    """
    whole = "\0".join(quoted)
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
    while digest[:10] in whole.lower():
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:10]


def _line(text: str) -> str:
    """A name or a command as one line of words: it stands outside of the quotations."""
    return " ".join(text.replace("`", "'").split())[:200]


def _hot(context: ProposeContext) -> list[str]:
    if context.profile is None:
        return []
    lines = context.source.split("\n")
    rows = []
    for row in context.profile.rows[:_HOT_ROWS]:
        same = not context.file_name or Path(row.file).name == Path(context.file_name).name
        code = lines[row.line - 1].strip()[:160] if same and 0 < row.line <= len(lines) else ""
        where = f"line {row.line}" if row.line else row.function or row.file
        count = f", {row.count} times" if row.count else ""
        note = f"  [{row.note}]" if row.note else ""
        other = "" if same else f" of {row.file}"
        rows.append(f"{row.share:6.1%}  {where}{other}{count}: {code}{note}".rstrip())
    return rows


def _attempt(context: ProposeContext, proposal: Proposal, verdict: Verdict) -> _Attempt:
    measured = verdict.holdout or verdict.search
    speed = f", {measured.speedup:.2f}x ({measured.low:.2f} to {measured.high:.2f})" if measured else ""
    return _Attempt(
        verdict.status.value.replace("_", " "),
        speed,
        proposal.note,
        _diff(context.source, proposal.source, _DIFF_LINES),
        verdict.evidence[:_EVIDENCE_CHARS],
    )


def _diff(old: str, new: str, most: int) -> str:
    lines = list(difflib.unified_diff(old.split("\n"), new.split("\n"), "before", "after", lineterm="", n=1))
    rest = [f"[{len(lines) - most} more lines]"] if len(lines) > most else []
    return "\n".join([*lines[:most], *rest])
