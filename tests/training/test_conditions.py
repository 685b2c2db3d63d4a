"""What prompts say besides the program, and which rows are learnt from."""

from __future__ import annotations

import jinja2

from codeopt.training.conditions import asking, examples, score, spoken, template

ROWS = [
    {"prompt": "p", "completion": "slow", "speedup": 1.1, "plan": "", "profile": ""},
    {"prompt": "p", "completion": "fast", "speedup": 8.0, "plan": "a set", "profile": "line 4: 90% of the time"},
    {"prompt": "q", "completion": "other", "speedup": 2.0, "plan": "", "profile": ""},
]


def test_scores_are_shares_of_the_best_log_speedup() -> None:
    assert [score(one, 8.0) for one in (1.0001, 2.0, 4.0, 8.0)] == [1, 4, 7, 10]
    assert score(1.0, 1.0) == 10, "the only one known is the best one known"
    made = examples(ROWS, "score")
    tags = {row["completion"]: row["prompt"].splitlines()[-1] for row in made}
    assert "10 of 10" in tags["fast"] and "be 1 of 10" in tags["slow"] and "10 of 10" in tags["other"]
    assert asking("p", "score") == made[0]["prompt"], "the best is what is asked for"


def test_a_plan_comes_before_the_code_and_a_profile_before_the_plan() -> None:
    (row,) = examples(ROWS, "plan")
    assert row["completion"] == "a set\n\nfast"
    assert row["prompt"] == asking("p", "plan", "line 4: 90% of the time") and "line 4: 90%" in row["prompt"]
    said = examples([{**ROWS[1], **spoken(ROWS[1], True)}], "plan")[0]
    assert said["completion"] == [{"role": "assistant", "content": "a set\n\nfast"}]
    assert said["prompt"][0]["content"] == row["prompt"]


def test_the_best_of_each_program() -> None:
    assert [row["completion"] for row in examples(ROWS, "", 1)] == ["fast", "other"]
    assert len(examples(ROWS, "")) == 3


def test_a_suites_template_asks_as_the_training_did() -> None:
    text = "Make {{ prompt }} faster.\n"
    for condition, profile in (("", ""), ("score", ""), ("plan", ""), ("plan", "line 4: 90% of the time")):
        filled = jinja2.Template(template(text, condition), undefined=jinja2.StrictUndefined).render(prompt="it", profile=profile)
        assert filled.strip() == asking("Make it faster.", condition, profile)
    assert "time" not in jinja2.Template(template(text, "plan"), undefined=jinja2.StrictUndefined).render(prompt="it")


def test_rows_speak_as_the_model_does() -> None:
    plain = {"prompt": "p", "completions": ["a", "b"], "scores": [1.0, 0.0]}
    said = spoken(plain, True)
    assert said["completions"][1] == [{"role": "assistant", "content": "b"}] and said["prompt"][0]["role"] == "user"
    assert spoken({**plain, **said}, False) == {"prompt": "p", "completions": ["a", "b"]}
