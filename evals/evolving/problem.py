"""An evolved problem: what a model wrote, read with care, and what became of it."""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from codeopt.agent.plan.observe import loose
from codeopt.agent.spec.reading import Example, Specification, examples_of, read_specification
from codeopt.types import Record

CPP = "cpp"
"""The operator whose problems are C++ programs; all others' are Python functions."""
LEAST_EXAMPLES = 2
LEAST_WORDS, MOST_CHARS = 6, 4000
_CALLS = ("call", "input", "inputs", "args", "arguments")
_RESULTS = ("result", "output", "expected", "expected_output", "returns")
CLEAR = 3
"""From this clarity on, of 1 to 5, a problem passes its critic."""
KEPT = "kept"
_TYPING = frozenset({"Any", "Dict", "FrozenSet", "Iterable", "List", "Mapping", "Optional", "Sequence", "Set", "Tuple", "Union"})


class IllFormed(Exception):
    """An answer that is no problem; the message says why."""


@dataclass(frozen=True)
class Draft:
    """A problem as it was written.

    Attributes:
        language: "python" or "cpp".
        description: In words.
        function: Its name; "" for a program.
        head: "def name(…) -> …:" with the imports that its annotations need; "" for a program.
        examples: (call, result) as Python, or (stdin, stdout).
        inputs: Python text with make(size, seed), for a program.
    """

    language: str
    description: str
    function: str
    head: str
    examples: tuple[tuple[str, str], ...]
    inputs: str = ""

    @property
    def text(self) -> str:
        """The problem as others read it: a function's head with a docstring, or words."""
        if self.language == CPP:
            shown = [f"Example input:\n{given}\nExample output:\n{result}" for given, result in self.examples]
            return "\n\n".join([self.description, *shown])
        doc = "\n".join([self.description, *(f">>> {call}\n{result}" for call, result in self.examples)])
        tree = ast.parse(f"{self.head}\n    pass\n")
        node = tree.body[-1]
        assert isinstance(node, ast.FunctionDef)
        node.body = [ast.Expr(ast.Constant(doc.replace("\n", "\n    ") + "\n    "))]
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"

    @property
    def specification(self) -> Specification:
        """What a board judges programs by."""
        if self.language == CPP:
            texts = tuple(Example(given.encode(), result.encode()) for given, result in self.examples)
            return Specification(self.text, "", texts, CPP, self.inputs)
        return read_specification(self.text, self.function)

    def mark(self) -> str:
        """Six hex digits that follow from the text."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:6]

    def with_examples(self, held: tuple[bool, ...]) -> Draft:
        """The draft without the examples that the programs which agree do not give."""
        # Beyond these, a board finds examples within the words.
        return replace(self, examples=tuple(one for one, holds in zip(self.examples, held, strict=False) if holds))


class Evolved(Record):
    """What became of one problem.

    Attributes:
        task_id: Name of its round.
        sample: Its number in the round.
        name: Of the problem, and of its folder where it was kept.
        operator, parents: What it was made by, and from which problems.
        outcome: "kept", or the filter that took it out; see `codeopt.evals.evolving.loop.FILTERS`.
        why: In a line.
        language, description, function, head, examples, inputs: As in `Draft`; "" and none where it could not be read.
            Of a kept one without the examples that turned out wrong.
        wrong_examples: How many those were.
        clarity: Its critic's, 1 to 5; 0 without a verdict.
        programs: Different programs that agree with each other; the straightforward ones first.
        tried: Different programs that were run.
        confidence: As `codeopt.agent.spec.board.Found.confidence`.
        model, critic: Their names.
    """

    task_id: str
    sample: int
    name: str
    operator: str
    parents: tuple[str, ...]
    outcome: str
    why: str = ""
    language: str = ""
    description: str = ""
    function: str = ""
    head: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    inputs: str = ""
    wrong_examples: int = 0
    clarity: int = 0
    programs: tuple[str, ...] = ()
    tried: int = 0
    confidence: float = 0.0
    model: str = ""
    critic: str = ""

    def draft(self) -> Draft:
        """The problem of a kept one."""
        return Draft(self.language, self.description, self.function, self.head, self.examples, self.inputs)


class _Written(BaseModel):
    description: str
    signature: str = ""
    examples: list[Any] = Field(max_length=50)
    generator: str = ""


class _Critic(BaseModel):
    clarity: float = 0
    well_posed: bool
    reason: str = ""


def read_problem(answer: str, operator: str) -> Draft:
    """The problem in an answer. Nothing of it is run.

    Raises:
        IllFormed: There is none, or one that cannot be used.
    """
    try:
        found = _Written.model_validate(loose(answer))
        json.dumps(found.model_dump(), ensure_ascii=False).encode("utf-8")
    except ValidationError as error:
        first = error.errors()[0]
        raise IllFormed(f"no problem as JSON ({'.'.join(map(str, first['loc']))}: {first['msg']})"[:200]) from None
    except (ValueError, TypeError, RecursionError):  # lone surrogates; lists within lists without an end
        raise IllFormed("what it holds is no text") from None
    description = found.description.strip()
    readable = all(char.isprintable() or char in "\n\t" for char in description)
    if not readable or len(description.split()) < LEAST_WORDS or len(description) > MOST_CHARS:
        raise IllFormed(f"its description has not {LEAST_WORDS} words to {MOST_CHARS} characters of text")
    return _program(found, description) if operator == CPP else _function(found, description)


def _function(found: _Written, description: str) -> Draft:
    function, names, head = _head(found.signature)
    examples: dict[bytes, tuple[str, str]] = {}
    for item in found.examples:
        pair = _example(item, function, names)
        if pair is not None:
            for one in examples_of(f">>> {pair[0]}\n{pair[1]}\n", function):
                examples.setdefault(one.call, pair)
    if len(examples) < LEAST_EXAMPLES:
        raise IllFormed(f"{len(examples)} of its {len(found.examples)} examples are calls of plain values with plain results")
    return Draft("python", description, function, head, tuple(examples.values()))


def _program(found: _Written, description: str) -> Draft:
    try:
        defined = {node.name for node in ast.parse(found.generator).body if isinstance(node, ast.FunctionDef)}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise IllFormed(f"its generator does not parse ({error})"[:200]) from None
    if "make" not in defined:
        raise IllFormed("its generator defines no make")
    examples: dict[str, str] = {}
    for item in found.examples:
        if isinstance(item, Mapping) and isinstance(item.get("input"), str) and isinstance(item.get("output"), str):
            examples.setdefault(item["input"].rstrip("\n") + "\n", item["output"].rstrip("\n") + "\n")
    if len(examples) < LEAST_EXAMPLES:
        raise IllFormed(f"{len(examples)} of its {len(found.examples)} examples have input and output")
    return Draft(CPP, description, "", "", tuple(examples.items()), found.generator)


def _head(signature: str) -> tuple[str, list[str], str]:
    """(name, names of its arguments, head) of a signature. Raises IllFormed."""
    # Models go on with a docstring, and write "): -> int".
    text = re.sub(r"\)\s*:\s*->", ") ->", signature.strip().partition("\n")[0]).rstrip(": ")
    try:
        tree = ast.parse(f"{text if text.startswith('def ') else f'def {text}'}: pass")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise IllFormed(f"its signature does not parse ({error})"[:200]) from None
    node = tree.body[0]
    if len(tree.body) != 1 or not isinstance(node, ast.FunctionDef) or not node.args.args:
        raise IllFormed("its signature is no function with arguments")
    args = node.args
    if args.vararg or args.kwarg or args.posonlyargs or args.kwonlyargs or args.defaults:
        raise IllFormed("its signature has other than plain arguments")
    notes = [note for note in (*(arg.annotation for arg in args.args), node.returns) if note is not None]
    named = {part.id for note in notes for part in ast.walk(note) if isinstance(part, ast.Name)}
    allowed = (ast.Name, ast.Load, ast.Subscript, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.Constant)
    plain = all(isinstance(part, allowed) for note in notes for part in ast.walk(note))
    if not plain or not all(name in _TYPING or isinstance(getattr(builtins, name, None), type) for name in named):
        # An annotation that needs what is not there is no part of the problem.
        node.returns = None
        for arg in args.args:
            arg.annotation = None
        named = set()
    needed = sorted(named & _TYPING)
    node.body = [ast.Pass()]
    head = ast.unparse(ast.fix_missing_locations(node)).rpartition("\n")[0]
    return node.name, [arg.arg for arg in args.args], "\n".join([*([f"from typing import {', '.join(needed)}"] if needed else []), head])


def _example(item: Any, function: str, names: Sequence[str]) -> tuple[str, str] | None:
    """(call, result) of an example as models write them; None where it is none.

    "f(1) == 2", or an object: its call or input, which may be the only argument, a list of all or an object of these by
    name, or arguments by name beside the result.
    """
    if isinstance(item, Mapping):
        results = [item[name] for name in _RESULTS if name in item]
        calls = [item[name] for name in _CALLS if name in item and name not in names]
        given = calls[0] if calls else {name: item[name] for name in names if name in item}
        if not results:
            return None
        if isinstance(given, str) and given.startswith(f"{function}("):
            shown = results[0] if isinstance(results[0], str) else repr(results[0])
            return _example(f"{given} == {shown}", function, names)
        if isinstance(given, Mapping) and set(given) == set(names):
            values = [given[name] for name in names]
        elif isinstance(given, list) and len(names) > 1:
            values = given
        else:
            values = [given]
        if len(values) != len(names):
            return None
        item = f"{function}({', '.join(map(repr, values))}) == {results[0]!r}"
    if not isinstance(item, str) or len(item) > MOST_CHARS:
        return None
    try:
        test = ast.parse(item.strip().removeprefix("assert ").removeprefix(">>> ").strip(), mode="eval").body
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
            return None
        call = test.left
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != function:
            return None
        return ast.unparse(call), ast.unparse(test.comparators[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def read_critic(answer: str) -> tuple[int, str]:
    """(clarity, "" or why the problem is out) of a critic's answer; (0, why) where there is no verdict in it."""
    try:
        found = _Critic.model_validate(loose(answer))
    except ValidationError:
        return 0, "the critic gave no verdict"
    clarity = int(max(1.0, min(5.0, found.clarity))) if found.clarity == found.clarity else 1
    reason = " ".join(found.reason.split())[:300]
    if not found.well_posed:
        return clarity, f"not well posed: {reason}"
    return clarity, "" if clarity >= CLEAR else f"clarity {clarity} of 5: {reason}"
