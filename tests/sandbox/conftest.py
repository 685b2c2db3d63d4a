"""Every kind of sandbox that works here; a test that asks for an absent one skips with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.choose import choose
from codeopt.sandbox.protocol import Sandbox
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
