"""Plan search: observations with evidence, bounds, subsets, critiques, and the whole way against a real HTTP server."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from codeopt.agent.bandit import Bandit
from codeopt.agent.budget import Budget, Meter
from codeopt.agent.plan.counter import called
from codeopt.agent.plan.observe import bound_of, family_of, observed, subsets, together
from codeopt.agent.plan.words import read_critique, read_plan
from codeopt.agent.proposers import ProposeContext, ProposerSettings, find_proposer
from codeopt.errors import UserError
from codeopt.sandbox.runner.codec import decode_live
from codeopt.trace import (
    CandidateMade,
    Note,
    Observed,
    Planned,
    TraceWriter,
    VerdictReached,
    read_trace,
)
from codeopt.types import Candidate, Profile, ProfileRow, Proposal, Status, Verdict
from tests.commandline import codeopt, refused
from tests.servers import Step, serve

SOURCE = '''def common(left, right):
    """Items of left that are in right."""
    out = []
    for item in left:
        if item in right:
            out.append(item)
    return out
'''
FAST = SOURCE.replace("    out = []\n", "    right = set(right)\n    out = []\n")
INPUTS = "def make(size, seed):\n    return list(range(seed, seed + size)), list(range(size, 2 * size))\n"
PROFILE = Profile(
    tool="line_profiler", seconds=1.0,
    rows=(
        ProfileRow(file="f.py", line=5, share=0.9), ProfileRow(file="f.py", line=6, share=0.06),
        ProfileRow(file="f.py", line=4, share=0.04),
    ),
)  # fmt: skip
SEEN = {
    "observations": [
        {"claim": "Membership in a list is linear.", "category": "data structure", "lines": [5], "rows": [1]},
        {"claim": "Appending one by one is slow.", "category": "interpreter overhead", "lines": [6], "rows": []},
    ]
}
PLAN = {"title": "Look items up in a set", "idea": "A set answers at once.", "pseudo_code": "right = set(right)"}
PASSED = {"doubt": "none", "why": "It does the same for hashable items.", "input": ""}


def context(trace: TraceWriter | None = None, **more: Any) -> ProposeContext:
    parent = Candidate(id="c0", parent="", proposal=Proposal(source=SOURCE, proposer="", note=""))
    given = {"parent": parent, "source": SOURCE, "function": "common", "file_name": "f.py", "profile": PROFILE, "trace": trace}
    return ProposeContext(**{**given, **more})


def settings(url: str, **more: Any) -> ProposerSettings:
    return ProposerSettings(**{"models": ("m",), "base_url": url, "retries": 1, "retry_base_s": 0.001, **more})


def answer(value: object) -> Step:
    return Step(json.dumps(value))


def code(text: str) -> Step:
    return Step(f"As planned.\n```python\n{text}```\n")


# --- observations ---------------------------------------------------------------------------------------------


def test_what_has_no_evidence_is_left_out_and_bounds_are_amdahls() -> None:
    rows = [
        *SEEN["observations"],
        {"claim": "Python is slow.", "category": "interpreter overhead", "lines": [], "rows": []},
        {"claim": "It sorts.", "category": "algorithm", "lines": [99], "rows": [7]},
        {"claim": "Membership in a list is linear.", "category": "algorithm", "lines": [5], "rows": []},
        {"category": "algorithm", "lines": [5]},
        "nonsense",
    ]
    found, left_out = observed(json.dumps({"observations": rows}), context(), 3)
    assert [(one.id, one.lines, one.rows) for one in found] == [("o3", (5,), (1,)), ("o4", (6,), ())] and left_out == 5
    assert found[0].share == pytest.approx(0.9) and found[0].bound == pytest.approx(10)
    assert found[1].bound == pytest.approx(1 / 0.94)
    assert together(context(), found) == pytest.approx(1 / 0.04)
    assert together(context(), [found[0], found[0]]) == found[0].bound, "time that two share counts once"
    row = {"claim": "It copies.", "category": "allocation", "lines": [6], "rows": []}
    later, left_out = observed(json.dumps([row, SEEN["observations"][0]]), context(), 5, found)
    assert [(one.id, one.uses) for one in later] == [("o5", ())] and left_out == 1, "a second look sees what the first one did not"
    unknown, _ = observed(json.dumps(SEEN), context(profile=None), 1)
    assert [one.bound for one in unknown] == [None, None]


def test_a_roofline_limits_every_bound() -> None:
    near = context(ceiling=3.0, gained=2.0)
    assert bound_of(near, 0.9) == pytest.approx(1.5) and bound_of(near, 0.1) == pytest.approx(1 / 0.9)
    assert bound_of(context(ceiling=3.0, gained=4.0), None) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SEEN),
        json.dumps(SEEN["observations"]),
        f"Sure! Here it is:\n```json\n{json.dumps(SEEN, indent=2)}\n```\nShall I go on?",
        f"<think>[1, 2] is a list</think>{json.dumps(SEEN)}",
        json.dumps(SEEN).replace('"', "'").replace("]}", "],}"),
        json.dumps(SEEN)[:-2],
    ],
)  # fmt: skip
def test_answers_are_read_as_servers_without_schemas_give_them(text: str) -> None:
    assert [one.lines for one in observed(text, context(), 1)[0]] == [(5,), (6,)]


@pytest.mark.parametrize("text", ["", "I see nothing.", "[[[[", '{"observations": 3}', "[" * 100_000, '{"a": ' * 3000])
def test_answers_that_hold_nothing(text: str) -> None:
    assert observed(text, context(), 1)[0] == [] and read_plan(text) is None and read_critique(text).get("doubt", "") == ""


def test_subsets_are_all_up_to_two_with_the_highest_bound_first() -> None:
    rows = [{"claim": f"c{line}", "category": "algorithm", "lines": [line], "rows": []} for line in (4, 5, 6)]
    found, _ = observed(json.dumps(rows), context(), 1)
    some = subsets(context(), found)
    assert sorted(some, key=repr) == sorted(
        [*((one,) for one in found), *itertools.combinations(found, 2)], key=repr
    )  # fmt: skip
    bounds = [together(context(), one) or 0 for one in some]
    assert bounds == sorted(bounds, reverse=True)
    assert [one.lines for one in some[0]] == [(5,), (6,)] and family_of(some[0]) == "algorithm"


def test_counterexamples_are_calls_of_plain_values() -> None:
    read = {
        "common([1, 2], right={3})": {"args": [[1, 2]], "kwargs": {"right": {3}}},
        "([1], [])": {"args": [[1], []], "kwargs": {}},
        "[1, None, -2.5]": {"args": [[1, None, -2.5]], "kwargs": {}},
    }
    for text, wanted in read.items():
        data = called(text, "C.common")
        assert data is not None and decode_live(data) == wanted
    for text in ("__import__('os').system('x')", "[x for x in y]", "common(open('/etc/passwd'))", "other(1)", "a list", "(" * 5000, "{[]}"):
        assert called(text, "common") is None


def test_a_bandit_prefers_what_pays_per_cost_and_still_tries_what_is_unknown() -> None:
    priors = dict.fromkeys(("good", "dear", "bad", "new"), 0.1)

    def chosen() -> list[str]:
        bandit = Bandit(1)
        for _ in range(6):
            bandit.learn("good", 0.5, 10)
            bandit.learn("dear", 0.5, 40)
            bandit.learn("bad", 0.0, 10)
        return [bandit.choose(priors) for _ in range(1000)]

    found = chosen()
    assert found.count("good") > 700 > found.count("new") > 0 and found.count("bad") < 20, found.count("new")
    assert chosen() == found, "the same seed chooses the same"


# --- the strategy -----------------------------------------------------------------------------------------------


def test_a_plan_is_made_criticised_and_followed(tmp_path: Path) -> None:
    derived = {"observations": [{"claim": "One pass does both.", "category": "algorithm", "lines": [], "rows": [], "uses": [1, 2]}]}
    doubt = {"doubt": "differs", "why": "Unhashable items raise.", "input": "common([[1]], [[1]])"}
    probed: list[str] = []
    with serve(answer(SEEN), answer(derived), answer(PLAN), answer(doubt), code(FAST)) as server, TraceWriter(tmp_path) as trace:
        task = context(trace, probe=lambda text: probed.append(text) or "")
        proposal = next(find_proposer("llm")(settings(server.url)).propose(task))
        asked = [request["messages"][1]["content"] for request in server.requests]
        forms = [request.get("response_format", {}).get("type") for request in server.requests]
    assert proposal.source == FAST and proposal.plan == "p1" and proposal.note == PLAN["title"] and proposal.tokens == 5 * 150
    assert forms == ["json_schema"] * 4 + [None]
    assert "   5          if item in right:" in asked[0] and "row 1: 90.0%  line 5" in asked[0]
    assert "1 and 2" in asked[1] and "at most 10.00 times" in asked[1]
    assert PLAN["pseudo_code"] in asked[3] and "common(…)" in asked[3]
    assert PLAN["title"] in asked[4] and doubt["why"] in asked[4] and doubt["input"] in asked[4]
    assert probed == [doubt["input"]]
    events = list(read_trace(tmp_path))
    (seen,) = (event for event in events if isinstance(event, Observed))
    assert [one.uses for one in seen.observations] == [(), (), ("o1", "o2")] and seen.observations[2].lines == (5, 6)
    (made,) = (event.plan for event in events if isinstance(event, Planned))
    claims = {one.id: one.claim for one in seen.observations}
    assert made.uses and all(claims[one] in asked[2] for one in made.uses)
    assert made.doubt == "differs" and made.bound and made.bound > 1 and made.model == "m"


def test_where_few_answers_fit_into_the_time_plans_do_with_less() -> None:
    slow = [Step(step.text, hang_s=0.3) for step in (answer(SEEN), answer(PLAN), code(FAST))]
    with serve(*slow) as server:
        proposal = next(find_proposer("llm")(settings(server.url)).propose(context(meter=Meter(Budget(wall_s=3.0)))))
        assert proposal.source == FAST and proposal.plan == "p1" and len(server.requests) == 3, "nothing is derived, no critic"


def test_failures_are_repaired_twice_and_then_another_plan_comes() -> None:
    history: list[tuple[Proposal, Verdict]] = []
    nothing = answer({"observations": []})
    edits = [code(FAST.replace("out = []", f"out = []  # {number}")) for number in range(4)]
    steps = (answer(SEEN), nothing, answer(PLAN), answer(PASSED), *edits[:3], answer({**PLAN, "title": "Other"}), answer(PASSED), edits[3])
    with serve(*steps) as server:
        stream = find_proposer("llm")(settings(server.url)).propose(context(history=history))
        for number in range(4):
            proposal = next(stream)
            history.append((proposal, Verdict(status=Status.WRONG_OUTPUT, evidence=f"expected 1, got {number}")))
        asked = [request["messages"] for request in server.requests]
    assert [len(messages) for messages in asked] == [2, 2, 2, 2, 2, 4, 4, 2, 2, 2]
    assert "expected 1, got 0" in asked[5][3]["content"] and "expected 1, got 1" in asked[6][3]["content"]
    assert "make another one" in asked[7][1]["content"] and PLAN["title"] in asked[7][1]["content"]
    assert all(PLAN["title"] in asked[number][1]["content"] for number in (4, 5, 6))
    assert proposal.plan == "p2"


def test_what_the_critic_sees_no_gain_in_comes_last() -> None:
    doubted = {"doubt": "no gain", "why": "It is one percent.", "input": ""}
    one = {"observations": SEEN["observations"][:1]}
    with serve(answer(one), answer(PLAN), answer(doubted), code(FAST), Step("{}")) as server:
        (proposal,) = find_proposer("llm")(settings(server.url)).propose(context())
        assert proposal.source == FAST and len(server.requests) == 5 + 3, "then it is asked for edits, and has none"


def test_roles_have_models_of_their_own_and_prompts_go_to_each_server() -> None:
    one = {"observations": SEEN["observations"][:1]}
    with serve(answer(one), answer(PLAN)) as plans, serve(answer(PASSED)) as doubts, serve(code(FAST)) as codes:
        chosen = settings(codes.url, models=("coder",), planner=f"planner@{plans.url}", critic=f"critic@{doubts.url}")
        made = find_proposer("llm")(chosen)
        assert next(made.propose(context())).source == FAST
        assert [request["model"] for server in (plans, doubts, codes) for request in server.requests] == [
            "planner", "planner", "critic", "coder",
        ]  # fmt: skip
    assert len(made.host.split(", ")) == 3


def test_of_two_models_the_one_that_pays_is_asked_more() -> None:
    history: list[tuple[Proposal, Verdict]] = []
    with serve(*(code(FAST.replace("out = []", f"out = []  # {n}")) for n in range(200))) as good, serve(
        *(code(SOURCE.replace("out = []", f"out = []  # {n}")) for n in range(200))
    ) as bad:
        chosen = settings("", models=(f"good@{good.url}", f"bad@{bad.url}"), strategy="sample")
        stream = find_proposer("llm")(chosen).propose(context(history=history))
        for _ in range(40):
            proposal = next(stream)
            pays = "set(right)" in proposal.source
            measured = {"pairs": 10, "speedup": 3.0, "low": 2.9, "high": 3.1, "p_value": 0.001, "clock": "cpu", "wall_speedup": 3.0,
                        "baseline_s": 1.0, "candidate_s": 0.33}  # fmt: skip
            verdict = {"status": "ok", "search": measured} if pays else {"status": "not_faster"}
            history.append((proposal, Verdict.model_validate(verdict)))
        assert len(good.requests) > 2 * len(bad.requests) > 0


def test_without_observations_it_still_asks_for_edits() -> None:
    with serve(Step("I see nothing."), code(FAST)) as server:
        assert next(find_proposer("llm")(settings(server.url)).propose(context())).plan == ""
        assert "without plans" not in json.dumps(server.requests)


def test_a_server_without_schemas_is_asked_without() -> None:
    refusal = Step(status=400, error="response_format is not supported", param="response_format")
    with serve(refusal, answer(SEEN), answer({}), answer(PLAN), answer(PASSED), code(FAST)) as server:
        assert next(find_proposer("llm")(settings(server.url)).propose(context())).plan == "p1"
        assert ["response_format" in request for request in server.requests] == [True] + 5 * [False]


def test_no_such_strategy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no strategy 'dream': one of plan, refine, sample"):
        find_proposer("llm")(settings("http://127.0.0.1:1/v1", strategy="dream"))
    (tmp_path / "f.py").write_text(SOURCE)
    words = ("--model", "m", "--base-url", "http://127.0.0.1:1/v1", "--strategy", "dream")
    refused(codeopt("optimize", "f.py", *words, cwd=tmp_path), "no strategy 'dream'")


def test_a_whole_run_and_its_trace(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SOURCE)
    (tmp_path / "make.py").write_text(INPUTS)
    doubt = {"doubt": "differs", "why": "The order could change.", "input": "common([3, 1, 2], [2, 3])"}
    wrong = SOURCE.replace("    out = []\n    for item in left:", "    right = set(right)\n    out = []\n    for item in sorted(left):")
    steps = (answer(SEEN), answer({}), answer(PLAN), answer(doubt), code(wrong), code(FAST), Step("{}"))
    with serve(*steps) as server:
        words = ("--model", "m", "--proposer", "llm", "--base-url", server.url, "--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair")
        done = codeopt("optimize", "f.py", "-f", "common", *words, "--time", "25", "--run", "run", "--json", cwd=tmp_path, seconds=120)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["verified"], (told["reason"], told["candidates"], done.stderr[-600:])
    events = list(read_trace(tmp_path / "run"))
    plans = [event.plan for event in events if isinstance(event, Planned)]
    assert plans[0].probed == "" and plans[0].counterexample == doubt["input"]
    candidates = [event.candidate for event in events if isinstance(event, CandidateMade)]
    assert [one.proposal.plan for one in candidates[:2]] == ["p1", "p1"]
    verdicts = {event.candidate: event.verdict for event in events if isinstance(event, VerdictReached)}
    assert verdicts["c1"].status is Status.WRONG_OUTPUT, "only the critic's input tells the two apart"
    holdout = verdicts["c2"].holdout
    assert holdout is not None and holdout.speedup > 1.5 and verdicts["c2"].inputs.visible["counterexample"] == 1
    (account,) = told["models"]
    assert account["calls"] == len(server.requests) and account["plans"] == 1 and account["accepted"] == 1
    assert account["tokens_per_accepted"] == told["tokens"]
    assert any(isinstance(event, Note) and event.text.startswith("llm: at most $0.0000 a call") for event in events)
