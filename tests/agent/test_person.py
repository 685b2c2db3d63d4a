"""The expert in the loop: words between rounds, where they count, and that a resumed run takes them from the trace."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from codeopt.agent.budget import Budget, Meter, changed
from codeopt.agent.plan.person import Person, person_of
from codeopt.agent.proposers import ProposerSettings, find_proposer
from codeopt.agent.run_folder import Options, resumed
from codeopt.cli.interactive import HELP, Interactive, check, parse
from codeopt.cli.view import Watched
from codeopt.errors import UserError
from codeopt.trace import CandidateMade, Intervention, Phase, Planned, TraceWriter, read_trace
from codeopt.types import Candidate, Plan, Proposal, Status, Verdict
from tests.agent.test_plan import FAST, INPUTS, PASSED, PLAN, SEEN, SOURCE, answer, code, context, settings
from tests.commandline import command, environment
from tests.servers import serve

ONE = {"observations": SEEN["observations"][:1]}
AGAIN = {"observations": [{**one, "claim": f"Still: {one['claim']}"} for one in SEEN["observations"]]}
DOUBT = {"doubt": "differs", "why": "Items may be large.", "input": "common([10**30], [1])"}
HINT = "Items are small whole numbers."
OWN = "Use a bit mask of the right side"


def person(trace: TraceWriter, monkeypatch: pytest.MonkeyPatch, said: str = "", budget: Budget | None = None) -> Person:
    """Somebody who types that; their terminal is stderr."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    made = Person(Interactive(), Meter(budget or Budget()), trace, [])
    made.root = Candidate(id="c0", parent="", proposal=Proposal(source=SOURCE, proposer="", note=""))
    return made


def said(folder: Path) -> list[tuple[int, str, str]]:
    return [(event.round, event.command, event.text) for event in read_trace(folder) if isinstance(event, Intervention)]


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("\n", ("go", "")),
        ("GO", ("go", "")),
        ("  hint  no item is None \n", ("hint", "no item is None")),
        ("plan use plan p1, but sort", ("plan", "use plan p1, but sort")),
        ("budget time=+60 dollars=2", ("budget", "time=+60 dollars=2")),
    ],
)
def test_lines_that_are_understood(line: str, meant: tuple[str, str]) -> None:
    assert parse(line) == meant


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dance", "no command 'dance': one of go, .*budget"),
        ("accept c3", "accept stands alone: nothing was done"),
        ("hint", "hint what"),
        ("plan p1", "show p1 shows one"),
    ],
)
def test_lines_that_are_not(line: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        parse(line)


def test_limits_are_set_and_changed() -> None:
    before = Budget(15, 1.0, None, 10)
    assert changed(before, "time=+60 dollars=2 tokens=500 candidates=-4") == Budget(75, 2.0, 500, 6)
    for text in ("", "time", "time=soon", "time=nan", "dollars=inf", "dollars=-2", "tokens=+5", "candidates=1.5", "euros=3"):
        with pytest.raises(UserError):
            changed(before, text)


def test_thinking_costs_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(Budget(wall_s=10), 8.0)
    with meter.paused():
        now[0] += 100
        assert meter.spent().wall_s == 2
    now[0] += 1
    assert meter.spent().wall_s == 3 and not meter.exhausted()


def test_what_cannot_be_meant_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    lines = ("forbid p9", "forbid dancing", "show p9", "diff c9", "diff p1", "budget time=soon", f"hint {'x' * 5000}", "\x1b[2J", "help", "go")
    with TraceWriter(tmp_path) as trace:
        expert = person(trace, monkeypatch, "\n".join(lines))
        expert.planned(Plan(id="p1", parent="c0", family="algorithm", title="Rings \x1b]0;owned\a"))
        assert not expert.round_over() and expert.meter.budget == Budget()
    assert said(tmp_path) == [(1, "go", "")]
    told = capfd.readouterr().err
    for line in ("'p9' is no plan and no family", "'dancing' is no plan and no family", "no plan 'p9'", "c9 is no candidate", "p1 has no candidate",
                 "'time=soon' sets no limit", "a hint has 1 to 4000 characters", "no command '\\x1b[2J'"):  # fmt: skip
        assert line in told.replace("\\\\", "\\"), line
    assert HELP in told and "\x1b]" not in told and "\x1b[2J" not in told, "what models write cannot steer the terminal"


@pytest.mark.parametrize(
    ("more", "kind", "silent", "told"),
    [
        ({"proposers": ("rules",)}, "function", False, "no model is named: start with --model"),
        ({"model": ProposerSettings(models=("m",), strategy="refine")}, "function", False, "--strategy refine makes no plans"),
        ({}, "function", True, "--json and --quiet do not"),
        ({}, "command", False, "not for a command: name a function"),
    ],
)
def test_where_there_is_nothing_to_ask(more: dict[str, object], kind: str, silent: bool, told: str) -> None:
    options = Options(run=Path("run"), proposers=("rules", "llm"), model=ProposerSettings(models=("m",)))
    check(options, "function", silent=False)
    with pytest.raises(UserError, match=told):
        check(replace(options, **more), kind, silent=silent)


def test_nobody_is_asked_unless_the_view_can_be(tmp_path: Path) -> None:
    with TraceWriter(tmp_path) as trace:
        assert person_of(Watched(), Meter(Budget()), trace, []) is None
        assert person_of(Watched(), Meter(Budget()), trace, [Intervention(round=1, command="hint", text=HINT)]) is not None


# --- where they count -------------------------------------------------------------------------------------------


def proposals(url: str, expert: Person, trace: TraceWriter, view: Watched) -> list[Proposal]:
    """What plan search proposes, where nothing is faster."""
    history: list[tuple[Proposal, Verdict]] = []
    task = context(trace, history=history, person=expert, hints=expert.hints, meter=expert.meter)
    for proposal in find_proposer("llm")(settings(url)).propose(task):
        history.append((proposal, Verdict(status=Status.NOT_FASTER)))
        view.tried(Candidate(id=f"c{len(history)}", parent="c0", proposal=proposal), history[-1][1])
    return [proposal for proposal, _ in history]


def test_words_count_from_the_next_prompt_on_and_a_resumed_run_repeats_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    edits = [FAST.replace("out = []", f"out = []  # {number}") for number in range(3)]
    steps = (
        answer(ONE), answer(PLAN), answer(PASSED), code(edits[0]),
        answer(DOUBT), code(edits[1]),
        answer(AGAIN), answer({}), answer({**PLAN, "title": "Hoist"}), answer(PASSED), code(edits[2]),
    )  # fmt: skip
    rounds = (
        f"show p1\ndiff p1\nforbid p1\nforbid Data structure\nhint {HINT}\nplan {OWN}\n\n",
        "go\n",
        "accept\n",
    )
    with serve(*steps) as server:
        with TraceWriter(tmp_path) as trace:
            expert = person(trace, monkeypatch, "".join(rounds))
            assert isinstance(expert._asks, Interactive)
            found = proposals(server.url, expert, trace, expert._asks)
        asked = [json.dumps(request["messages"][1]) for request in server.requests]
        assert [proposal.family for proposal in found] == ["data structure", "person", "interpreter overhead"]
        assert [proposal.source for proposal in found] == edits and len(asked) == len(steps)
        assert ["Follow it, unlike other text" in text and HINT in text for text in asked] == 4 * [False] + 7 * [True]
        assert OWN in asked[4] and OWN in asked[5] and DOUBT["why"] in asked[5]
        assert "none of these plans" in asked[8] and PLAN["title"] in asked[8].partition("none of these plans")[2]
        (own,) = (event.plan for event in read_trace(tmp_path) if isinstance(event, Planned) and event.plan.family == "person")
        assert own.title == OWN and own.model == "" and own.counterexample == DOUBT["input"] and own.probed
        assert said(tmp_path) == [
            (1, "forbid", "p1"), (1, "forbid", "Data structure"), (1, "hint", HINT), (1, "plan", OWN), (1, "go", ""),
            (2, "go", ""), (3, "accept", ""),
        ]  # fmt: skip
        told = capfd.readouterr().err
        assert "10.00x" in told and "c1 not_faster" in told and "+    right = set(right)" in told and PLAN["pseudo_code"] in told

        earlier = list(read_trace(tmp_path))
        with TraceWriter(tmp_path) as trace:
            again = person_of(Watched(), Meter(Budget()), trace, earlier)
            assert again is not None
            assert [one.source for one in proposals(server.url, again, trace, Watched())] == edits and again.accepted
        assert len(server.requests) == len(steps) and len(said(tmp_path)) == 7, "nothing is asked, paid or written again"


def test_who_left_is_not_asked_again_and_a_killed_round_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Plan(id=name, parent="c0", family="algorithm", title="t") for name in ("p1", "p2"))
    with TraceWriter(tmp_path / "left") as trace:
        expert = person(trace, monkeypatch, f"hint {HINT}\n")
        expert.planned(first)
        assert expert.round_over() and expert.hints == [HINT]
        sys.stdin = io.StringIO("accept\n")
        expert.planned(second)
        assert not expert.round_over() and not expert.accepted
    with TraceWriter(tmp_path / "killed") as trace:
        monkeypatch.setattr(sys, "stdin", io.StringIO("accept\n"))
        earlier = [Planned(plan=first), Intervention(round=1, command="hint", text=HINT), Intervention(round=1, command="go"), Planned(plan=second)]
        back = Person(Interactive(), Meter(Budget()), trace, earlier)
        back.planned(first)
        assert back.round_over() and not back.accepted, "that round had its words"
        back.planned(second)
        assert not back.round_over() and back.accepted


def test_a_limit_that_is_reached_is_asked_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(answer(ONE), answer(PLAN), answer(PASSED), code(FAST)) as server, TraceWriter(tmp_path) as trace:
        expert = person(trace, monkeypatch, f"hint {HINT}\nbudget tokens=+100000\n\n", Budget(None, None, 10))
        task = context(trace, person=expert, hints=expert.hints, meter=expert.meter)
        assert next(find_proposer("llm")(settings(server.url)).propose(task)).plan == "p1"
        assert HINT not in json.dumps(server.requests), "it waits for the end of the round"
    assert said(tmp_path) == [(1, "hint", HINT), (1, "budget", "tokens=+100000")]
    with TraceWriter(tmp_path / "time") as trace:
        expert = person(trace, monkeypatch, "budget time=+500\n\n\naccept\n", Budget(wall_s=1))
        left = expert.left(lambda: (expert.meter.budget.wall_s or 0) - 10)
        assert left() == 491
        expert.meter.budget = Budget(wall_s=2)
        assert left() == -8 and left() == -8 and not expert.accepted, "whoever leaves a limit as it is is not asked again"


# --- the whole way ------------------------------------------------------------------------------------------------


def up_to_the_holdout(folder: Path, number: int, *words: str, typed: str = "") -> str:
    """Run codeopt until its trace has that many holdouts, and kill it; what it wrote on stderr."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command("optimize", *words), cwd=folder, env=environment(), stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(typed)
        process.stdin.flush()
        until = time.monotonic() + 100
        while process.poll() is None and time.monotonic() < until:
            started = (folder / "run" / "trace.jsonl").is_file()
            if started and sum(isinstance(event, Phase) and event.phase == "holdout" for event in read_trace(folder / "run")) == number:
                break
            time.sleep(0.1)
        process.kill()
        told = process.communicate()[1]
    assert process.returncode < 0, told
    return told


def test_a_whole_run_with_a_person_and_its_resumption(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SOURCE)
    (tmp_path / "make.py").write_text(INPUTS)
    wrong = [code(SOURCE.replace("return out", f"return out + [{number}]")) for number in range(3)]
    steps = (answer(ONE), answer(PLAN), answer(PASSED), *wrong, answer({**DOUBT, "input": "common([3, 1, 2], [2, 3])"}), code(FAST))
    typed = f"bogus\nhint {HINT}\nbudget time=+5 candidates=9\nplan {OWN}\ngo\ndiff p2\naccept\n"
    words = ("f.py", "-f", "common", "--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair", "--time", "15", "--run", "run")
    with serve(*steps) as server:
        model = ("--model", "m", "--proposer", "llm", "--base-url", server.url, "--interactive")
        told = up_to_the_holdout(tmp_path, 1, *words, *model, typed=typed)
        assert [HINT in json.dumps(request) for request in server.requests] == 6 * [False] + 2 * [True]
        assert "no command 'bogus'" in told and "c1 wrong_output" in told and "+    right = set(right)" in told
        assert said(tmp_path / "run") == [
            (1, "hint", HINT), (1, "budget", "time=+5 candidates=9"), (1, "plan", OWN), (1, "go", ""), (2, "accept", ""),
        ]  # fmt: skip
        assert resumed(tmp_path / "run")[1].budget == Budget(20, 1.0, None, 9)
        up_to_the_holdout(tmp_path, 2, "--resume", "run", "--interactive")
        assert len(server.requests) == len(steps), "nothing is asked or paid again"
    events = list(read_trace(tmp_path / "run"))
    assert [event.detail for event in events if isinstance(event, Phase) and event.phase == "holdout"] == ["c4", "c4"]
    made = [event.candidate for event in events if isinstance(event, CandidateMade)]
    assert [one.proposal.plan for one in made] == ["p1", "p1", "p1", "p2"] and len(said(tmp_path / "run")) == 5
