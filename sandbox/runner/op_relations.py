"""Check the user's relations between answers; the answers come from elsewhere.

Request: file (path inside), names (of relations), calls (encoded inputs), text (the inputs are stdin texts of a
program), seconds, checks ([name, number of the call] to make and no others; [] makes all that are applicable).
context.remote carries each question.
Reply: held ([name, number]), broken ({"name", "input", "why"} or {}), misuse (what is wrong with a relation itself, ""),
gone (why no answer came, ""), complete (false where the time was over).

A relation is a generator function: it gets the arguments of the function (or the text of stdin), yields arguments as a
tuple (a text) and is sent the answer for them, or has the answer's exception thrown in. It holds where it returns, or
ends, without an exception and not with False. Where the first answer is an exception that it lets pass, it says
nothing about that input.
"""

from __future__ import annotations

import time
import traceback
from typing import Any

from .op_texts import load_generator

MOST_ANSWERS = 200


class Misuse(Exception):
    """The relation does not keep to the protocol."""


class Gone(Exception):
    """There will be no more answers."""


class ProgramFailed(RuntimeError):
    """A program that did not exit with 0; the message says how it ended."""


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    until = time.monotonic() + float(request["seconds"])
    reply: dict[str, Any] = {"held": [], "broken": {}, "misuse": "", "gone": "", "complete": False}
    calls = request["calls"]
    checks = request["checks"] or [[name, i] for i in range(len(calls)) for name in request["names"]]
    relations = {name: load_generator(request["file"], name) for name in request["names"]}
    for name, number in checks:
        if time.monotonic() > until:
            return reply
        trial = Trial(context, bool(request["text"]), context.codec.decode_live(calls[number]))
        try:
            why = trial.run(relations[name])
        except Misuse as error:
            return {**reply, "misuse": "relation %s %s" % (name, error)}
        except Gone as error:
            return {**reply, "gone": "relation %s: %s" % (name, error)}
        if why is None and not request["checks"]:
            continue  # it says nothing about this input
        if why is None:
            why = "the first answer is an exception"
        if why:
            return {**reply, "broken": {"name": name, "input": number, "why": why + trial.told()}}
        reply["held"].append([name, number])
    reply["complete"] = True
    return reply


class Trial:
    """One relation on one input. `call` is its own copy of it."""

    def __init__(self, context: Any, text: bool, call: dict[str, Any]) -> None:
        self.codec, self.remote, self.text, self.call = context.codec, context.remote, text, call
        self.given = short(tuple(call["args"]), 120)
        self.answers: list[str] = []
        self.first: BaseException | None = None

    def run(self, relation: Any) -> str | None:
        """"" where the relation holds, None where it says nothing, else why it does not hold."""
        try:
            generator = relation(*self.call["args"], **self.call["kwargs"])
            advance = generator.send
        except (TypeError, AttributeError) as error:
            raise Misuse("cannot be started with the input (%s)" % error) from error
        value: Any = None
        try:
            while True:
                answer = self.ask(advance(value))
                failed = "error" in answer
                if failed and not self.answers:
                    self.first = answer["error"]
                value = answer["error"] if failed else answer["ok"]
                self.answers.append("%s raised" % type(value).__name__ if failed else short(value, 60))
                advance = generator.throw if failed else generator.send
        except StopIteration as stop:
            return "it returned False" if stop.value is False else ""
        except (Misuse, Gone):
            raise
        except BaseException as error:
            return None if error is self.first else explained(error)
        finally:
            generator.close()

    def ask(self, item: Any) -> dict[str, Any]:
        """The answer to what a relation yielded: {"ok": value} or {"error": exception}."""
        wanted = str if self.text else tuple
        if not isinstance(item, wanted):
            what = "stdin as str" if self.text else "the arguments as a tuple, such as (values,)"
            raise Misuse("yields %s; it has to yield %s" % (short(item, 60), what))
        if len(self.answers) >= MOST_ANSWERS:
            raise Misuse("asks for more than %d answers on one input" % MOST_ANSWERS)
        args = [item] if self.text else list(item)
        try:
            blob = self.codec.encode({"args": args, "kwargs": self.call["kwargs"]})
        except self.codec.Unencodable as error:
            raise Misuse("yields a value that cannot cross the sandbox (%s)" % error) from error
        answer: dict[str, Any] = self.codec.decode_live(self.remote(blob))
        if "gone" in answer or "unencodable" in answer:
            raise Gone(str(answer.get("gone") or answer["unencodable"]))
        if "failed" in answer:
            return {"error": ProgramFailed(answer["failed"])}
        return answer

    def told(self) -> str:
        return "; arguments %s; answers %s" % (self.given, ", ".join(self.answers[:4]) or "none")


def explained(error: BaseException) -> str:
    """The line of the relation that failed, and what it said."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = str(error) if isinstance(error, AssertionError) else "%s: %s" % (type(error).__name__, error)
    return ": ".join(filter(None, ("line %d" % (where.lineno or 0), where.line or "", said)))[:500]


def short(value: Any, limit: int) -> str:
    """The value as text, cut in the middle."""
    try:
        text = repr(value)
    except Exception as error:
        return "<%s whose repr fails: %s>" % (type(value).__name__, type(error).__name__)
    return text if len(text) <= limit else "%s…%s" % (text[: limit - 10], text[-9:])
