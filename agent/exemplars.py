"""Verified changes of earlier runs as examples in a model's prompt, those of the most similar code, the nearest last.

This is the dynamic retrieval-based few-shot prompting of Shypula et al. (Learning Performance-Improving Code Edits,
ICLR 2024), over pairs that a holdout has proved, and with similarity of shingles in the place of a model's embeddings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codeopt.agent.similarity import Piece, Shingles, parts, pieces, similarities
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.trace import TRACE_FILE, CandidateMade, RunStarted, VerdictReached, read_trace, scrub
from codeopt.types import Candidate, Exemplar, Measurement

SHOWN = 2
SIDE_CHARS = 3000
"""Longest side of a pair that is shown: half of a change teaches nothing, so a longer one is left out."""
FLOOR = 0.3
"""Similarity from which on a pair is shown. Of programs of MBPP and HumanEval on which a rewrite rule works, one pair in
seventy is so similar; of the two nearest ones that are, three in four share a rule (of all pairs, one in twelve)."""
_NOTE_CHARS = 300
_UNREADABLE = (UserError, OSError, ValueError, SyntaxError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Pair:
    """A change that a run proved.

    Attributes:
        run: Folder of the run.
        measured: The holdout.
        note: What the steps that led to it say they changed.
        slow, fast: What it touched, before and after.
    """

    run: Path
    measured: Measurement
    note: str
    slow: tuple[Piece, ...]
    fast: tuple[Piece, ...]

    @property
    def shingles(self) -> Shingles:
        return sum((piece.shingles for piece in self.slow), Counter())

    def shown(self, similarity: float) -> Exemplar:
        """As a model is shown it."""
        return Exemplar(
            run=str(self.run),
            similarity=round(similarity, 3),
            measured=self.measured,
            note=self.note,
            slow=_joined(self.slow),
            fast=_joined(self.fast),
        )


def checked(folders: Iterable[Path], task: Task, proposers: Sequence[str]) -> tuple[str, ...]:
    """Absolute paths of folders with earlier runs, where the run that is to be started can use them.

    Raises:
        UserError: There is no such folder, or nobody who is shown what it holds.
    """
    found = tuple(str(folder.absolute()) for folder in folders)
    if found and "llm" not in proposers:
        raise UserError("--exemplars are shown to a model, and none is used", "name one with --model NAME")
    if found and task.kind == "kernel":
        raise UserError("--exemplars are for functions and programs, not for kernels", "leave them out")
    for folder in found:
        if not Path(folder).is_dir():
            raise UserError(f"--exemplars {folder}: no such folder", "give a folder of runs, such as .codeopt/runs")
    return found


def choose(
    folders: Iterable[str], task: Task, source: str, secrets: Iterable[str]
) -> tuple[tuple[Exemplar, ...], str]:
    """The pairs below `folders` whose slow sides are most like a program, nearest last, and a line that says so.

    What the program's file holds already, slow side or fast, is never among them: that would be the answer, not an
    example.

    Args:
        folders: Where runs are searched for.
        task: What is optimised.
        source: The program's text.
        secrets: What no pair may hold.
    """
    pairs, told = collect(folders, task.language, secrets)
    try:
        here = {piece.mark for piece in pieces(source, task.language)}
        query = parts(source, task.language, task.function)
    except (SyntaxError, ValueError):  # of a newer Python than this one
        here, query = set(), []
    other = [pair for pair in pairs if not any(here.issuperset(p.mark for p in side) for side in (pair.slow, pair.fast))]
    near = similarities(query, [pair.shingles for pair in other])
    order = sorted(range(len(other)), key=lambda at: near[at])[-SHOWN:]
    found = tuple(other[at].shown(near[at]) for at in order if near[at] >= FLOOR)
    alike = ", ".join(f"{exemplar.similarity:.2f}" for exemplar in found) or "none is similar enough"
    return found, f"exemplars: {len(found)} of {len(pairs)} earlier changes are shown to the model ({alike}){told}"


def collect(folders: Iterable[str], language: str, secrets: Iterable[str]) -> tuple[list[Pair], str]:
    """The pairs of all runs below `folders`, of equal slow sides the fastest, and what to say of unreadable runs."""
    best: dict[frozenset[str], Pair] = {}
    unreadable: list[str] = []
    runs = {path.parent for folder in folders for path in Path(folder).rglob(TRACE_FILE)}
    for run in sorted(runs):
        try:
            for pair in _proved(run, language, tuple(secrets)):
                key = frozenset(piece.mark for piece in pair.slow)
                if key not in best or pair.measured.low > best[key].measured.low:
                    best[key] = pair
        except _UNREADABLE as error:
            why = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", str(error))
            unreadable.append(f"{run.name}: {why[:200] or type(error).__name__}")
    told = f"; {len(unreadable)} of {len(runs)} runs cannot be read ({unreadable[0]})" if unreadable else ""
    return list(best.values()), told


def _proved(run: Path, language: str, secrets: tuple[str, ...]) -> Iterator[Pair]:
    """The pairs of one run: mostly one or none.

    A gain that is in part that of compiler flags is left out, as is a text in which a key was blanked out.
    """
    file = ""
    made: dict[str, Candidate] = {}
    proved: dict[str, Measurement] = {}
    for event in read_trace(run):
        if isinstance(event, RunStarted):
            if event.task.get("language") != language or event.task.get("kind") == "kernel":
                return
            file = str(event.task.get("file"))
        elif isinstance(event, CandidateMade):
            made[event.candidate.id] = event.candidate
        elif isinstance(event, VerdictReached):
            proved.pop(event.candidate, None)  # a run that was resumed may have decided again
            if event.verdict.accepted and event.verdict.holdout is not None:
                proved[event.candidate] = event.verdict.holdout
    original = run / "original" / Path(file).name
    if not proved or not original.is_file():  # a run that was killed before its report has no copy
        return
    for name in [name for name in proved if name in made]:
        proposal = made[name].proposal
        texts = (_measured(original), proposal.source, _story(made, name))
        old, new, note = (scrub(text, secrets) for text in texts)
        if proposal.flags or "***" in old + new:
            continue
        slow, fast = _changed(pieces(old, language), pieces(new, language))
        if max(len(_joined(slow)), len(_joined(fast))) <= SIDE_CHARS:
            yield Pair(run, proved[name], note, slow, fast)


def _measured(original: Path) -> str:
    """The program that a run started from. Raises UserError where the run's copy is not what it measured."""
    data = original.read_bytes()
    result = json.loads((original.parents[1] / "result.json").read_bytes())
    if not isinstance(result, dict) or result.get("source_sha256") != hashlib.sha256(data).hexdigest():
        raise UserError(f"{original} is not what the run measured", "restore the run's folder")
    return data.decode("utf-8")


def _story(made: dict[str, Candidate], name: str) -> str:
    """The notes of a candidate and of what it was made from, oldest first, without line numbers."""
    notes: list[str] = []
    left = dict(made)
    while name in left:
        candidate = left.pop(name)
        notes.insert(0, re.sub(r"\bline \d+: ", "", candidate.proposal.note))
        name = candidate.parent
    return "; ".join(notes)[:_NOTE_CHARS]


def _changed(old: Sequence[Piece], new: Sequence[Piece]) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The pieces that only one side has; all of both where that would leave a side empty."""
    before, after = ({(piece.owner, piece.mark) for piece in side} for side in (old, new))
    slow = tuple(piece for piece in old if (piece.owner, piece.mark) not in after)
    fast = tuple(piece for piece in new if (piece.owner, piece.mark) not in before)
    return (slow, fast) if slow and fast else (tuple(old), tuple(new))


def _joined(side: Iterable[Piece]) -> str:
    lines: list[str] = []
    owner = ""
    for piece in side:
        if piece.owner != owner and piece.owner:
            lines.append(piece.owner)
        owner = piece.owner
        lines.append(piece.text)
    return "\n".join(lines)
