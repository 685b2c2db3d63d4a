"""`codeopt data ask` and `codeopt data evolve` against a real server with scripted answers, and a real sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codeopt.evals.evolving.near import Near
from codeopt.evals.evolving.problem import CPP, IllFormed, read_critic, read_problem
from tests.commandline import codeopt, put, refused
from tests.servers import Step, serve

SLOW = "def common(left, right):\n    return [item for item in left if item in right]\n"
FAST = "def common(left, right):\n    known = set(right)\n    return [item for item in left if item in known]\n"
WRONG = "def common(left, right):\n    return sorted(left)\n"
PROBLEM = {
    "description": "Return all items of left that occur in right as well, in the order of left, repeats kept.",
    "signature": "def common(left: List[int], right: List[int]) -> List[int]",
    "examples": ["common([1, 2, 3], [3, 1]) == [1, 3]", "common([4], [4]) == [4]", "common([1, 1], [1]) == [1]"],
}
SUM = {
    "description": "Read n and then n integers, with n from 0 to 100000. Print their sum on a line of its own.",
    "examples": [{"input": "3\n1 2 3", "output": "6"}, {"input": "1\n5\n", "output": "5\n"}],
    "generator": "def make(size, seed):\n    return f'{size}\\n' + ' '.join(str(seed % 7 + at) for at in range(size)) + '\\n'",
}
CPP_SLOW = "#include <iostream>\nint main() { int n; long long s = 0, x; std::cin >> n; while (n--) { std::cin >> x; s += x; } std::cout << s << std::endl; }\n"
CPP_FAST = '#include <cstdio>\nint main() { int n, x; long long s = 0; if (scanf("%d", &n)) while (n-- && scanf("%d", &x)) s += x; printf("%lld\\n", s); }\n'
FINE = json.dumps({"reason": "fine", "clarity": 5, "well_posed": True})


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder of two tasks, which say in words what they ask for."""
    for name, words in (("sum", "Sum of all items."), ("top", "Largest of all items, 0 where there is none.")):
        text = f'def {name}_of(items: list) -> int:\n    """{words}"""\n    return {"sum(items)" if name == "sum" else "max(items, default=0)"}\n'
        put(tmp_path / "tasks" / name, program=text)
        (tmp_path / "tasks" / name / "codeopt.toml").write_text(f'project = "."\nfunction = "{name}_of"\n')
    return tmp_path / "tasks"


def code(text: str, language: str = "python") -> str:
    return f"Here it is.\n```{language}\n{text}```\nDone."


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


# --- ask ------------------------------------------------------------------------------------------------------


def test_versions_are_asked_for_by_operator_and_kept_in_the_form_of_generate(tmp_path: Path, tasks: Path) -> None:
    slower = "def sum_of(items):\n    total = 0\n    for item in items:\n        total += item\n    return total\n"
    same = "def sum_of(items: list) -> int:\n    # copied\n    return sum(items)\n"
    words = ("data", "ask", tasks, "--model", "m", "--ids", "sum", "--concurrency", "1", "--seed", "7", "--out", "out", "--json")
    with serve(Step(code(slower)), Step(code(same)), Step("no code at all"), Step(code(slower))) as server:
        words = (*words, "--base-url", server.url, "--operators", "slower,faster")
        done = codeopt(*words, "--samples", "2", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        prompts = [request["messages"][0]["content"] for request in server.requests]
        again = codeopt(*words, "--samples", "2", cwd=tmp_path)
        assert again.returncode == 0 and len(server.requests) == 4, "nothing is asked twice"
        more = codeopt(*words, "--samples", "3", cwd=tmp_path)
        assert more.returncode == 0 and len(server.requests) == 6, "further samples add to a folder"
    made = rows(tmp_path / "out/samples.jsonl")[:4]
    assert [(row["task_id"], row["sample"], row["operator"], row["seed"]) for row in made] == [
        ("sum", number, ("slower", "faster")[number % 2], 7 + number) for number in range(4)
    ]
    assert made[0]["solution"].startswith("def sum_of") and "total += item" in made[0]["solution"] and made[2]["solution"] == ""
    told = json.loads(done.stdout)
    assert told["operators"] == {
        "slower": {"samples": 2, "with_a_program": 1, "changed": 1, "distinct": 1},
        "faster": {"samples": 2, "with_a_program": 2, "changed": 1, "distinct": 0},
    }
    assert "slow version" in prompts[0] and "faster" in prompts[1] and len(set(prompts)) == 4, "each sample is asked another way"
    assert "return sum(items)" in prompts[0] and "return sum(items)" not in prompts[2], "every second one does not see the program"
    kept = rows(tmp_path / "out/prompts.jsonl")
    assert [row["messages"][0]["content"] for row in kept[:4]] == prompts


def test_a_program_is_asked_for_afresh_from_its_description(tmp_path: Path, tasks: Path) -> None:
    with serve(Step("none")) as server:
        words = ("--model", "m", "--base-url", server.url, "--operators", "afresh", "--samples", "1", "--ids", "sum", "--out", "out")
        done = codeopt("data", "ask", tasks, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    (request,) = server.requests
    assert "Sum of all items" in request["messages"][0]["content"] and "sum(items)" not in request["messages"][0]["content"]


def test_what_cannot_be_asked_is_one_line(tmp_path: Path, tasks: Path) -> None:
    refused(codeopt("data", "ask", tasks, "--model", "m", "--operators", "quicker", cwd=tmp_path), "no operator 'quicker'.*slower")
    refused(codeopt("data", "ask", tasks, cwd=tmp_path), "no model is named")
    refused(codeopt("data", "ask", "kernels", "--model", "m", cwd=tmp_path), "kernels is a test set")
    refused(codeopt("data", "evolve", tasks, "--model", "m", "--operators", "x", cwd=tmp_path), "no operator 'x'.*domain")


# --- evolve: what models write ----------------------------------------------------------------------------------


def test_a_problem_is_read_as_models_write_it() -> None:
    draft = read_problem(f"<think>hm</think>Sure!\n```json\n{json.dumps(PROBLEM)}\n```", "domain")
    assert draft.function == "common" and len(draft.examples) == 3 and draft.head.startswith("from typing import List\ndef common(")
    assert draft.specification.examples[0].call and "[1, 3]" in draft.text
    torn = json.dumps(PROBLEM)[:-2].replace('"signature"', "'signature'")  # a bracket and a quotation mark are missing
    assert read_problem(torn, "domain").function == "common"
    forms = [
        {"call": "common([1], [2])", "result": []}, {"input": "common([2], [2])", "output": "[2]"}, {"input": [[3], [3]], "expected": [3]},
        {"left": [4], "right": [], "expected": []}, {"input": {"left": [5], "right": [5]}, "output": [5]}, {"input": [6], "output": []}, "common([7], [7])",
    ]  # fmt: skip
    pairs = {**PROBLEM, "examples": forms}
    assert read_problem(json.dumps(pairs), "domain").examples == (
        ("common([1], [2])", "[]"), ("common([2], [2])", "[2]"), ("common([3], [3])", "[3]"), ("common([4], [])", "[]"), ("common([5], [5])", "[5]"),
    )  # fmt: skip
    loose = {**PROBLEM, "signature": 'def common(left, right): -> list:\n    """Its words."""'}
    assert read_problem(json.dumps(loose), "domain").head == "def common(left, right) -> list:"
    foreign = {**PROBLEM, "signature": "common(left: np.ndarray, right: __import__('os').system('x')) -> Frame:"}
    assert read_problem(json.dumps(foreign), "domain").head == "def common(left, right):"
    program = read_problem(json.dumps(SUM), CPP)
    assert program.examples == (("3\n1 2 3\n", "6\n"), ("1\n5\n", "5\n")) and program.function == ""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I cannot do that.", "no problem as JSON"),
        (json.dumps({**PROBLEM, "description": "short"}), "description"),
        (json.dumps({**PROBLEM, "description": "a \u202e b \x00 c d e f g"}), "description"),
        (json.dumps({**PROBLEM, "description": "one two three four five six \ud800"}), "no text"),
        (json.dumps({**PROBLEM, "signature": "def common(*items)"}), "arguments"),
        (json.dumps({**PROBLEM, "signature": "def common(a): import os; os.system('x')\ndef f(x)"}), "signature"),
        (json.dumps({**PROBLEM, "examples": ["other([1]) == 1", "common(open('x')) == 1", "common([1], [1])"]}), "0 of its 3"),
        (json.dumps({**PROBLEM, "examples": [[[[]]]] * 60}), "no problem as JSON"),
        ('{"description": ' + "[" * 100_000, "no "),
    ],
)
def test_what_is_no_problem_says_why(answer: str, why: str) -> None:
    with pytest.raises(IllFormed, match=why):
        read_problem(answer, "domain")


def test_a_generator_is_read_and_never_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    hostile = {**SUM, "generator": f"open({str(touched)!r}, 'w')\ndef make(size, seed):\n    return ''"}
    assert read_problem(json.dumps(hostile), CPP).inputs and not touched.exists()
    with pytest.raises(IllFormed, match="no make"):
        read_problem(json.dumps({**SUM, "generator": "def other(): pass"}), CPP)


def test_a_critic_is_read_with_care() -> None:
    assert read_critic(FINE) == (5, "")
    assert read_critic('{"clarity": 4, "well_posed": false, "reason": "order is not said"}') == (4, "not well posed: order is not said")
    assert read_critic('{"clarity": 2, "well_posed": true}')[1].startswith("clarity 2 of 5")
    assert read_critic("It is fine.") == (0, "the critic gave no verdict")
    assert read_critic('{"clarity": NaN, "well_posed": true}')[0] in (0, 1)


# --- evolve: the loop -------------------------------------------------------------------------------------------

COUNT = {
    "description": "How many different words does the given text hold, where capital and small letters are the same.",
    "signature": "def words_in(text: str) -> int",
    "examples": ["words_in('a A b') == 2", "words_in('') == 0"],
}
VAGUE = {**COUNT, "description": "Give back the best entry of a table of measurements, as the user of it would choose."}
COUNT_ONE = "def words_in(text):\n    return len(text)\n"
COUNT_TWO = "def words_in(text):\n    return len(set(text.split()))\n"
REJECTED = json.dumps({"reason": "best is not defined", "clarity": 2, "well_posed": False})


def evolve(folder: Path, tasks: Path, url: str, *more: str) -> dict[str, Any]:
    words = ("--model", "m", "--base-url", url, "--concurrency", "1", "--samples", "1", "--sandbox", "process", "--out", "out", "--json")
    done = codeopt("data", "evolve", tasks, *words, *more, cwd=folder, seconds=250)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_loop_filters_what_a_model_makes_and_asks_nothing_twice(tmp_path: Path, tasks: Path) -> None:
    problems = [json.dumps(PROBLEM), "Sorry, no.", json.dumps(PROBLEM), json.dumps(VAGUE), json.dumps(COUNT)]
    programs = [code(SLOW), code(FAST), code(COUNT_ONE), code(COUNT_TWO)]
    steps = [Step(text, usage=(10, 5)) for text in (*problems, FINE, REJECTED, FINE, *programs, "enough")]
    words = ("--operators", "domain", "--seeds", "5")
    with serve(*steps) as server:
        told = evolve(tmp_path, tasks, server.url, *words, "--ask-only")
        assert told["filters"]["evolved"] == 3 and told["filters"]["kept"] == 0, "nothing is run before it is said"
        assert len(server.requests) == 12 and (told["tokens_in"], told["tokens_out"]) == (120, 60)
        told = evolve(tmp_path, tasks, "http://127.0.0.1:1/v1", *words)  # elsewhere, where there is no model
        assert told["filters"] == {
            "evolved": 5, "unreadable": 1, "near_duplicate": 1, "critic": 1, "no_programs": 0, "unusable": 0, "disagree": 1, "kept": 1,
        }  # fmt: skip
        assert len(server.requests) == 12, "answers that were paid for are not asked for again"
        # On a busy machine inputs may not grow far enough for the set to pay.
        assert told["statuses"] in ({"ok": 1}, {"not_faster": 1}), told
        again = evolve(tmp_path, tasks, server.url, *words, "--rounds", "2")
        assert len(server.requests) == 17 and again["filters"]["unreadable"] == 6, "a second round goes on"
    found = {row["outcome"]: row for row in rows(tmp_path / "out/problems.jsonl")}
    kept = found["kept"]
    assert kept["programs"] == [f"from typing import List\n\n{text}" for text in (SLOW, FAST)] and kept["wrong_examples"] == 1
    assert kept["examples"] == [["common([1, 2, 3], [3, 1])", "[1, 3]"], ["common([4], [4])", "[4]"]], "the wrong one is gone"
    assert kept["clarity"] == 5 and kept["parents"][0] in ("sum", "top") and kept["model"] == kept["critic"] == "m"
    assert "best is not defined" in found["critic"]["why"] and kept["name"] in found["near_duplicate"]["why"]
    answers = rows(tmp_path / "out/answers.jsonl")
    assert answers[0]["messages"] == server.requests[0]["messages"] and answers[0]["text"] == problems[0]
    assert [row["seed"] for row in answers] == [request["seed"] for request in server.requests]
    assert server.requests[5]["temperature"] == 0.0 and "Is it well posed?" in server.requests[5]["messages"][0]["content"]
    events = rows(tmp_path / "out/runs" / kept["name"] / "trace.jsonl")
    (made,) = [event["candidate"] for event in events if event["event"] == "candidate"]
    assert made["proposal"]["proposer"] == "llm" and made["proposal"]["rule"] == "m" and "known = set(right)" in made["proposal"]["source"]
    assert made["proposal"]["source"].count("import List") == 1 and kept["description"] in made["proposal"]["source"]
    assert next(event for event in events if event["event"] == "run_started")["task"]["problem"] == kept["parents"][0]
    drawn = [name for _, seeds in json.loads((tmp_path / "out/round-002.json").read_text()) for name, _ in seeds]
    assert kept["name"] in drawn, "what was kept is evolved further"
    # What was kept is a suite of its own.
    with serve(Step(code(SLOW))) as server:
        done = codeopt("data", "ask", "out/problems", "--model", "m", "--base-url", server.url, "--samples", "1", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "in the order of left" in server.requests[0]["messages"][0]["content"]


def test_a_problem_for_a_program_is_judged_on_what_its_generator_makes(tmp_path: Path, tasks: Path) -> None:
    steps = [Step(text) for text in (json.dumps(SUM), FINE, code(CPP_SLOW, "cpp"), code(CPP_FAST, "cpp"))]
    with serve(*steps) as server:
        told = evolve(tmp_path, tasks, server.url, "--operators", "cpp", "--seeds", "1")
    assert told["filters"]["kept"] == 1, rows(tmp_path / "out/problems.jsonl")
    (row,) = rows(tmp_path / "out/problems.jsonl")
    place = tmp_path / "out/problems" / row["name"]
    assert "Print their sum" in (place / "solution.cpp").read_text() and "def make" in (place / "inputs.py").read_text()


def test_tokens_are_a_hard_limit_and_more_of_them_go_on(tmp_path: Path, tasks: Path) -> None:
    words = ("--operators", "domain", "--seeds", "5", "--max-tokens", "50")
    with serve(Step("no", usage=(10, 20))) as server:
        told = evolve(tmp_path, tasks, server.url, *words, "--tokens", "149")
        assert len(server.requests) == 2 and "the tokens are spent" in told["ended"] and told["filters"]["unreadable"] == 2
        told = evolve(tmp_path, tasks, server.url, *words)
        assert len(server.requests) == 5 and told["filters"]["unreadable"] == 5
        words = ("--operators", "larger", "--model", "m", "--base-url", server.url, "--out", "out")
        refused(codeopt("data", "evolve", tasks, *words, cwd=tmp_path), "holds another run")


def test_a_text_is_near_a_benchmark_that_it_holds_and_a_problem_that_it_repeats() -> None:
    near = Near()
    near.add("HumanEval/0", "Check if in given list of numbers, are any two numbers closer to each other than given threshold.", benchmark=True)
    near.add("mine", "Return the largest sum of any three items of the list that stand beside each other.\n>>> f([1, 2, 3])\n6")
    longer = "Bees report heights. Check if in given list of numbers, are any two numbers closer to each other than a limit, and say it."
    assert near.find(longer) == "HumanEval/0"
    assert near.find("Return the largest sum of any three items of the list that stand beside each other") == "mine"
    assert near.find("Return the largest sum of any three items of the list that stand apart from each other, or 0 for a short list") == ""
    assert near.find("") == ""
