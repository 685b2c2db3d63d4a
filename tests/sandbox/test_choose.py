"""Which sandbox is taken, what each absence says, and what is learnt of the user's interpreter."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from codeopt.errors import SandboxUnavailable, UserError
from codeopt.sandbox.choose import choose, find_interpreter, interpreter_mounts
from codeopt.sandbox.docker_engine import find_engine
from codeopt.sandbox.protocol import Launch


def engine_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))


def test_docker_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_bubblewrap: None) -> None:
    engine_at(tmp_path / "none.sock", monkeypatch)
    with pytest.raises(SandboxUnavailable, match=r"not installed.*install Docker"):
        choose("docker", trusted=True)


def test_docker_daemon_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
    engine_at(path, monkeypatch)
    with pytest.raises(SandboxUnavailable, match=r"not running.*systemctl start docker"):
        choose("docker", trusted=True)


def test_docker_remote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(SandboxUnavailable, match="not on this machine"):
        choose("docker", trusted=True)


def test_docker_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        engine_at(path, monkeypatch)
        with pytest.raises(SandboxUnavailable, match="did not answer"):
            find_engine(0.1)
        assert "did not answer" in choose("auto", trusted=True).note


def test_docker_not_permitted(tmp_path: Path) -> None:
    path = tmp_path / "forbidden.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0)
        program = "from codeopt.sandbox.choose import choose; choose('docker', trusted=True)"
        command = [sys.executable, "-c", program]
        if os.getuid() == 0:
            if shutil.which("setpriv") is None:
                pytest.skip("needs setpriv to give up root's permissions")
            command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
        environment = {**os.environ, "DOCKER_HOST": f"unix://{path}"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "no permission to use Docker" in done.stderr


def test_bubblewrap_not_installed(no_bubblewrap: None) -> None:
    with pytest.raises(SandboxUnavailable, match=r"not installed.*apt install bubblewrap"):
        choose("bubblewrap", trusted=True)


def test_auto_falls_to_bubblewrap_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_at(tmp_path / "none.sock", monkeypatch)
    try:
        choose("bubblewrap", trusted=False)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    sandbox = choose("auto", trusted=False)
    assert sandbox.name == "bubblewrap" and "Docker" in sandbox.note


def test_auto_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_bubblewrap: None) -> None:
    engine_at(tmp_path / "none.sock", monkeypatch)
    with pytest.raises(UserError, match="--sandbox process") as raised:
        choose("auto", trusted=False)
    assert "\n" not in str(raised.value) and "docker.io" in str(raised.value)
    sandbox = choose("auto", trusted=True)
    assert sandbox.name == "process" and "no isolation" in sandbox.note and "Docker" in sandbox.note


def test_auto_leaves_docker_when_it_cannot_start_the_program(tmp_path: Path) -> None:
    try:
        choose("docker", trusted=True)
        choose("bubblewrap", trusted=True)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    sandbox = choose("auto", trusted=False)
    assert sandbox.name == "docker"
    channel = sandbox.start(Launch(argv=("/bin/sh", "-c", 'test "${CODEOPT_CHANNEL%%:*}" = fd && sleep 60')))
    channel.kill()
    assert sandbox.name == "bubblewrap" and "not Docker" in sandbox.note
    sandbox.close()


def test_no_such_kind() -> None:
    with pytest.raises(UserError, match="one of: auto"):
        choose("chroot", trusted=True)


@pytest.mark.parametrize(
    ("python", "says"),
    [("/no/such/python", "no interpreter"), ("no-such-python", "on the PATH"), ("/bin/true", "not a Python")],
)
def test_interpreters_that_are_none(python: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        find_interpreter(python)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with an editable project whose folder holds more than its package."""
    base = tmp_path_factory.mktemp("environment")
    venv.create(base / "venv", with_pip=False)
    project = base / "project"
    for name in ("package", "tests", ".git"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text("here = True\n")
    (project / "single.py").write_text("here = True\n")
    (project / ".env").write_text("KEY=secret\n")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = base / "venv" / "lib" / version / "site-packages"
    (packages / "project.pth").write_text(f"{project}\n")
    (packages / "made-1.5.dist-info").mkdir()
    (packages / "made-1.5.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: made\nVersion: 1.5\n"
    )
    return base


def test_a_virtual_environment(environment: Path) -> None:
    python = find_interpreter(str(environment / "venv"))
    assert python.path == str(environment / "venv" / "bin" / "python")
    assert python.prefixes[0] == str(environment / "venv")
    assert python.versions(["made", "not-made"]) == {"made": "1.5"}
    names = {"package", "single", "json", "os.path", "not_there", "numpy"}
    assert python.available(names) == {"package", "single", "json", "os.path"}
    assert python.has("package") and not python.has("package.deeper")


def test_an_editable_project_shows_its_modules_only(environment: Path) -> None:
    project = str(environment / "project")
    shown = {m.inside for m in interpreter_mounts(str(environment / "venv")) if m.inside.startswith(project)}
    assert shown == {f"{project}/package", f"{project}/single.py"}


def test_the_active_environment_is_taken(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(environment / "venv"))
    assert find_interpreter().path == str(environment / "venv" / "bin" / "python")


@pytest.mark.parametrize("kind", ["docker", "bubblewrap"])
def test_an_interpreter_starts_inside(kind: str, environment: Path) -> None:
    try:
        sandbox = choose(kind, trusted=True)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    python = find_interpreter(str(environment / "venv"))
    program = """
import os, socket, sys, ssl, package, single
kind, _, value = os.environ["CODEOPT_CHANNEL"].partition(":")
sock = socket.socket(fileno=int(value)) if kind == "fd" else socket.socket(socket.AF_UNIX)
if kind == "unix":
    sock.connect(value)
sock.sendall(f"{sys.prefix} {os.path.exists(os.path.dirname(package.__path__[0]) + '/tests')}".encode())
"""
    channel = sandbox.start(Launch(argv=(python.path, "-I", "-c", program), mounts=python.mounts))
    channel.sock.settimeout(30)
    assert channel.sock.recv(1000).decode() == f"{environment / 'venv'} False"
    sandbox.close()
