"""What a person sees of a run: live progress on a terminal, plain lines elsewhere, nothing with --quiet or --json."""

from __future__ import annotations

import time
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from codeopt.agent.report import Outcome, seconds
from codeopt.agent.search import Quiet
from codeopt.types import Candidate, Status, Verdict


class Silent(Quiet):
    """Nothing while the run goes on; one line at its end."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None: ...
    def finished(self, outcome: Outcome, applied: Path | None) -> None:
        """The last line."""
        typer.echo(headline(outcome))


class Watched(Silent):
    """Phases and verdicts as they come, with one live line on a terminal."""

    def __init__(self) -> None:
        # Progress goes to stderr, so that stdout stays the result.
        self.console = Console(stderr=True, highlight=False)
        self._live = Live(console=self.console, refresh_per_second=4, transient=True)
        self._started = time.monotonic()
        self._phase = ""
        self._now = ""
        self._best = 1.0
        self._counts: dict[str, int] = {}

    def __enter__(self) -> Watched:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _refresh(self) -> None:
        counts = ", ".join(f"{count} {name}" for name, count in self._counts.items())
        best = f"best {self._best:.2f}x" if self._best > 1 else "nothing faster yet"
        spent = time.monotonic() - self._started
        line = Text(f"{self._phase} {spent:4.0f} s  {best}  {counts}  {self._now}")
        line.truncate(self.console.width - 1, overflow="ellipsis")
        self._live.update(line)

    def phase(self, name: str, detail: str = "") -> None:
        self._phase, self._now = name, ""
        self.console.print(f"[bold]{escape(name):9}[/bold] {escape(detail)}", no_wrap=True, overflow="ellipsis")
        self._refresh()

    def trying(self, candidate: Candidate) -> None:
        self._now = f"{candidate.id} {candidate.proposal.note}"
        self._refresh()

    def tried(self, candidate: Candidate, verdict: Verdict) -> None:
        self._counts[str(verdict.status)] = self._counts.get(str(verdict.status), 0) + 1
        colour = {Status.OK: "green", Status.WRONG_OUTPUT: "red", Status.CRASHED: "red"}.get(verdict.status, "dim")
        measured = f" {verdict.search.speedup:.2f}x" if verdict.search else ""
        note = escape(f"{candidate.id:>4} {verdict.status}{measured}  {candidate.proposal.note}")
        self.console.print(f"[{colour}]{note}[/{colour}]", no_wrap=True, overflow="ellipsis", crop=True)
        self._refresh()

    def best(self, candidate: Candidate, speedup: float) -> None:
        self._best = speedup
        self.console.print(f"[green bold]{candidate.id:>4} is the best so far: {speedup:.2f}x[/green bold]")
        self._refresh()

    def note(self, text: str) -> None:
        self.console.print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)

    def finished(self, outcome: Outcome, applied: Path | None) -> None:
        """The result and where it lies, on stdout."""
        out = Console(highlight=False, soft_wrap=True)
        out.print(headline(outcome), style="bold green" if outcome.exit_code == 0 else "bold", markup=False)
        for step in outcome.summary.get("steps", []):
            out.print(f"  {step['gain']:.2f}x  {step['note']}", markup=False)
        for name in ("patch", "report", "page", "test"):
            if name in outcome.files:
                out.print(f"  {name:7}{_near(outcome.files[name])}", markup=False)
        if "report" in outcome.files and "page" not in outcome.files:
            out.print(f"  page   codeopt report {_near(outcome.run)}", markup=False)
        if library := outcome.exit_code == 0 and outcome.summary.get("library"):
            out.print(f"  use it: {library['use']} python ...", markup=False)
            out.print(f"  or patch the library: {library['apply']}", markup=False)
        if outcome.exit_code == 130:
            out.print(f"  go on with it: codeopt optimize --resume {_near(outcome.run)}", markup=False)
        if applied is not None:
            out.print(f"  applied to {_near(applied)}", markup=False)
        elif outcome.exit_code == 0 and outcome.summary.get("verify"):
            out.print(f"  check it: {outcome.summary['verify']}", markup=False)


def headline(outcome: Outcome) -> str:
    """The result in one line."""
    if written := outcome.exit_code != 130 and outcome.summary.get("written"):
        sure = "written" if outcome.exit_code == 0 else "written, but doubtful"
        return f"{sure}: {written['in_words']}; {_faster(outcome)}"
    return _faster(outcome)


def _faster(outcome: Outcome) -> str:
    measured = outcome.speedup
    if outcome.exit_code == 0 and measured is not None:
        least = "at least " if measured.at_least else ""
        return (
            f"{least}{measured.speedup:.2f}x faster (95 % interval {measured.low:.2f}-{measured.high:.2f}), "
            f"{seconds(measured.baseline_s)} -> {seconds(measured.candidate_s)}"
        )
    if outcome.exit_code == 130:
        return "interrupted; the best so far is kept" if outcome.files.get("new") else "interrupted; nothing faster yet"
    return f"no verified speedup ({outcome.reason})"


def _near(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def make_view(*, quiet: bool, as_json: bool, interactive: bool = False) -> Silent:
    """The view for these flags."""
    if interactive:
        from codeopt.cli.interactive import Interactive

        return Interactive()
    return Silent() if quiet or as_json else Watched()


