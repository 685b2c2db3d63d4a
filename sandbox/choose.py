"""Which kind of sandbox is taken, and why."""

from __future__ import annotations

from codeopt.errors import SandboxUnavailable, UserError
from codeopt.sandbox.bubblewrap import BubblewrapSandbox, check_bubblewrap
from codeopt.sandbox.interpreter import Interpreter, find_interpreter, interpreter_mounts
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Channel, Launch, Mount, Sandbox

__all__ = ["KINDS", "Interpreter", "check_kind", "choose", "find_interpreter", "interpreter_mounts"]

KINDS = ("auto", "docker", "docker-image", "bubblewrap", "process")
_QUICK = 0.3  # seconds that auto gives the engine to answer


def choose(kind: str = "auto", *, trusted: bool) -> Sandbox:
    """The sandbox for a run.

    Args:
        kind: One of `KINDS`. "auto" takes Docker where the engine answers quickly, else bubblewrap, else (for
            trusted candidates only) a plain process; why a kind was passed over stands in `note`.
        trusted: The candidates come from codeopt's own rules, out of the user's own file.

    Raises:
        SandboxUnavailable: The named kind cannot work here; the hint says what to do.
        UserError: No such kind; or auto found none, and the candidates are not trusted.
    """
    check_kind(kind)
    if kind == "auto":
        return _auto(trusted)
    if kind in ("docker", "docker-image"):
        return _docker("image" if kind == "docker-image" else "host")
    if kind == "bubblewrap":
        check_bubblewrap()
        return BubblewrapSandbox()
    return ProcessSandbox()


def check_kind(kind: str) -> None:
    """Raises UserError where there is no such kind."""
    if kind not in KINDS:
        raise UserError(f"there is no sandbox {kind!r}", f"one of: {', '.join(KINDS)}")


def _docker(runtime: str) -> Sandbox:
    from codeopt.sandbox.docker import DockerSandbox

    sandbox = DockerSandbox(runtime)
    if runtime == "image":
        sandbox.prepare()
    return sandbox


def _auto(trusted: bool) -> Sandbox:
    from codeopt.sandbox.docker import DockerSandbox
    from codeopt.sandbox.docker_engine import find_engine

    reasons: list[str] = []
    try:
        return _WithFallback(DockerSandbox(engine=find_engine(_QUICK)))
    except SandboxUnavailable as error:
        reasons.append(error.message)
    return _without_docker(trusted, reasons)


def _without_docker(trusted: bool, reasons: list[str]) -> Sandbox:
    try:
        check_bubblewrap()
        return BubblewrapSandbox(note=f"{BubblewrapSandbox().note} ({'; '.join(reasons)})")
    except SandboxUnavailable as error:
        reasons.append(error.message)
    why = "; ".join(reasons)
    if trusted:
        return ProcessSandbox(note=f"{ProcessSandbox().note} ({why})")
    raise UserError(
        f"no sandbox for code that nobody has reviewed: {why}",
        "install Docker (Debian, Ubuntu: sudo apt install docker.io), or accept the risk: --sandbox process",
    )


class _WithFallback:
    """Docker; if its very first session cannot start the program here, bubblewrap from then on.

    Both show files at the same paths, so what was composed with `inside` stays true. A plain process does not, and
    is never fallen to in the middle.
    """

    def __init__(self, first: Sandbox) -> None:
        self._sandbox, self._proved = first, False
        self.name, self.note = first.name, first.note

    def inside(self, mount: Mount) -> str:
        return self._sandbox.inside(mount)

    def start(self, launch: Launch) -> Channel:
        if self._proved:
            return self._sandbox.start(launch)
        try:
            channel = self._sandbox.start(launch)
        except SandboxUnavailable as error:
            self._sandbox.close()
            self._sandbox = _without_docker(False, [f"not Docker: {error.message}"])
            self.name, self.note = self._sandbox.name, self._sandbox.note
            channel = self._sandbox.start(launch)
        self._proved = True
        return channel

    def close(self) -> None:
        self._sandbox.close()
