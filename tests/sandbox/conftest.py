"""Every kind of sandbox that works here; a test that asks for an absent one skips with the reason."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.choose import choose
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Limits, Mount, Sandbox
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject
from tests.sandbox.attacks import ALL, ISOLATED, get


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox | UserError]]:
    found: dict[str, Sandbox | UserError] = {}
    for kind in ALL:
        try:
            found[kind] = choose(kind, trusted=True)
        except UserError as error:
            found[kind] = error
    yield found
    for sandbox in found.values():
        if not isinstance(sandbox, UserError):
            sandbox.close()


@pytest.fixture(params=ALL)
def each(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox | UserError]) -> Sandbox:
    return get(request.param, sandboxes)


@pytest.fixture(params=ISOLATED)
def isolated(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox | UserError]) -> Sandbox:
    return get(request.param, sandboxes)


# Cores differ by a fifth where a host shares them out: what races is pinned to one.
ONE_CORE = (max(os.sched_getaffinity(0)),)


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Callable[[str], FunctionSubject]]:
    """Makes the function `f` of a text, each in a plain process of its own, closed after the test."""
    (tmp_path / "m.py").touch()
    made: list[FunctionSubject] = []

    def make(source: str) -> FunctionSubject:
        runtime = Runtime(sys.executable, (Mount(tmp_path, str(tmp_path)),), Limits(cpus=ONE_CORE))
        spec = FunctionSpec("m", "f", str(tmp_path / "m.py"), (str(tmp_path),))
        made.append(FunctionSubject(ProcessSandbox(), runtime, source, spec))
        return made[-1]

    yield make
    for each in made:
        each.close()
