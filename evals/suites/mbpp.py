"""MBPP's problems (Austin et al. 2021), as programs to speed up and as descriptions: for training and for tuning.

Its asserts that compare a call of plain values with a plain value become doctests, from which inputs are made and grown.
"""

from __future__ import annotations

import ast
import json
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path

from codeopt import config
from codeopt.agent.spec.reading import Specification, examples_of, read_specification
from codeopt.errors import UserError
from codeopt.evals.humaneval import folder_of
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._speed import SpeedSuite

LEAST_EXAMPLES = 2
WISH = "wish.py"


class Mbpp(SpeedSuite):
    """The problems whose function is plain, with two such asserts or more."""

    name = "mbpp"
    for_training = True
    licence = "MBPP (Austin et al. 2021): CC BY 4.0; its solutions are printed anew, with their asserts as doctests"

    def __init__(self, data: Path | None) -> None:
        file = folder_of(data, "mbpp", "mbpp.jsonl") / "mbpp.jsonl"
        folder = Path(tempfile.mkdtemp(prefix="codeopt-mbpp-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.problems = []
        for line in file.read_text("utf-8").splitlines():
            problem = json.loads(line)
            made = texts(problem["text"], problem["code"], problem["test_list"])
            if made is None:
                continue
            function, solution, wish = made
            place = folder / f"{problem['task_id']:03}"
            place.mkdir()
            (place / "solution.py").write_text(solution, "utf-8")
            (place / WISH).write_text(wish, "utf-8")
            said = f'project = "."\nfile = "solution.py"\nfunction = "{function}"\n'
            (place / config.NAME).write_text(said, "utf-8")
            self.problems.append(SpeedTask(f"MBPP/{problem['task_id']}", place / "solution.py"))
        if not self.problems:
            raise UserError(f"{file} holds no problem that can be used", "take the file as published")

    def specification(self, problem: SpeedTask) -> Specification:
        function = config.load(problem.file).function or ""
        return read_specification((problem.file.parent / WISH).read_text("utf-8"), function)


def texts(words: str, code: str, asserts: list[str]) -> tuple[str, str, str] | None:
    """(function, its solution with a docstring, its head with the same one); None for what is not plain enough."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in texts that are not ours
            tree = ast.parse(code)
            examples = list(_examples(asserts))
    except (SyntaxError, ValueError, RecursionError):
        return None
    names = {name for name, _, _ in examples}
    if len(examples) < LEAST_EXAMPLES or len(names) != 1:
        return None
    (function,) = names
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
    if len(found) != 1 or found[0].decorator_list:
        return None
    node = found[0]
    doc = "\n".join([words.strip(), *(f">>> {call}\n{value}" for _, call, value in examples)])
    if len(examples_of(doc, function)) < LEAST_EXAMPLES:
        return None
    statement = ast.Expr(ast.Constant(doc.replace("\n", "\n    ") + "\n    "))
    node.body = [statement, *(node.body[1:] if ast.get_docstring(node) is not None else node.body)]
    solution = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    node.body = [statement]
    return function, solution, ast.unparse(ast.fix_missing_locations(node)) + "\n"


def _examples(asserts: list[str]) -> Iterator[tuple[str, str, str]]:
    """(function, call, answer) of the asserts that compare a call with a value."""
    for text in asserts:
        for node in ast.parse(text).body:
            test = node.test if isinstance(node, ast.Assert) else None
            if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
                call = test.left
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                    yield call.func.id, ast.unparse(call), ast.unparse(test.comparators[0])


def create(data: Path | None) -> Mbpp:
    """The suite. Raises UserError where its data is not there."""
    return Mbpp(data)
