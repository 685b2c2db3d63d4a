"""Decontamination: problems out of a dataset whose programs or texts are those of suites that models are judged by.

Three rules, any of which is enough:

- `same`: the normal form (see `lexing`) of the whole program, imports and parentheses left out, or of a function of at least
  `LEAST_TOKENS` tokens, is a protected one's.
- `near`: the Jaccard similarity of the shingles of the program, or of one of its functions, with a protected one's is at
  least the threshold. It is what MinHash estimates, computed exactly: what is protected is small enough.
- `words`: 13 words in a row of the program's text, docstrings and comments included, stand in a protected prompt (Brown et
  al. 2020, appendix C; prompts of 8 to 12 words count whole, as there). Rows of words that are mostly numbers are no
  evidence.

A problem goes whole: its pairs, failures, observations and trajectories.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from codeopt.datasets.lexing import LEFT_OUT, OWN, SHINGLE, Lexed, hash_of, lex, rolling, words
from codeopt.datasets.parallel import over_shards
from codeopt.datasets.records import RECORDED, Failure, Pair, Seen, Step
from codeopt.datasets.rewrite import fresh, rewrite
from codeopt.datasets.store import Dataset, Filter, Manifest, Shard, batches_of, replace
from codeopt.errors import UserError

LEAST_TOKENS = 30
LEAST_SHINGLES = 12
"""Of a program that `near` is asked about: smaller ones are alike by chance."""
GRAM, SHORTEST = 13, 8
LEAST_WORDS = 7
"""Different words that are no numbers, in a row of words that counts."""
EXAMPLES = 10
"""Of each suite and rule, in the report."""
RULES = ("same", "near", "words")
REPORT, READABLE = "decontamination.json", "decontamination.md"
PROGRAMS = {Pair.config: ("input", "target"), Failure.config: ("input", "target"), Seen.config: ("input",), Step.config: ("text",)}
PROGRAM_EVENTS = frozenset(("baseline", "candidate"))
"""Events of a trajectory whose text is a program; of others the words count only."""


class Protected(NamedTuple):
    """A text that must not be in the data.

    Attributes:
        suite: Name of the suite or folder.
        problem: Its problem's name.
        language: Of the program.
        program: A solution; "" for none.
        prompt: What models are asked; "" for none.
    """

    suite: str
    problem: str
    language: str
    program: str
    prompt: str


class Match(NamedTuple):
    """One reason to remove a problem: the rule, the suite, the suite's problem, and the similarity (1 but for `near`)."""

    rule: str
    suite: str
    problem: str
    similarity: float


class Index:
    """What is protected, ready to be asked.

    Args:
        texts: Of all suites.
        threshold: Similarity from which programs are near.
    """

    def __init__(self, texts: Iterable[Protected], threshold: float) -> None:
        self.threshold = threshold
        self.owners: list[tuple[str, str]] = []
        self.sizes: list[int] = []
        self.same: dict[int, list[tuple[str, str]]] = {}
        self.grams: dict[int, list[tuple[str, str]]] = {}
        self.gram_sizes = set[int]()
        posted: dict[int, list[int]] = {}
        for text in texts:
            owner = (text.suite, text.problem)
            for tokens, grams, whole in pieces(lex(text.program, text.language)):
                if whole or len(tokens) >= LEAST_TOKENS:
                    _add(self.same, _form(tokens), owner)
                if len(grams) >= LEAST_SHINGLES:
                    for gram in grams:
                        posted.setdefault(gram, []).append(len(self.owners))
                    self.owners.append(owner)
                    self.sizes.append(len(grams))
            said = words(text.prompt)
            for number in _evidence(said):
                self.gram_sizes.add(min(GRAM, len(said)))
                _add(self.grams, number, owner)
        self.posted: dict[int, npt.NDArray[np.int64]] = {gram: np.array(own) for gram, own in posted.items()}

    def program(self, text: str, language: str) -> Iterator[Match]:
        """Why a program must not be in the data, its words included."""
        for tokens, grams, whole in pieces(lex(text, language)):
            near = list(self._near(grams))
            yield from near
            # Equal forms have equal shingles: most programs need not be hashed.
            alike = len(grams) < LEAST_SHINGLES or any(one.similarity == 1.0 for one in near)
            if alike and (whole or len(tokens) >= LEAST_TOKENS):
                yield from (Match("same", *owner, 1.0) for owner in self.same.get(_form(tokens), ()))
        yield from self.words(text)

    def words(self, text: str) -> Iterator[Match]:
        """Which prompts have a row of words in common with a text."""
        said = words(text)
        for size in self.gram_sizes if len(said) >= SHORTEST else ():
            for number in self.grams.keys() & set(rolling(said, size).tolist()):
                yield from (Match("words", *owner, 1.0) for owner in self.grams[number])

    def _near(self, grams: frozenset[int]) -> Iterator[Match]:
        if len(grams) < LEAST_SHINGLES:
            return
        shared = self.posted.keys() & grams
        if len(shared) < self.threshold * len(grams):
            return
        counts = np.bincount(np.concatenate([self.posted[gram] for gram in shared]))
        for at in np.flatnonzero(counts >= self.threshold * len(grams)).tolist():
            common = int(counts[at])
            similarity = common / (len(grams) + self.sizes[at] - common)
            if similarity >= self.threshold:
                yield Match("near", *self.owners[at], similarity)


def pieces(lexed: Lexed) -> Iterator[tuple[Sequence[str], frozenset[int], bool]]:
    """(tokens, shingles, True) of a program without its imports, and with False of its top-level functions where it has several."""
    tokens = lexed.tokens[lexed.imports :]
    whole = rolling([token for token in tokens if token not in LEFT_OUT], SHINGLE).tolist()
    yield tokens, frozenset(whole), True
    if len(lexed.starts) > 1:
        places = list(accumulate((token not in LEFT_OUT for token in tokens), initial=0))
        for begin, end in lexed.starts:
            begin, end = begin - lexed.imports, end - lexed.imports
            yield tokens[begin:end], frozenset(whole[places[begin] : max(places[begin] + 1, places[end] - SHINGLE + 1)]), False


def _form(tokens: Sequence[str]) -> int:
    """A hash of a part of a normal form, without its parentheses: formatters add and drop them."""
    return hash_of(renumbered([token for token in tokens if token not in "()"]))


def renumbered(tokens: Sequence[str]) -> list[str]:
    """A part of a normal form, with its own names numbered from 0."""
    numbers: dict[str, str] = {}
    return [numbers.setdefault(token, f"{OWN}{len(numbers)}") if token[0] == OWN else token for token in tokens]


def _add(found: dict[int, list[tuple[str, str]]], number: int, owner: tuple[str, str]) -> None:
    own = found.setdefault(number, [])
    if owner not in own:
        own.append(owner)


def _evidence(said: Sequence[str]) -> Iterator[int]:
    """Hashes of the rows of words of a prompt that are evidence."""
    size = min(GRAM, len(said))
    if size >= SHORTEST:
        for at, number in enumerate(rolling(said, size).tolist()):
            if len({word for word in said[at : at + size] if not word.isdigit()}) >= LEAST_WORDS:
                yield number


def decontaminate(
    source: Dataset, out: Path, texts: Sequence[Protected], *, threshold: float, left_out: Mapping[str, str]
) -> tuple[Manifest, dict[str, Any]]:
    """Write a dataset without what is protected, with `decontamination.json` and a readable report in it.

    Memory: what is protected, the ids of the problems that go, and a shard; programs are streamed.

    Args:
        texts: What is protected.
        threshold: Similarity from which programs are near, 0..1.
        left_out: Suite that was not checked -> why; for the report.

    Returns:
        The manifest and the report.

    Raises:
        UserError: `out` is not empty, nothing is protected, or a shard is damaged.
    """
    if not 0.0 < threshold <= 1.0:
        raise UserError(f"--threshold {threshold:g}: not a similarity", "give one above 0, up to 1, like 0.8")
    if not texts:
        raise UserError("there is nothing to check against", "name a suite that has data here with --against, or a --folder")
    fresh(out)
    found = find(source, texts, threshold)
    gone: Counter[str] = Counter()

    def mask(shard: Shard, table: pa.Table) -> list[bool]:
        stays = [name not in found for name in table["problem_id"].to_pylist()]
        gone[shard.config] += len(stays) - sum(stays)
        return stays

    suites = {text.suite: None for text in texts}
    told = f"{len(found)} problems had programs or words of {', '.join(suites)}; not checked: {', '.join(left_out) or 'none'}."
    parameters = {"against": list(suites), "threshold": threshold, "gram": GRAM}
    before = source.count(Pair.config)
    manifest = rewrite(source, out, done=Filter(name="decontaminate", parameters=parameters, before=before, after=0, told=told), mask=mask)
    report = _report(texts, threshold, left_out, found, gone)
    replace(out / REPORT, json.dumps(report, indent=1) + "\n")
    replace(out / READABLE, readable(report))
    return manifest, report


def find(source: Dataset, texts: Sequence[Protected], threshold: float) -> dict[str, set[Match]]:
    """Problem -> why it has to go, for those that have to."""
    index = Index(texts, threshold)
    shards = [shard for kind in RECORDED for shard in source.shards(kind.config)]
    found: dict[str, set[Match]] = {}
    for part in over_shards(_matches, shards, index):
        for problem, matches in part.items():
            found.setdefault(problem, set()).update(matches)
    return found


def _matches(shard: Shard, index: Index) -> dict[str, set[Match]]:
    """The matches of a shard's problems."""
    found: dict[str, set[Match]] = {}
    texts = PROGRAMS[shard.config]
    columns = ("problem_id", *texts, "event" if shard.config == Step.config else "language")
    for batch in batches_of(shard, columns):
        known: dict[tuple[str, str], frozenset[Match]] = {}  # a program stands in many pairs of its problem
        for row in batch.to_pylist():
            for column in texts:
                text = row[column] or ""
                program = row.get("event", "candidate") in PROGRAM_EVENTS
                language = row.get("language") or ("cpp" if "#include" in text else "python")
                key = (language if program else "", text)
                if key not in known:
                    known[key] = frozenset(index.program(text, language) if program else index.words(text))
                if known[key]:
                    found.setdefault(row["problem_id"], set()).update(known[key])
    return found


def _report(
    texts: Sequence[Protected], threshold: float, left_out: Mapping[str, str], found: Mapping[str, set[Match]], gone: Mapping[str, int]
) -> dict[str, Any]:
    """The report as data."""
    suites: dict[str, Any] = {}
    for text in texts:
        suites.setdefault(text.suite, {"problems": set(), "programs": 0, "prompts": 0})
        suites[text.suite]["problems"].add(text.problem)
        suites[text.suite]["programs"] += bool(text.program)
        suites[text.suite]["prompts"] += bool(text.prompt)
    for name, about in suites.items():
        matched = {rule: sorted((problem, one) for problem, own in found.items() for one in own if one[:2] == (rule, name)) for rule in RULES}
        about["problems"] = len(about["problems"])
        about["removed"] = {rule: len({problem for problem, _ in rows}) for rule, rows in matched.items()}
        about["found"] = {rule: len({one.problem for _, one in rows}) for rule, rows in matched.items()}
        about["examples"] = {
            rule: [{"problem_id": problem, "is": one.problem, "similarity": round(one.similarity, 3)} for problem, one in rows[:EXAMPLES]]
            for rule, rows in matched.items()
        }
    return {
        "threshold": threshold,
        "gram": GRAM,
        "removed_problems": len(found),
        "removed_rows": dict(gone),
        "suites": suites,
        "not_checked": dict(left_out),
        "problem_ids": sorted(found),
    }


def readable(report: Mapping[str, Any]) -> str:
    """The report for a person."""
    rows = ", ".join(f"{count} {name}" for name, count in report["removed_rows"].items()) or "none"
    lines = [
        "# Decontamination",
        "",
        f"{report['removed_problems']} problems were removed whole (rows: {rows}).",
        "",
        f"Rules: `same` normal form; `near`, Jaccard similarity of token shingles from {report['threshold']:g}; `words`, {report['gram']} in a row.",
        "",
        "| suite | its problems | programs | prompts | removed: same | near | words |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, about in report["suites"].items():
        counts = " | ".join(str(about["removed"][rule]) for rule in RULES)
        lines.append(f"| {name} | {about['problems']} | {about['programs']} | {about['prompts']} | {counts} |")
    lines += ["", "Not checked:", "", *(f"- {name}: {why}" for name, why in report["not_checked"].items())]
    if not report["not_checked"]:
        lines[-1] = "none."
    for name, about in report["suites"].items():
        for rule in RULES:
            if about["examples"][rule]:
                lines += ["", f"## {name}: {rule}", ""]
                lines += [f"- {one['problem_id']} is {one['is']} ({one['similarity']:.2f})" for one in about["examples"][rule]]
    return "\n".join(lines) + "\n"
