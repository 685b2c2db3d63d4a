"""The page of a run: what the story says, in the order in which a person asks."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeopt import __version__
from codeopt.agent.accounts import accounts
from codeopt.agent.story import tree
from codeopt.agent.story.read import Node, Story, read
from codeopt.errors import UserError
from codeopt.page import charts, code
from codeopt.page.html import counted, duration, environment, percent, times
from codeopt.trace import Interrupted
from codeopt.types import Counts, Measurement, Profile

if TYPE_CHECKING:
    from codeopt.agent.story.kernel import Kernel

TEMPLATES = Path(__file__).parent / "templates"
MOST_ANSWER = 1500
"""Characters of a model's answer."""
MOST_CALLS = 400
MOST_NOTES = 300
MOST_ROWS = 12
SHARES = (0.1, 0.5, 0.9)
MEANINGS = {
    "recorded": "calls that your own tests or command make", "generated": "made by the generator of inputs", "grown": "made larger, so that a call takes long enough to be timed",
    "edge": "empty, one element, extremes and the like", "hypothesis": "drawn by Hypothesis from hints and use", "case": "your cases", "example": "of the description", "ill_conditioned": "numbers that cancel, nearly agree or lie far away",
    "crosshair": "found by symbolic execution", "mutated": "other inputs, changed", "of shapes never seen": "shapes that the search did not see",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A chart with what it says."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True)
class Headline:
    """The result: `style` as in the style sheet, `big` in a few words, `small` in sentences."""

    style: str
    big: str
    small: list[str]


def page(folder: Path) -> str:
    """The page of a run, whole in itself.

    Raises:
        UserError: There is no run that can be read.
    """
    whole = read(folder)
    parts = [Part(whole, "r")]
    for number, name in enumerate(_functions(whole), 1):
        with suppress(UserError):  # a function's run that did not even begin
            parts.append(Part(read(folder / name), f"f{number}"))
    template = environment(TEMPLATES).get_template("run.html.j2")
    return template.render(parts=parts, version=__version__, most_answer=MOST_ANSWER)


def _functions(story: Story) -> Iterator[str]:
    """Folders of the runs inside: those of a command's functions."""
    if story.said("kind") != "command":
        return
    for file in sorted(story.folder.glob("[0-9]*-*/trace.jsonl")):
        if file.stat().st_size:
            yield file.parent.name


class Part:
    """What the template asks about one run; `key` begins its ids on the page."""

    def __init__(self, story: Story, key: str) -> None:
        self.story = story
        self.key = key
        self.winner = story.winner
        self.measured = story.measured
        self.kernel = _kernel(story.summary.get("kernel"))
        if self.measured is None and self.shell:
            self.measured = _measurement(story.summary)

    @property
    def title(self) -> str:
        """What was optimised."""
        command = self.story.started.task.get("command")
        if self.shell and isinstance(command, list | tuple):
            return shlex.join(map(str, command))
        function = self.story.said("function")
        return f"{self.story.file or 'a program'}{': ' + function if function else ''}"

    @property
    def shell(self) -> bool:
        """It is a command: candidates, inputs and profiles are in the runs of its functions."""
        return self.story.said("kind") == "command"

    @property
    def unit(self) -> str:
        """What a time is of."""
        kind, function = self.story.said("kind"), self.story.said("function")
        return f"a call of {function}" if kind == "function" and function else "a call of the kernel" if kind == "kernel" else "a run"

    def share(self) -> str:
        """Of the command's time, what was spent in each function; "" for any other run."""
        hot = self.story.summary.get("hot")
        rows = [row for row in hot if isinstance(row, dict) and isinstance(row.get("own_share"), float)] if isinstance(hot, list) else []
        return ", ".join(f"{percent(row['own_share'])} in {row.get('qualname', '?')}" for row in rows)

    def headline(self) -> Headline:
        """The result in words."""
        story, measured = self.story, self.measured
        if measured is not None and (self.winner is not None or story.summary.get("verified") is True):
            clock = {"cpu": "CPU time", "device": "device time"}.get(measured.clock, "wall-clock")
            least = "at least " if measured.at_least else ""
            rival = f" than {self.kernel.rival}, the fastest rival" if self.kernel else ""
            what = "on inputs that the search had never seen" if self.winner is not None else "before and after, the whole command"
            small = [
                f"95 % interval {times(measured.low)} to {times(measured.high)}: {measured.pairs} fresh pairs {what}, by {clock}; by wall-clock {times(measured.wall_speedup)}.",
                *self._saved(measured),
            ]
            if measured.warm_cache:
                small.append("Batches of different size give different ratios: the figure describes repeated calls with warm caches.")
            return Headline("ok", f"{least}{times(measured.speedup)} faster{rival}", small)
        if self.winner is not None:
            total = f"{times(self.winner.total)} by the search's estimates, " if self.winner.total else ""
            return Headline("warn", "not confirmed", [f"The best so far ({self.winner.id}: {total}on inputs that the search knew) was not measured on fresh inputs.", self.ended])
        refused = sum(node.held is not None for node in story.nodes.values())
        why = f" {refused} winner{'s' * (refused != 1)} of the search {'were' if refused != 1 else 'was'} refused on fresh inputs." if refused else ""
        if refused == 0 and (story.ended is None or isinstance(story.ended, Interrupted)):
            return Headline("muted", "nothing faster yet", [self.ended])
        return Headline("muted", "no verified speedup", [f"The program stays as it is.{why}", self.ended])

    @property
    def ended(self) -> str:
        """How the run ended, in a sentence."""
        match self.story.ended:
            case None:
                return "The run has not ended: it goes on, or it was killed. This page says what its trace holds so far."
            case Interrupted(signal=name):
                return f"The run was interrupted ({name})."
            case finished:
                return f"It {'failed' if finished.exit_code == 2 else 'ended'}: {finished.reason or 'no reason given'}."

    def _saved(self, measured: Measurement) -> list[str]:
        """What a speedup means in time."""
        calls = max(1, measured.calls)
        before, after = measured.baseline_s / calls, measured.candidate_s / calls
        told = []
        if 0 < after < before:
            told.append(
                f"{self.unit[0].upper()}{self.unit[1:]} took {duration(before)} and takes {duration(after)}. Of every hour that it took, "
                f"{duration(3600 * (1 - 1 / measured.speedup))} are saved ({duration(3600 * max(0.0, 1 - 1 / measured.low))} to {duration(3600 * max(0.0, 1 - 1 / measured.high))})."
            )
        if self.story.said("kind") == "function" and measured.speedup > 0:
            gains = ", ".join(f"{percent(share)}: {times(1 / (1 - share + share / measured.speedup))}" for share in SHARES)
            told.append(f"What the whole program gains depends on the share of its time that is spent there (Amdahl's law): {gains}.")
        return told

    def facts(self) -> list[tuple[str, str, str]]:
        """(name, figure, more) of what one wants to know next."""
        story = self.story
        found = []
        if self.winner is not None:
            old, new = story.source, self.winner.candidate.proposal.source
            gone, made = code.changed(old, new)
            share = self._share_of(gone)
            more = f"{percent(share)} of the profiled time was spent on the lines that changed" if share is not None else "no profile says how much time its lines took"
            found.append(("How much of the program", f"{len(gone)} of {len(code.lines_of(old))} lines", f"{len(made)} stand in their place; {more}"))
        if (counts := self.counts()) is not None:
            seen, fresh = sum(counts.visible.values()), sum(counts.hidden.values())
            found.append(("Same behaviour on", f"{seen + fresh:,} inputs", f"{seen:,} seen by the search, {fresh:,} drawn after the winner was fixed"))
        money = f", ${story.dollars:.4f}, {story.tokens:,} tokens" if story.tokens else ", no model asked"
        made_of = f"{len(story.nodes) - 1:,} candidates{money}"
        found.append(("The run", duration(story.spent_s), "of all functions" if self.shell else made_of))
        if self.shell and self.share():
            found.insert(0, ("How much of the program", self.share(), "of the time of the whole command, by its profile"))
        ceiling = story.summary.get("ceiling")
        if self.shell and isinstance(ceiling, int | float):
            found.append(("Ceiling by Amdahl's law", times(ceiling), "if the hot functions cost nothing"))
        return found

    def _share_of(self, lines: set[int]) -> float | None:
        """Share of the profiled time on these lines of the program as it was; None where no row names a line of it."""
        profile = self.story.baseline.profile if self.story.baseline else None
        rows = [row for row in profile.rows if row.line > 0 and row.file.rpartition("/")[2] == self.story.file] if profile else []
        return min(1.0, sum(row.share for row in rows if row.line in lines)) if rows else None

    def counts(self) -> Counts | None:
        """The inputs behind the decision, or those of the search where there is none."""
        if self.winner is not None and self.winner.held is not None:
            return self.winner.held.inputs
        return self.story.inputs.counts if self.story.inputs else None

    def kinds(self) -> list[tuple[str, int, int, str]]:
        """(kind, seen, fresh, what it means) of the inputs."""
        counts = self.counts()
        if counts is None:
            return []
        names = dict.fromkeys([*counts.visible, *counts.hidden])
        return [(name, counts.visible.get(name, 0), counts.hidden.get(name, 0), MEANINGS.get(name, "")) for name in names]

    def input_notes(self) -> list[str]:
        """What was said of the inputs."""
        noted = self.story.inputs.note if self.story.inputs else ""
        held = self.winner.held if self.winner is not None else None
        return list(dict.fromkeys([*filter(None, [noted]), *(held.notes if held is not None else ())]))

    def diff(self) -> list[code.Row]:
        """The change."""
        return code.side_by_side(self.story.source, self.winner.candidate.proposal.source, self.story.file) if self.winner is not None else []

    def steps(self) -> list[Node]:
        """What the result was made in."""
        return self.story.lineage(self.winner) if self.winner is not None else []

    def search_figures(self) -> list[Figure]:
        """The best so far, over whatever was spent."""
        story = self.story
        if not story.bests:
            return []
        last = story.bests[-1]
        whole = {"at_s": story.spent_s, "candidates": float(len(story.nodes) - 1), "tokens": float(story.tokens), "dollars": story.dollars}
        names = {"at_s": "seconds", "candidates": "candidates made", "tokens": "tokens, in and out", "dollars": "dollars"}
        found = []
        for unit, end in whole.items():
            if not end:
                continue
            points = [(0.0, 1.0), *((float(getattr(moment, unit)), moment.total) for moment in story.bests), (end, last.total)]
            marks = [(float(getattr(moment, unit)), moment.total, moment.id) for moment in story.bests[-6:]]
            lines = [charts.Curve("best so far", points, step=True, marks=marks)]
            caption = "By the search's own estimates, each against the one before, multiplied."
            if unit == "at_s" and self.measured is not None and self.winner is not None:
                lines.append(charts.Curve("holdout", (), marks=[(end, self.measured.speedup, "holdout")], span=(end, self.measured.low, self.measured.high)))
                caption += " The bar is the holdout's 95 % interval, on fresh inputs."
            svg = charts.curves(lines, title=f"Best so far over {names[unit]}", x=names[unit], y="times faster", log_y=True, write_y=lambda value: f"{value:g}×", even=1.0, whole=unit in ("candidates", "tokens"))
            found.append(Figure(f"Best so far over {names[unit]}", svg, caption))
        return found

    def interval_figure(self) -> Figure | None:
        """The estimates behind the result with their intervals."""
        bars = []
        for node in self.steps():
            if node.verdict is not None and (found := node.verdict.search) is not None:
                bars.append(charts.Bar(f"{node.id}, search", found.low, found.speedup, found.high))
        if self.measured is not None:
            name = f"{self.winner.id}, holdout" if self.winner is not None else "whole command"
            bars.append(charts.Bar(name, self.measured.low, self.measured.speedup, self.measured.high, 1))
            bars.append(charts.Bar("the same by wall-clock", math.nan, self.measured.wall_speedup, math.nan, 1))
        if not bars:
            return None
        svg = charts.intervals(bars, title="Estimates with 95 % intervals", x="times faster", write=lambda value: f"{value:g}×")
        caption = "Hodges-Lehmann estimates of paired ratios with 95 % intervals. Each step is against the one before, the holdout against the program as it was. The trace keeps estimates and intervals of the pairs, not each pair."
        return Figure("Estimates with 95 % intervals", svg, caption)

    def profiles(self) -> list[tuple[str, Profile, list[Any]]]:
        """(when, profile, rows) before and, where the run took one, after."""
        found = []
        before = self.story.baseline.profile if self.story.baseline else None
        if before is not None:
            found.append(("before", before))
        if self.winner is not None and (after := self.story.profile_of(self.winner)) is not None:
            found.append(("after", after))
        return [(when, profile, [(row, max(0.0, min(1.0, row.share))) for row in profile.rows[:MOST_ROWS]]) for when, profile in found]

    def tree(self) -> Iterator[tree.Part]:
        return tree.walk(self.story)

    def summed(self) -> str:
        """How many candidates became what."""
        return tree.summed([node for node in self.story.nodes.values() if node.number])

    def saved(self) -> str:
        """What was not measured, as it was tried before."""
        told = self.story.summary.get("not_measured")
        found = [(f"by {name.replace('_', ' ')}", count) for name, count in told.items() if isinstance(count, int) and count] if isinstance(told, dict) else []
        return counted(found) if found else ""

    def unused(self) -> list[Any]:
        """Plans of which no candidate came."""
        used = {node.candidate.proposal.plan for node in self.story.nodes.values()}
        return [plan for name, plan in self.story.plans.items() if name not in used]

    def accounts(self) -> list[dict[str, Any]]:
        return accounts(self.story.events)

    def calls(self) -> list[tuple[Any, str]]:
        """(call, the answer's text) of the first calls."""
        return [(call, self.story.answer_of(call)) for call in self.story.calls[:MOST_CALLS]]

    def notes(self) -> list[Any]:
        return self.story.notes[:MOST_NOTES]

    def environment(self) -> list[tuple[str, str]]:
        """(name, value) of where it ran."""
        story = self.story
        found = [(name.replace("_", " "), _flat(value)) for name, value in story.started.machine.items()]
        versions = story.summary.get("versions")
        found += [(str(name), _flat(value)) for name, value in versions.items()] if isinstance(versions, dict) else []
        build = next((detail for _, phase, detail in story.phases if phase == "build"), "")
        found += [("sandbox", build or _flat(story.summary.get("sandbox", "")))] if build or story.summary.get("sandbox") else []
        if story.baseline is not None and story.baseline.seconds:
            timed = f"{duration(story.baseline.seconds)} a timed region by {story.baseline.clock} time, noise {percent(story.baseline.noise)}"
            found.append(("baseline", timed))
        found += [("seed", str(story.started.seed)), ("codeopt", story.started.codeopt)]
        for again in story.resumed:
            found.append(("resumed", f"codeopt {again.codeopt}" + (f" on {_flat(again.machine)}" if again.machine != story.started.machine else ", same machine")))
        return list(dict.fromkeys(found))

    def commands(self) -> list[tuple[str, str]]:
        """(what it does, the command), to be copied."""
        story, summary = self.story, self.story.summary
        found = []
        verify = summary.get("verify")
        if isinstance(verify, str) and verify:
            found.append(("Repeat the verdict, without a search", verify))
        project, patch = story.said("project"), story.folder.absolute() / "best.patch"
        library = summary.get("library")
        if isinstance(library, dict) and library.get("use"):
            found += [("Use it: Python takes the patched copy", f"{library['use']} python ..."), ("Or patch the library", str(library.get("apply", "")))]
        elif self.winner is not None and patch.is_file():
            found.append(("Apply it", f"patch -p1 -d {shlex.quote(project or '.')} < {shlex.quote(str(patch))}"))
        elif self.shell and patch.is_file():
            found.append(("The changes of all functions", f"less {shlex.quote(str(patch))}"))
        if story.ended is None or isinstance(story.ended, Interrupted):
            found.append(("Go on with the run", f"codeopt optimize --resume {shlex.quote(str(story.folder.absolute()))}"))
        if story.started.command:
            found.append(("Search again", shlex.join(story.started.command)))
        return found


def _kernel(told: Any) -> Kernel | None:
    if not isinstance(told, Mapping):
        return None
    from codeopt.agent.story import kernel  # what judges kernels takes long to import

    return kernel.read(told)


def _measurement(summary: Mapping[str, Any]) -> Measurement | None:
    try:
        return Measurement.model_validate(summary["measurement"])
    except (KeyError, ValueError):
        return None


def _flat(value: Any) -> str:
    """Plain data as a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_flat(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_flat, value))
    return str(value)
