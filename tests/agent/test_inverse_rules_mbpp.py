"""Inverse rules on MBPP's functions: what they make parses, is another program, and passes MBPP's own asserts."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from codeopt.agent.rules.base import Code
from codeopt.agent.rules.inverse import inverse_rules

SAMPLE = 120
RUN = """
import contextlib, io, json, signal, sys

def late(*_):
    raise TimeoutError("20 s")

signal.signal(signal.SIGVTALRM, late)
failed = {}
for name, program, asserts in json.load(sys.stdin):
    signal.setitimer(signal.ITIMER_VIRTUAL, 20)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            space = {"__name__": "tried"}
            exec(program, space)
            for one in asserts:
                exec(one, space)
    except BaseException as error:
        failed[name] = repr(error)[:200]
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
json.dump(failed, sys.stdout)
"""


def failures(programs: list[tuple[str, str, list[str]]]) -> dict[str, str]:
    """Name -> error of those that do not pass their asserts, in another process."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN], input=json.dumps(programs), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_an_assert_that_fails_is_seen() -> None:
    assert list(failures([("right", "def f():\n    return 1\n", ["assert f() == 1"]), ("wrong", "def f():\n    return 2\n", ["assert f() == 1"])])) == ["wrong"]


@pytest.mark.skipif("CODEOPT_DATA" not in os.environ, reason="CODEOPT_DATA names no folder with mbpp/mbpp.jsonl")
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_what_the_rules_make_of_mbpp_passes_its_asserts() -> None:
    lines = Path(os.environ["CODEOPT_DATA"], "mbpp", "mbpp.jsonl").read_text("utf-8").splitlines()
    problems = [json.loads(line) for line in lines]
    sample = random.Random(7).sample(problems, min(SAMPLE, len(problems)))
    asserts = {one["task_id"]: [one["test_setup_code"], *one["test_list"]] for one in sample}
    texts = {one["task_id"]: one["code"].replace("\r\n", "\n") for one in sample}
    broken = failures([(str(key), text, asserts[key]) for key, text in texts.items()])
    made: list[tuple[str, str, list[str]]] = []
    touched = set()
    for key, text in texts.items():
        if str(key) in broken:
            continue
        for name, rule in inverse_rules("python").items():
            for number, rewrite in enumerate(rule.apply(Code(text))):
                ast.parse(rewrite.text)
                assert ast.dump(ast.parse(rewrite.text)) != ast.dump(ast.parse(text)), (key, name)
                made.append((f"{key} {name} {number}", rewrite.text, asserts[key]))
                touched.add(key)
    assert len(touched) > 0.9 * (len(texts) - len(broken)) and len(broken) < 0.05 * len(texts)
    assert failures(made) == {}
