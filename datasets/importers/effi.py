"""EffiBench (Huang et al., NeurIPS 2024) with a model's answers, and what is like it: a list of objects, or one on each line.

`canonical_solution` is the fast program, a `class Solution`; `completion`, a model's answer with or without a fence, the
slow one; `test_case` holds asserts on `solution`, an instance. Effi-Code (Huang et al., ICML 2025) publishes the fast
program of each pair only (`instruction`, `output`, `tests`): its records cannot be pairs, and are told as such.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from codeopt.datasets.importers import Bad, Form, Imported, Record, Unusable, checked, each, name_of, text
from codeopt.datasets.importers._json import records

IMPORTS = (
    "from typing import *\nfrom bisect import *\nfrom collections import *\nfrom functools import *\nfrom heapq import *\n"
    "from itertools import *\nfrom math import *\nfrom operator import *\nfrom string import *\nimport bisect\nimport collections\n"
    "import functools\nimport heapq\nimport itertools\nimport math\nimport random\nimport re\nimport string\n\n\n"
)
"""What EffiBench's programs count on: its evaluator puts such imports ahead of each."""
MOST_TESTS = 100
_FENCE = re.compile(r"```(?:python|py)?[^\S\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_CALL = re.compile(r"\bsolution\s*\.\s*([^\W\d]\w*)\s*\(")


def read(path: Path, companion: Path | None) -> Iterator[Imported | Bad]:
    """The pairs of a file. Raises UserError where it cannot be read."""

    def pair(line: int, record: Record) -> Imported:
        if "canonical_solution" not in record and "output" in record and "instruction" in record:
            raise Unusable("one program only", "Effi-Code publishes no slow one")
        fast = checked(_program(text(record, "canonical_solution")), "canonical_solution")
        if "completion" not in record:
            raise Unusable("one program only", "a model's completion is the slow one")
        slow = checked(_program(text(record, "completion")), "completion")
        tests = text(record, "test_case", "") or text(record, "small_test_cases", "")
        called = _CALL.search(tests)
        if called is None or not all("class Solution" in one for one in (slow, fast)):
            raise Unusable("no function", "no class Solution, or no test that calls it")
        return Imported(
            path, line, "effi", record, f"effibench/{name_of(record, 'problem_idx')}", "python", IMPORTS + slow, IMPORTS + fast,
            kind="function", function=f"Solution.{called[1]}", tests=_tests(tests),
            names=("completion", "canonical_solution"),
        )  # fmt: skip

    return each(records(path), path, pair)


def _program(answer: str) -> str:
    fenced = _FENCE.search(answer)
    return (fenced[1] if fenced else answer).strip() + "\n"


def _tests(asserts: str) -> str:
    """A pytest file of the asserts; "" where they do not parse. They are text here, and run in a sandbox only."""
    try:
        bodies = [ast.unparse(node) for node in ast.parse(asserts).body if isinstance(node, ast.Assert)][:MOST_TESTS]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    tests = "".join(f"\n\ndef test_{number}():\n    solution = Solution()\n    {body}\n" for number, body in enumerate(bodies))
    return f"from program import Solution\n{tests}" if bodies else ""


FORM = Form("EffiBench (Huang et al., NeurIPS 2024)", "", read, columns={"effi": {}})
