"""`codeopt optimize --interactive`: the rounds of plan search on a plain terminal, and what a person says to them, line by line."""

from __future__ import annotations

import difflib
import io
import re
import sys
import time

from rich.table import Table
from rich.text import Text

from codeopt.agent.budget import LIMITS
from codeopt.agent.plan.person import Person
from codeopt.agent.report import gist
from codeopt.agent.run_folder import Options
from codeopt.cli.view import Watched
from codeopt.errors import UserError
from codeopt.types import Candidate, Plan, Verdict

HELP = """\
  go, or an empty line     the next round
  show p1                  a plan as a whole: idea, outline, observations, critique
  diff c1, diff p1         what a candidate changed, or the newest one of a plan
  accept                   end the search: the best so far goes to the final check
  forbid FAMILY            no more plans of that family (algorithm, data structure, ...)
  forbid p1                no more plans like that one
  hint TEXT                tell all models something about your code, from now on
  plan TEXT                a plan of your own: it is criticised, and tried next
  budget time=+60 dollars=2 tokens=20000 candidates=+5
                           limits: a sign adds or takes away, a plain number sets
  help                     this text"""
ALONE = ("go", "accept", "help")
COMMANDS = (*ALONE, "show", "diff", "forbid", "hint", "plan", "budget")
SHORT = 70  # characters of a critique in the table
_PLAN = re.compile(r"p\d+")


def check(options: Options, kind: str, *, silent: bool) -> None:
    """Raises UserError where there is nothing to ask about.

    Args:
        options: Of the run.
        kind: Of its task.
        silent: --json or --quiet is said as well.
    """
    if silent:
        raise UserError("--interactive talks, --json and --quiet do not", "leave one of them out")
    if "llm" not in options.proposers:
        raise UserError("--interactive is about a model's plans, and no model is named", "start with --model NAME")
    if options.model.strategy != "plan":
        raise UserError(f"--strategy {options.model.strategy} makes no plans to ask about", "leave out --interactive, or say --strategy plan")
    if kind == "command":
        raise UserError("--interactive is for one file, not for a command", "name a function of it: codeopt optimize FILE --function NAME")


def parse(line: str) -> tuple[str, str]:
    """Command and text of a line. Raises UserError where it is none."""
    word, _, text = line.strip().partition(" ")
    command, text = word.lower() or "go", text.strip()
    if command not in COMMANDS:
        raise UserError(f"no command {word!r}", f"one of {', '.join(COMMANDS)}")
    if command in ALONE and text:
        raise UserError(f"{command} stands alone", "nothing was done")
    if command not in ALONE and not text:
        raise UserError(f"{command} what?", "help shows how it is said")
    if command == "plan" and _PLAN.fullmatch(text):
        raise UserError("plan TEXT makes a plan of your own", f"show {text} shows one")
    return command, text


def plain(text: str) -> str:
    """A text that cannot steer a terminal: models write it."""
    return "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text)


class Interactive(Watched):
    """The view that asks, on stderr; answers come from stdin."""

    def __init__(self) -> None:
        super().__init__()
        self._candidates: dict[str, Candidate] = {}
        self._verdicts: dict[str, Verdict] = {}
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")

    def trying(self, candidate: Candidate) -> None:
        self._candidates[candidate.id] = candidate
        super().trying(candidate)

    def tried(self, candidate: Candidate, verdict: Verdict) -> None:
        self._candidates[candidate.id] = candidate
        self._verdicts[candidate.id] = verdict
        super().tried(candidate, verdict)

    def ask(self, person: Person, why: str) -> bool:
        """As `Asks.ask`."""
        begun = time.monotonic()
        self._live.stop()
        try:
            return self._talk(person, why)
        finally:
            self._live.start()
            self._started += time.monotonic() - begun

    def _talk(self, person: Person, why: str) -> bool:
        self._table(person)
        best = f"best {self._best:.2f}x" if self._best > 1 else "nothing faster yet"
        self._say(f"{best}; left: {_left(person)}; an empty line goes on, help says what else")
        if why:
            self._say(f"{why}: budget raises a limit, an empty line leaves it; all else counts when the round is over", "yellow")
        while True:
            self.console.print("> ", end="")
            line = sys.stdin.readline() if sys.stdin else ""
            if not (sys.stdin and sys.stdin.isatty()):
                self._say(line.rstrip("\n"))
            if not line:
                return False
            try:
                command, text = parse(line)
                if command == "help":
                    self._say(HELP)
                elif command == "show":
                    self._show(person, text)
                elif command == "diff":
                    self._diff(person, text)
                elif command == "go":
                    return True
                else:
                    person.say(command, text)
                    if command == "accept":
                        return True
                    self._say(f"left: {_left(person)}" if command == "budget" else "noted")
            except UserError as error:
                self._say(str(error), "yellow")

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(plain(text), style), soft_wrap=True)

    def _table(self, person: Person) -> None:
        """The plans of the round."""
        table = Table("plan", "title", "family", "bound", "critique", "candidates", box=None, pad_edge=False)
        for name in person.fresh:
            plan = person.made[name]
            doubt = ": ".join(filter(None, (plan.doubt, plan.critique))) or "no doubt"
            cut = doubt if len(doubt) <= SHORT else f"{doubt[:SHORT]}…"
            results = [self._result(one) for one in self._of(plan)]
            cells = (plan.id, plan.title, plan.family, _bound(plan), cut, "\n".join(results) or "none")
            table.add_row(*(Text(plain(cell)) for cell in cells))
        self.console.print(table)

    def _of(self, plan: Plan) -> list[Candidate]:
        return [one for one in self._candidates.values() if one.proposal.plan == plan.id]

    def _result(self, candidate: Candidate) -> str:
        verdict = self._verdicts.get(candidate.id)
        if verdict is None:
            return f"{candidate.id} not judged yet"
        measured = verdict.search
        speed = f" {measured.speedup:.2f}x ({measured.low:.2f}-{measured.high:.2f})" if measured else ""
        return f"{candidate.id} {verdict.status}{speed}"

    def _show(self, person: Person, name: str) -> None:
        """A plan as a whole."""
        plan = person.made.get(name)
        if plan is None:
            raise UserError(f"no plan {name!r}", f"one of {', '.join(person.made)}")
        lines = [f"{plan.id} for {plan.parent}: {plan.title}", f"family {plan.family}, bound {_bound(plan)}"]
        for one in filter(None, map(person.observations.get, plan.uses)):
            where = f" (line {', '.join(map(str, one.lines[:8]))})" if one.lines else ""
            lines.append(f"observed: {one.claim}{where}")
        lines += [text for text in (plan.idea, plan.pseudo_code) if text]
        lines.append(f"critique: {': '.join(filter(None, (plan.doubt, plan.critique))) or 'no doubt'}")
        if plan.counterexample:
            lines.append(f"counterexample: {plan.counterexample} ({plan.probed or 'an input that is checked now'})")
        for candidate in self._of(plan):
            verdict = self._verdicts.get(candidate.id)
            evidence = gist(verdict.evidence) if verdict else ""
            lines.append(": ".join(filter(None, (self._result(candidate), evidence))))
        self._say("\n".join(lines))

    def _diff(self, person: Person, name: str) -> None:
        """What a candidate changed in its parent."""
        of_plan = self._of(person.made[name]) if name in person.made else []
        candidate = of_plan[-1] if of_plan else self._candidates.get(name)
        if candidate is None:
            has = "has no candidate" if name in person.made else "is no candidate and no plan"
            raise UserError(f"{name} {has}", "diff c1 or diff p1")
        parent = self._candidates.get(candidate.parent, person.root)
        old, new = parent.proposal.source.split("\n"), candidate.proposal.source.split("\n")
        for line in difflib.unified_diff(old, new, parent.id, candidate.id, lineterm=""):
            self._say(line, {"+": "green", "-": "red", "@": "cyan"}.get(line[0], ""))


def _bound(plan: Plan) -> str:
    return f"{plan.bound:.2f}x" if plan.bound else "?"


def _left(person: Person) -> str:
    """What the run may still spend."""
    left = person.meter.remaining()
    amounts = {name: getattr(left, field) for name, field in LIMITS.items()}
    units = {"time": "{:.0f} s", "dollars": "${:.2f}"}
    return ", ".join(units.get(name, f"{{}} {name}").format(amount) for name, amount in amounts.items() if amount is not None)
