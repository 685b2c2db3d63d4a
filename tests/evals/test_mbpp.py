"""MBPP's problems as programs and as descriptions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeopt.agent.spec.reading import is_specification
from codeopt.agent.tasks.detect import detect
from codeopt.errors import UserError
from codeopt.evals.suites import find
from codeopt.evals.suites.mbpp import texts

CODE = "import math\r\ndef root(x): \r\n  return math.sqrt(x)  # as ever\r\n"
ASSERTS = ["assert root(4) == 2.0", "assert root(9)==3.0", "assert math.isclose(root(2), 1.414, rel_tol=0.01)"]


def test_asserts_become_doctests_of_the_solution_and_of_the_description() -> None:
    made = texts("Write a function to find the root.", CODE, ASSERTS)
    assert made is not None
    function, solution, wish = made
    doc = '    """Write a function to find the root.\n    >>> root(4)\n    2.0\n    >>> root(9)\n    3.0\n    """\n'
    assert (function, solution) == ("root", f"import math\n\ndef root(x):\n{doc}    return math.sqrt(x)\n")
    assert wish == f"def root(x):\n{doc}" and is_specification(wish, "root")


@pytest.mark.parametrize(
    ("code", "asserts"),
    [
        (CODE, ASSERTS[:1]),
        (CODE, ["assert set(root(4)) == {2}", "assert root(open('x')) == 1"]),
        (CODE, [ASSERTS[0], "assert other(4) == 2.0"]),
        (CODE.replace("root", "square"), ASSERTS),
        ("class root:\n    pass\n", ASSERTS),
        ("def root(x:\n", ASSERTS),
    ],
)
def test_what_is_not_plain_is_left_out(code: str, asserts: list[str]) -> None:
    assert texts("Words.", code, asserts) is None


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA is not set")
def test_nearly_all_can_be_used(tmp_path: Path) -> None:
    suite = find("mbpp", None)
    assert 900 < len(suite.problems) <= 974
    problem = suite.chosen(["MBPP/2"])[0]
    task = detect(problem.file)
    assert (task.kind, task.function) == ("function", suite.specification(problem).function)
    assert len(suite.specification(problem).examples) == 3 and 'similar_elements' in suite.values(problem)["source"]
    with pytest.raises(UserError, match=r"no mbpp/mbpp\.jsonl in"):
        find("mbpp", tmp_path)
