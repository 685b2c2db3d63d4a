"""The candidates of a run as a tree: each with its plan, its edit, its verdict and the evidence, to be opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from codeopt.agent.story.read import Node, Story
from codeopt.page import code
from codeopt.page.html import counted, times
from codeopt.types import BASELINE, SIMPLIFY, Measurement, Observation, Plan, Status, Verdict

MOST_DEPTH = 40
"""Levels that are indented; what is deeper stands on the last one and says what it was made from."""
MOST_EVIDENCE = 3000
DULL = (Status.NOT_FASTER, Status.UNDECIDED)


@dataclass(frozen=True)
class View:
    """A candidate as the page shows it.

    Attributes:
        style: "ok", "bad" or "muted", as its status is.
        gain: Against what it had to beat.
        chosen: It is part of the result.
        plan: That it follows, with the observations that the plan rests on.
        edit: What it changes in its parent, as HTML; "" where nothing.
    """

    node: Node
    style: str
    status: str
    gain: str
    chosen: bool
    plan: Plan | None
    uses: tuple[Observation, ...]
    edit: Markup
    evidence: str
    said: list[str]


@dataclass(frozen=True)
class Part:
    """A step on a walk through the tree: "node", "in" (its children follow), "out" (they are over) or "end" of the node."""

    kind: str
    view: View | None = None
    count: int = 0
    told: str = ""
    chosen: bool = False


def walk(story: Story) -> Iterator[Part]:
    """The tree from the baseline on, depth first, without recursion: a trace may hold any depth."""
    winner = story.winner
    path = {node.id for node in story.lineage(winner)} | {BASELINE} if winner is not None else {BASELINE}
    waiting: list[tuple[Node, int, Iterator[Node] | None]] = [(story.root, 0, None)]
    while waiting:
        node, depth, children = waiting.pop()
        if children is None:
            yield Part("node", view=view(story, node, node.id in path))
            if not node.children:
                yield Part("end")
                continue
            if depth < MOST_DEPTH:
                yield Part("in", count=len(node.children), told=summed(node.children), chosen=node.id in path)
            else:
                yield Part("end")
            children = iter(node.children)
        child = next(children, None)
        if child is not None:
            waiting += [(node, depth, children), (child, depth + 1, None)]
        elif depth < MOST_DEPTH:
            yield Part("out")
            yield Part("end")


def summed(nodes: list[Node]) -> str:
    """How many became what."""
    counts = Counter(status(node) for node in nodes)
    return counted((count_name, count) for count_name, count in counts.most_common())


def status(node: Node) -> str:
    """What became of a candidate, in words."""
    if node.id == BASELINE:
        return "as it was"
    if node.held is not None:
        return "verified" if node.held.accepted else "refused by the holdout"
    return words(node.verdict.status) if node.verdict is not None else "no verdict"


def words(of: Status) -> str:
    """A status as words."""
    return "accepted" if of is Status.OK else str(of).replace("_", " ")


def view(story: Story, node: Node, chosen: bool) -> View:
    """What the page shows of a candidate."""
    proposal, verdict, plan = node.candidate.proposal, node.verdict, story.plans.get(node.candidate.proposal.plan)
    deciding = node.held or verdict
    style = "muted"
    if deciding is not None and deciding.status not in DULL:
        style = "ok" if deciding.accepted else "bad"
    measured = verdict.search if verdict is not None else None
    if measured is None and node.held is not None:
        measured = node.held.holdout
    parent = story.nodes.get(node.candidate.parent, story.root)
    edit = [] if node.id == BASELINE else code.unified(parent.candidate.proposal.source, proposal.source)
    if proposal.flags:
        edit.append(("new", f"+ compiler flags: {' '.join(proposal.flags)}"))
    told = []
    if verdict is not None and verdict.search is not None:
        told.append(f"in the search, against {'its parent' if proposal.proposer == SIMPLIFY else 'the best so far'}: {in_words(verdict.search)}")
    if node.total is not None:
        told.append(f"was the best: {times(node.total)} against the program as it was, by the search's estimates")
    if node.held is not None and node.held.holdout is not None:
        told.append(f"in the holdout, against the program as it was: {in_words(node.held.holdout)}")
    both = [one for one in (verdict, node.held) if one is not None]
    told += dict.fromkeys(note for one in both for note in one.notes)
    uses = tuple(story.observations[name] for name in plan.uses if name in story.observations) if plan else ()
    return View(
        node, style, status(node), f"{'≥ ' if measured.at_least else ''}{times(measured.speedup)}" if measured else "", chosen, plan, uses, code.listed(edit) if edit else code.NOTHING,
        "\n\n".join(dict.fromkeys(_evidence(one) for one in both if one.evidence)), told,
    )  # fmt: skip


def _evidence(verdict: Verdict) -> str:
    text = verdict.evidence
    if len(text) <= MOST_EVIDENCE:
        return text
    head, tail = text[: MOST_EVIDENCE * 2 // 3], text[-MOST_EVIDENCE // 3 :]  # a traceback says most in its last line
    return f"{head}\n… {len(text) - len(head) - len(tail):,} more characters\n{tail}"


def in_words(measured: Measurement) -> str:
    """A measurement as a line."""
    clock = {"cpu": "CPU time", "device": "device time"}.get(measured.clock, "wall-clock")
    least = "at least " if measured.at_least else ""
    warm = "; repeated calls with warm caches" if measured.warm_cache else ""
    return (
        f"{least}{times(measured.speedup)} (95 % interval {times(measured.low)}–{times(measured.high)}; {measured.pairs} pairs by {clock}, "
        f"p = {measured.p_value:.2g}{warm})"
    )
