"""Real inputs from docstrings: run the examples with the function recorded.

Running the whole example, not only parsing its calls, gives the values of names that earlier lines made and the
calls of methods on objects that the example builds.
"""

from __future__ import annotations

import ast
import doctest
import os
import re
import sys
from typing import Any

from .hook_functions import Hooks, is_classmethod
from .inputs_trial import in_child
from .record_calls import Recorder

ARROW = re.compile(r"^\s*(?:For example,?\s*)?`{0,2}(\w+\(.*\))`{0,2}\s*(?:=+>|==|->|➞|returns?\b|=|#)")


def docstrings(context: Any) -> list[str]:
    """The function's own docstring first, then its class's and its module's."""
    things = [context.function, context.owner, context.module]
    found = [getattr(thing, "__doc__", None) for thing in things if thing is not None]
    return [text for text in found if isinstance(text, str) and text.strip()]


def sources(text: str, name: str) -> list[str]:
    """The statements of a docstring's examples; lines like `f(1, 2) == 3` where there is no prompt."""
    try:
        examples = [example.source for example in doctest.DocTestParser().get_examples(text)]
    except ValueError:
        examples = [line.strip()[4:] for line in text.splitlines() if line.strip().startswith(">>> ")]
    if examples:
        return examples
    found = []
    for line in text.splitlines():
        match = ARROW.match(line)
        if match and match.group(1).startswith(name + "("):
            found.append(match.group(1))
    return [line for line in found if _parses(line)]


def _parses(line: str) -> bool:
    try:
        ast.parse(line, mode="eval")
    except SyntaxError:
        return False
    return True


def blobs(context: Any, seconds: float) -> list[bytes]:
    """Encoded calls that the docstrings make. Evaluated in a child process; none where it fails."""
    name = context.function_name.rsplit(".", 1)[-1]
    texts = [text for text in docstrings(context) if name in text]
    if not texts:
        return []
    return in_child(lambda: _record(context, texts, name), seconds) or []


def _record(context: Any, texts: list[str], name: str) -> list[bytes]:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    recorder = Recorder(context.codec, context.module_name, 64)
    skip = 1 if is_classmethod(context) else 0
    hooks = Hooks()
    hooks.add(context.file, context.function_name, lambda function: recorder.wrap(function, skip))
    hooks.install()
    for text in texts:
        scope: dict[str, Any] = dict(vars(context.module))
        scope["__name__"] = context.module_name
        for source in sources(text, name):
            try:
                exec(compile(source, "<docstring>", "exec"), scope)  # the user's own examples, in the sandbox
            except Exception as error:
                sys.stderr.write("docstring example: %s\n" % error)
    return [entry["blob"] for entry in sorted(recorder.calls(), key=lambda entry: len(entry["blob"]))]


