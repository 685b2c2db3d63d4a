"""The user's own pytest on a candidate: it runs apart from it, and its word counts."""

import sys

import pytest

from codeopt.agent.tasks.detect import detect
from codeopt.agent.user_tests import tests_on as judge_with_tests
from codeopt.agent.user_tests import with_hottest
from codeopt.agent.workshop import Workshop
from codeopt.cli.view import Silent
from codeopt.config import Settings
from codeopt.sandbox.process import ProcessSandbox
from codeopt.types import Proposal, Status

MODULE = """
def squares(n):
    out = []
    for i in range(n):
        out = out + [i * i]
    return out


def names():
    return ["a"]
"""
TESTS = """
from mod import names, squares


def test_small():
    assert squares(4) == [0, 1, 4, 9]


def test_large():
    assert len(squares(3000)) == 3000


def test_names():
    assert names() == ["a"]
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'p'\n")
    (tmp_path / "mod.py").write_text(MODULE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_mod.py").write_text(TESTS)
    return tmp_path


def settings(project, **more):
    return Settings(tests=(str(project / "tests"),), python=sys.executable, **more)


def test_the_hottest_function_of_the_file_is_found(project):
    task = detect(project / "mod.py", settings(project))
    assert task.function == ""
    assert with_hottest(task, ProcessSandbox(), Silent()).function == "squares"


def test_the_tests_judge_the_candidate_and_not_the_old_file(project):
    task = detect(project / "mod.py", settings(project, function="squares"))
    with Workshop(task, ProcessSandbox()) as shop:
        right = "def squares(n):\n    return [i * i for i in range(n)]\n"
        status, note = judge_with_tests(shop, Proposal(source=right, proposer="test", note=""))
        assert status is Status.OK and "3 passed, 2 calls" in note
        wrong = "def squares(n):\n    return [i * i for i in range(n)][: max(n, 4) - 1]\n"
        status, note = judge_with_tests(shop, Proposal(source=wrong, proposer="test", note=""))
        assert status is Status.WRONG_OUTPUT
        assert "test_small" in note or "test_large" in note
        # A candidate that rewrites the tests' verdict from inside reaches only its own process.
        cheat = "import os\ndef squares(n):\n    os._exit(0)\n"
        status, _ = judge_with_tests(shop, Proposal(source=cheat, proposer="test", note=""))
        assert status is Status.CRASHED
