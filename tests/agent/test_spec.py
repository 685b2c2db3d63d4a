"""Specifications: what is read from them, which programs the consensus takes, and the way to one from the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from codeopt.agent.spec.board import Board
from codeopt.agent.spec.judging import judged, polished
from codeopt.agent.spec.reading import (
    Specification,
    examples_of,
    is_specification,
    read_specification,
    standing,
    with_head,
)
from codeopt.agent.spec.ways import Ask, Heard, Judged, Tried, Wish, find_way, way_names
from codeopt.agent.spec.ways.plan import read_ideas
from codeopt.errors import UserError
from codeopt.sandbox.runner.codec import decode_live, encode
from codeopt.sandbox.workload import Case
from codeopt.trace import Consensus, Phase, read_trace
from tests.commandline import codeopt, refused
from tests.servers import Step, serve

TEXT = '''from typing import List


def offset(x: int) -> int:
    return x + 1


def repeated(items: List[int]) -> List[int]:
    """Numbers that come more than once, each once, in the order of their first coming.
    >>> repeated([1, 2, 1, 3, 2])
    [1, 2]
    >>> repeated([])
    []
    """
'''
SLOW = '''def repeated(items):
    out = []
    for item in items:
        if items.count(item) > 1 and item not in out:
            out.append(item)
    return out
'''
FAST = '''def repeated(items):
    from collections import Counter
    counts = Counter(items)
    return [item for item in counts if counts[item] > 1]
'''
SORTED = '''def repeated(items):
    return sorted({item for item in items if items.count(item) > 1})
'''
RAISES = "def repeated(items):\n    raise ValueError(items)\n"
CUT = '''def repeated(items):
    if len(items) > 1000:
        return []
    out = []
    for item in items:
        if items.count(item) > 1 and item not in out:
            out.append(item)
    return out
'''


def specification() -> Specification:
    return read_specification(TEXT, "repeated")


# --- reading ----------------------------------------------------------------------------------------------------


def test_what_a_specification_is() -> None:
    assert is_specification(TEXT, "repeated") and not is_specification(TEXT, "offset") and not is_specification(TEXT, "other")
    for body in ("    pass\n", "    ...\n", "    raise NotImplementedError\n", '    raise NotImplementedError("later")\n'):
        assert is_specification(TEXT + body, "repeated")
    assert not is_specification(TEXT + "    return []\n", "repeated") and not is_specification("def f(", "f")
    with pytest.raises(UserError, match="has no docstring: say in it what"):
        read_specification(TEXT, "offset")


@pytest.mark.parametrize(
    ("doc", "found"),
    [
        (">>> f([1, 2])\n3\n>>> f([])\n0", [([[1, 2]], 3), ([[]], 0)]),
        ("f(1, 2) == 3\nf('a)(') ➞ 'b'  # so it is", [([1, 2], 3), (["a)("], "b")]),
        ("For f((1, -2)) the result should be True, since it is.\nf(2) => [1, (2, None)]", [([2], [1, (2, None)])]),
        (">>> f(open('x'))\n3\n>>> g(1)\n2\n>>> f(1)\n<object>", []),
        (">>> f(3)\n[1,\n 2]\n\nmore words", [([3], [1, 2])]),
    ],
)
def test_examples_are_read_from_docstrings(doc: str, found: list[tuple[list[object], object]]) -> None:
    examples = [(decode_live(one.call)["args"], decode_live(one.answer)) for one in examples_of(doc, "f")]
    assert examples == [(args, [(0, value)]) for args, value in found]


def test_a_program_gets_what_it_lacks_of_the_file() -> None:
    whole = standing("def repeated(items):\n    return [offset(1)]\n", specification())
    assert whole.startswith("from typing import List\ndef offset(x: int)") and "Numbers that come" not in whole
    assert standing(TEXT, specification()) == TEXT
    head = with_head(SLOW, specification())
    assert "items: List[int]" in head and "Numbers that come" in head and "items.count" in head
    assert with_head("def repeated(other):\n    pass\n", specification()) == "def repeated(other):\n    pass\n"


def test_ideas_are_read_however_they_come() -> None:
    for text in ('{"ideas": ["Use a set for lookups.", "Count each once."]}', "Sure:\n- Use a set for lookups.\n2. Count each once.\n"):
        assert read_ideas(Heard(text, "stop", 9)) == ["Use a set for lookups.", "Count each once."]
    assert read_ideas(Heard("no idea", "stop", 2)) == []


# --- consensus --------------------------------------------------------------------------------------------------


def test_most_answers_are_right_and_the_fastest_of_them_is_taken() -> None:
    with Board(specification(), "process") as board:
        for program, votes in ((SLOW, 3), (FAST, 1), (SORTED, 2), (RAISES, 2), (CUT, 1), ("def repeated(items:\n", 1), ("x = 1\n", 1)):
            for _ in range(votes):
                board.add(program)
        assert board.add(SLOW + "\n# the same\n").votes == 4
        told = judged(board)
        found = board.found
        entries = {entry.source: entry for entry in found.entries}
        assert told.best == FAST and entries[SLOW].chosen and not entries[SORTED].chosen and not entries[RAISES].chosen
        assert "larger input" in entries[CUT].evidence, "it agrees on small inputs only"
        assert "does not parse" in entries["def repeated(items:\n"].evidence and "defines no repeated" in entries["x = 1\n"].evidence
        assert found.examples == (2, 2) and 0.5 < told.confidence < 1 and found.clusters >= 2 and found.inputs >= 10
        assert (entries[SLOW].seconds or 0) > 2 * (entries[FAST].seconds or 1)
        assert "differ from those of most" in told.failed[SORTED] and "times as long" in told.failed[SLOW]
        assert told.distinct == 7 and told.programs == 12


def test_the_only_one_that_ends_on_larger_inputs_is_right() -> None:
    wish = read_specification('def total(n: int) -> int:\n    """Sum of 1 to n.\n    >>> total(3)\n    6\n    """\n', "total")
    slow = "def total(n):\n    return sum(1 for i in range(1, n + 1) for j in range(i))\n"
    with Board(wish, "process") as board:
        for _ in range(3):
            board.add(slow)
        assert judged(board).best == slow
        board.found.timed = (Case("big", "grown", calls=(encode({"args": [10**5], "kwargs": {}}),)),)
        quick = board.add("def total(n):\n    n = max(n, 0)\n    return n * (n + 1) // 2\n", 0)
        (late,) = [entry for entry in board.found.entries if entry is not quick]
        late.seconds = late.large = None
        assert judged(board).best == quick.source and quick.chosen and late.chosen and not late.evidence


def test_rules_have_the_last_word_and_a_later_board_goes_on() -> None:
    with Board(specification(), "process") as board:
        board.add(SLOW)
        told = judged(board)
        assert told.best == SLOW and "items.count(item)" in told.hot[0]
        found = board.found
    with Board(specification(), "process", found=found) as again:
        better = polished(again, 10, 0)
        assert better != SLOW and again.found.cases is found.cases
        assert "differ" not in judged(again).failed.get(better, ""), "it is as right as what it was made from"


# --- ways -------------------------------------------------------------------------------------------------------


def played(name: str, tokens: int, answers: Sequence[str], verdicts: Sequence[Judged]) -> tuple[Wish, list[int], list[list[Tried]], list[str]]:
    """A way with scripted answers of 100 tokens: how many it asked for at a time, what it had judged, its questions."""
    wish = Wish(specification(), tokens)
    way = find_way(name)(wish)
    asked: list[int] = []
    tried: list[list[Tried]] = []
    questions: list[str] = []
    texts, told = iter(answers), iter(verdicts)
    try:
        wants = next(way)
        while True:
            asks = [one for one in wants if isinstance(one, Ask)]
            if asks:
                asked.append(len(asks))
                questions += [one.messages[0]["content"] for one in asks]
                wants = way.send([Heard(next(texts), "stop", 100) for _ in asks])
            else:
                tried.append([one for one in wants if isinstance(one, Tried)])
                wants = way.send(next(told))
    except StopIteration:
        return wish, asked, tried, questions


def block(program: str) -> str:
    return f"```python\n{program}```"


def test_ways_are_found_by_name() -> None:
    assert way_names() == ("plan", "refine", "sample")
    with pytest.raises(UserError, match="no strategy 'dream': one of plan, refine, sample"):
        find_way("dream")


def test_sampling_spends_its_tokens_on_one_question() -> None:
    wish, asked, tried, questions = played("sample", 1000, [block(SLOW)] * 7 + ["no code"] * 9, [Judged(best=SLOW)])
    assert wish.spent == 1000 and sum(asked) == 10 and len(set(questions)) == 1
    assert [len(some) for some in tried] == [7] and {one.votes for one in tried[0]} == {1}


def test_what_is_left_of_the_tokens_is_counted_in_whole_answers() -> None:
    wish = Wish(specification(), 1000, spent=960, answers=10)
    assert wish.affordable(5) == 0 and wish.affordable(5, 1.05) == 1, "no round is for less than half an answer"
    assert Wish(specification(), 50).affordable(5) == 1 and Wish(specification(), 4000).affordable(5) == 5


def test_refinement_shows_what_was_measured() -> None:
    first = Judged(failed={standing(RAISES, specification()): "ValueError on [1]"})
    second = Judged(best=SLOW, hot=("90%  line 4: items.count(item)",))
    _, asked, tried, questions = played("refine", 300, [block(RAISES), block(SLOW), block(FAST)], [first, second, second])
    assert asked == [1, 1, 1] and [len(some) for some in tried] == [1, 1, 1]
    assert "ValueError on [1]" in questions[1] and "items.count(item)" in questions[2] and "90%" in questions[2]


def test_planning_writes_along_ideas_and_then_makes_the_best_faster() -> None:
    ideas = json.dumps({"ideas": ["Count each number once.", "Use a set for lookups."]})
    answers = [ideas, *[block(SLOW)] * 8, *[block(FAST)] * 20]
    known = Judged(best=SLOW, hot=("90%  line 4: items.count(item)",))
    wish, asked, tried, questions = played("plan", 1600, answers, [known] * 9)
    assert wish.spent >= 1600 and asked[0] == 6 and "Do not write code yet" in questions[0] and wish.polish
    along = [text for text in questions if "Use this idea" in text or "Use these ideas" in text]
    assert len(along) == 3 and "Count each number once." in along[2] and "Use a set for lookups." in along[2]
    assert wish.families == ["Count each number once.", "Use a set for lookups.", "Count each number once. + Use a set for lookups."]
    assert {one.votes for one in tried[0]} == {1} and all(one.votes == 0 for some in tried[1:] for one in some)
    assert any("Think of this: Count each number once." in text and "items.count" in text for text in questions)
    assert any("did not help" in text for text in questions)


# --- the command ------------------------------------------------------------------------------------------------


def test_a_specification_is_written_and_then_made_faster(tmp_path: Path) -> None:
    (tmp_path / "wish.py").write_text(TEXT)
    refused(codeopt("optimize", "wish.py", "-f", "repeated", cwd=tmp_path), "has a docstring and no body.*--model")
    steps = [*(Step(block(text), usage=(50, 800)) for text in (SLOW, SORTED, SLOW, SLOW, SLOW)), Step("No more.")]
    with serve(*steps) as server:
        words = ("--model", "m", "--base-url", server.url, "--strategy", "sample", "--sandbox", "process", "--no-crosshair")
        done = codeopt("optimize", "wish.py", "-f", "repeated", *words, "--time", "30", "--run", "run", "--json", cwd=tmp_path, seconds=150)
        asked = len(server.requests)
        told = json.loads(done.stdout)
        assert done.returncode == 0, (told["reason"], done.stderr[-600:])
        (consensus,) = (event for event in read_trace(tmp_path / "run") if isinstance(event, Consensus))
        assert consensus.examples == {"passed": 2, "given": 2} and consensus.confidence >= 0.5
        assert [one.votes for one in consensus.programs] == [4, 1]
        new = (tmp_path / "run" / "wish.py").read_text()
        assert "def repeated" in new and new != TEXT and told["written"]["clusters"] >= 1 and "agree" in told["written"]["in_words"]
        assert (tmp_path / "run" / "first" / "wish.py").read_text() == consensus.best
        assert "+++ b/wish.py" in (tmp_path / "run" / "best.patch").read_text()
        assert "Written from its description" in (tmp_path / "run" / "report.md").read_text()
        again = codeopt("optimize", "--resume", "run", "--time", "1", "--apply", cwd=tmp_path, seconds=150)
        assert len(server.requests) <= asked + 4, "what was written is not written again"
    assert again.returncode in (0, 130), again.stderr
    assert (tmp_path / "wish.py").read_text() == (tmp_path / "run" / "wish.py").read_text()
    assert sum(isinstance(event, Phase) and event.phase == "specification" for event in read_trace(tmp_path / "run")) == 2


def test_no_usable_program_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "wish.py").write_text(TEXT)
    with serve(Step(block(RAISES.replace("repeated", "other")), usage=(50, 900))) as server:
        words = ("--model", "m", "--base-url", server.url, "--strategy", "sample", "--sandbox", "process", "--time", "20")
        done = codeopt("optimize", "wish.py", "-f", "repeated", *words, cwd=tmp_path, seconds=100)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "no answer holds a program for repeated that runs (it defines no repeated): try another model" in done.stderr.splitlines()[-1]
