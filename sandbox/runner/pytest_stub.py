"""A pytest plugin and the stub that stands for the function under test.

It runs in a judge's process, where the pristine module is imported and the candidate is not. The stub sends the
encoded call out, decodes the answer, and puts what the call changed back into the caller's arguments. A call whose
values cannot cross is made on the pristine function and counted: it says nothing about the candidate.
"""

from __future__ import annotations

import inspect
from collections import deque
from typing import Any, Callable

from .hook_functions import like

MESSAGE_LINES = 12
MOST_FAILURES = 20


class CandidateGone(BaseException):
    """The candidate did not answer. No Exception, so that no test can expect it and pass."""


class Stub:
    """Counts what crossed. `remote` takes an encoded call and gives the encoded outcome."""

    def __init__(self, codec: Any, remote: Callable[[bytes], bytes]) -> None:
        self.codec, self.remote = codec, remote
        self.crossed = 0
        self.not_crossable = 0
        self.why: list[str] = []
        self.gone = ""

    def wrap(self, function: Any, skip: int = 0) -> Any:
        """The function that tests will meet. `skip` leading arguments (a class) stay here."""
        signature = inspect.signature(function)

        def stub(*args: Any, **kwargs: Any) -> Any:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                # The wrong number of arguments: the pristine signature raises what the test expects.
                return function(*args, **kwargs)
            call = {"args": list(bound.args[skip:]), "kwargs": bound.kwargs}
            try:
                blob = self.codec.encode(call)
            except self.codec.Unencodable as error:
                return self._here(function, args, kwargs, str(error))
            answer = self.codec.decode_live(self.remote(blob))
            if "gone" in answer:
                self.gone = self.gone or str(answer["gone"])
                raise CandidateGone(answer["gone"])
            if "unencodable" in answer:
                return self._here(function, args, kwargs, "the answer: %s" % answer["unencodable"])
            self.crossed += 1
            for before, after in zip(call["args"], answer["args"]):
                copy_back(self.codec, before, after)
            if "error" in answer:
                raise answer["error"]
            return answer["ok"]

        return like(function, stub)

    def _here(self, function: Any, args: Any, kwargs: Any, why: str) -> Any:
        self.not_crossable += 1
        if len(self.why) < 5 and why[:300] not in self.why:
            self.why.append(why[:300])
        return function(*args, **kwargs)


def copy_back(codec: Any, before: Any, after: Any) -> None:
    """Make `before`, the caller's own object, look like `after`, where its type can be changed in place."""
    kind = type(before)
    if kind is not type(after) or isinstance(before, (str, bytes, int, float, tuple, frozenset, type(None))):
        return
    if codec.encode(before) == codec.encode(after):
        return
    if kind in (list, bytearray):
        before[:] = after
    elif isinstance(before, (dict, set, deque)):
        before.clear()
        (before.extend if isinstance(before, deque) else before.update)(after)
    elif kind.__module__.split(".")[0] == "numpy" and getattr(before, "shape", None) == getattr(
        after, "shape", ()
    ):
        before[...] = after
    elif kind.__module__.split(".")[0] == "pandas" and hasattr(before, "_update_inplace"):
        before._update_inplace(after)
    elif hasattr(before, "__dict__"):
        vars(before).clear()
        vars(before).update(vars(after))


class Results:
    """The plugin: counts outcomes and keeps the first lines of each failure."""

    def __init__(self) -> None:
        self.passed = self.failed = self.errors = self.skipped = 0
        self.failures: list[dict[str, str]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            self.passed += 1
        elif report.skipped:
            self.skipped += 1
        elif report.failed:
            if report.when == "call":
                self.failed += 1
            else:
                self.errors += 1
            self._keep(report.nodeid, report)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.errors += 1
            self._keep(report.nodeid, report)

    def _keep(self, test: str, report: Any) -> None:
        if len(self.failures) < MOST_FAILURES:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message if crash is not None else report.longreprtext
            lines = [line for line in str(text).splitlines() if line.strip()]
            self.failures.append({"test": test, "message": "\n".join(lines[:MESSAGE_LINES])[:2000]})
