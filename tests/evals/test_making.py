"""Pairs from programs: the engine, the runs that it leaves, and pairs judged again. Real processes, the process sandbox."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from codeopt.agent.tasks.detect import detect
from codeopt.errors import UserError
from codeopt.evals.making.again import Again, rerun
from codeopt.evals.making.functions import Refusal, Sources, _bound, alone
from codeopt.evals.making.judging import Closed, Item, Judged, Lanes, Opened, Program, Refused, judged
from codeopt.evals.making.keeping import kept_inputs, restore
from codeopt.evals.making.record import gain_of
from codeopt.evals.making.sources import Source, permissive
from codeopt.evals.making.ways import Ways
from codeopt.trace import Baseline, CandidateMade, RunFinished, RunStarted, VerdictReached, read_trace
from codeopt.types import Status, Verdict
from tests.commandline import FAST_DEDUPE, SLOW_DEDUPE, codeopt, refused

MAKE = "def make(size, seed):\n    return ([(i * 7919 + seed) % (size // 2 + 1) for i in range(size)],)\n"
SLOWER_DEDUPE = SLOW_DEDUPE.replace("    return seen", "    seen.reverse()\n    seen = [y for y in seen if seen.count(y) == 1]\n    return seen[::-1]")


def task(folder: Path, text: str = SLOW_DEDUPE) -> Path:
    """A task with a generator, in a folder of tasks."""
    folder.mkdir(parents=True)
    (folder / "slow.py").write_text(text)
    (folder / "make.py").write_text(MAKE)
    (folder / "codeopt.toml").write_text('project = "."\nfile = "slow.py"\nfunction = "dedupe"\ninputs = "make.py:make"\n')
    return folder / "slow.py"


def test_faster_slower_and_wrong_programs_get_their_verdicts_and_a_bad_base_its_reason(tmp_path: Path) -> None:
    good = task(tmp_path / "good")
    bad = task(tmp_path / "bad", "def dedupe(xs):\n    raise SystemExit(3)\n")
    programs = (Program(FAST_DEDUPE), Program(SLOWER_DEDUPE), Program("def dedupe(xs):\n    return xs\n"), Program("def dedupe(:\n"))
    found = list(judged([Item("bad", bad, programs), Item("good", good, programs)], sandbox="process", pairs=10))

    assert [type(one) for one in found] == [Refused, Opened, Judged, Judged, Judged, Judged, Closed]
    opened, fast, slow, wrong, broken = found[1:6]
    assert isinstance(opened, Opened) and opened.seconds > 0 and opened.source == SLOW_DEDUPE and opened.counts.visible
    assert all(isinstance(one, Judged) for one in (fast, slow, wrong, broken))
    assert fast.verdict.status is Status.OK and fast.verdict.holdout.low > 1 and gain_of(fast.verdict) > 1
    assert slow.verdict.status is Status.NOT_FASTER and slow.verdict.holdout.high < 1 and 0 < gain_of(slow.verdict) < 1
    assert slow.verdict.holdout.pairs == 10 and slow.verdict.inputs.hidden
    assert wrong.verdict.status is Status.WRONG_OUTPUT and broken.verdict.status is Status.BUILD_FAILED


def test_lanes_serve_one_call_after_the_other_and_begin_ahead(tmp_path: Path) -> None:
    files = {name: task(tmp_path / name) for name in ("a", "b")}
    items = [Item(name, file, (Program(FAST_DEDUPE),)) for name, file in files.items()]
    with contextlib.closing(Lanes("process", 1, 10)) as lanes:
        for seed, expected in ((1, "b"), (2, "nothing of the call")):
            lanes.ahead([files[expected] if expected in files else task(tmp_path / expected)], seed)
            found = list(judged(items, lanes=lanes, seed=seed))
            order = [one.item.name for one in found if isinstance(one, Closed)]
            assert order == (["b", "a"] if expected == "b" else ["a", "b"])
            assert all(one.verdict.status is Status.OK and one.verdict.holdout.pairs == 10 for one in found if isinstance(one, Judged))
        lanes.ahead([task(tmp_path / "bad", "def dedupe(xs):\n    raise SystemExit(3)\n")], 4)
        assert isinstance(next(judged([Item("bad", tmp_path / "bad" / "slow.py", ())], lanes=lanes, seed=4)), Refused)


def test_more_programs_follow_from_the_verdicts(tmp_path: Path) -> None:
    asked = []

    def more(new: list[Judged]) -> tuple[Program, ...]:
        asked.append([one.verdict.status for one in new])
        return (Program("def dedupe(xs):\n    return xs\n"),) if len(asked) == 1 else ()

    item = Item("a", task(tmp_path / "a"), (Program(FAST_DEDUPE),), more)
    numbers = [one.number for one in judged([item], sandbox="process", pairs=10) if isinstance(one, Judged)]
    assert numbers == [0, 1] and asked == [[Status.OK], [Status.WRONG_OUTPUT]]


def test_runs_are_kept_resumed_and_skipped(tmp_path: Path) -> None:
    task(tmp_path / "tasks" / "one")
    words = ("data", "make", "tasks", "--out", "runs", "--sandbox", "process", "--per-program", "2", "--json")
    done = codeopt(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = list(read_trace(tmp_path / "runs" / "one"))
    started = events[0]
    assert isinstance(started, RunStarted) and started.task["problem"] == "one" and started.task["kept_inputs"]["name"] == "make"
    assert isinstance(events[-1], RunFinished) and any(isinstance(one, Baseline) and one.source for one in events)
    made = [one.candidate for one in events if isinstance(one, CandidateMade)]
    assert {one.proposal.proposer for one in made} <= {"rules", "inverse"} and len(made) == json.loads(done.stdout)["programs"] > 0

    # As if it had been killed after the first verdict: the rest is judged, and nothing twice.
    trace = tmp_path / "runs" / "one" / "trace.jsonl"
    lines = trace.read_text().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if '"event":"verdict"' in line)
    trace.write_text("".join(lines[: first + 1]))
    again = json.loads(codeopt(*words, cwd=tmp_path).stdout)
    events = list(read_trace(tmp_path / "runs" / "one"))
    names = [one.candidate for one in events if isinstance(one, VerdictReached)]
    assert again["programs"] == len(names) - 1 and sorted(names) == sorted(set(names)) and isinstance(events[-1], RunFinished)
    assert json.loads(codeopt(*words, cwd=tmp_path).stdout)["bases"] == {"finished before": 1}


def test_pairs_are_judged_again_on_the_inputs_that_they_keep(tmp_path: Path) -> None:
    file = task(tmp_path / "tasks" / "one")
    kept = kept_inputs(detect(file))["kept_inputs"]
    assert detect(restore(tmp_path / "back", SLOW_DEDUPE, "python", "function", "dedupe", kept)).inputs.endswith("make.py:make")

    about = {"run": "", "language": "python", "kind": "function", "function": "dedupe", "flags": (), "inputs": json.dumps(kept), "seed": 1}
    rows = [
        {**about, "id": "right", "submission_id_v1": "c1", "input": SLOW_DEDUPE, "target": FAST_DEDUPE},
        {**about, "id": "turned", "submission_id_v1": "c0", "input": SLOWER_DEDUPE, "target": SLOW_DEDUPE},
        {**about, "id": "wrong", "submission_id_v1": "c1", "input": SLOW_DEDUPE, "target": "def dedupe(xs):\n    return xs\n"},
        {**about, "id": "lost", "kind": "program", "inputs": "", "submission_id_v1": "c1", "input": "print(1)\n", "target": "print(1)\n"},
    ]
    rows.append({**rows[0], "id": "broken", "inputs": '{"generator": 3}', "flags": ()})
    found = rerun(rows, seed=1, sandbox="process", lanes=1, pairs=10, tell=lambda line: None)
    assert isinstance(found, Again) and found.seed == 2  # not the one that they were made with
    assert set(found.wrong) == {"wrong"} and found.run == 3 and not found.slower
    assert found.confirmed + found.not_confirmed == 2 and found.confirmed
    assert found.no_verdict == {"its cases are not kept": 1, "its inputs cannot be read": 1}


def test_functions_are_taken_out_with_what_they_use(tmp_path: Path) -> None:
    import ast

    text = (
        "import math\nimport socket\n\nLIMIT = 3\n\ndef helper(x):\n    return x * LIMIT\n\n"
        "def good(xs):\n    total = 0\n    for x in xs:\n        total += helper(x) + math.floor(x) + len(str(x)) * 2\n    return total\n\n"
        "def net(xs):\n    for x in xs:\n        socket.gethostbyname(str(x) + 'a' + 'b' + str(len(xs)) + str(x * 2))\n    return xs\n"
    )
    bound = _bound(ast.parse(text))
    made = alone(bound["good"], bound, text)  # type: ignore[arg-type]
    assert isinstance(made, str) and "LIMIT = 3" in made and "def helper" in made and "socket" not in made
    scope: dict[str, object] = {}
    exec(made, scope)  # our own text
    assert scope["good"]([1, 2]) == (3 + 1 + 2) + (6 + 2 + 2)  # type: ignore[operator]
    assert isinstance(alone(bound["net"], bound, text), Refusal)  # type: ignore[arg-type]
    (tmp_path / "m.py").write_text(text)
    skipped: dict[str, int] = {}
    found = list(Sources("m", "MIT", tmp_path).functions(skipped))
    assert [one.name for one in found] == ["m.good"] and sum(skipped.values()) == 2


def test_inverse_rules_alone_and_by_two_are_chosen_by_the_seed(tmp_path: Path) -> None:
    file = task(tmp_path / "one", "def dedupe(xs):\n    top = max(xs)\n    total = sum(xs)\n    return [x for x in xs if x < top and x in (total, 1)]\n")
    made = [[one.source for one in Ways(("inverse",), 8, seed).proposals(detect(file), file.read_text(), "one")] for seed in (0, 0, 1)]
    assert made[0] == made[1] and 1 < len(made[0]) <= 8 and made[0] != made[2]
    rules = [one.rule for one in Ways(("inverse",), 8, 0).proposals(detect(file), file.read_text(), "one")]
    assert any("+" in rule for rule in rules) and any("+" not in rule for rule in rules)


def test_test_sets_and_licences_that_are_not_permissive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="test set"):
        Source("enamel", None)
    (tmp_path / "m.py").write_text("def f(x):\n    return x\n")
    with pytest.raises(UserError, match="licence"):
        Source(str(tmp_path), None)
    assert Source(str(tmp_path), None, any_licence=True).licence == ""
    assert permissive("BSD-3-Clause") and permissive("PSF-2.0") and not permissive("GPL-3.0") and not permissive("")
    refused(codeopt("data", "make", "enamel", "--out", "o", cwd=tmp_path), "test set")
    refused(codeopt("data", "make", str(tmp_path), "--out", "o", "--how", "samples", cwd=tmp_path), "belong together")


def test_what_is_no_pair_has_no_gain() -> None:
    assert gain_of(Verdict(status=Status.WRONG_OUTPUT)) == 0.0
