"""What only the Docker kind has: containers that are left over, an engine that fails, its images, its profile."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeopt.errors import SandboxUnavailable, UserError
from codeopt.sandbox import docker_image
from codeopt.sandbox.docker import OWNER_LABEL, DockerSandbox, sweep
from codeopt.sandbox.docker_engine import Engine, find_engine
from codeopt.sandbox.protocol import Launch, Limits, Mount

CONNECT = """
import os, socket, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
sock.connect(os.environ["CODEOPT_CHANNEL"][5:])
sock.sendall(b"up")
time.sleep(60)
"""
LAUNCH = Launch(
    argv=("/usr/bin/python3", "-I", "-c", CONNECT), limits=Limits(memory_mb=128, pids=16, tmp_mb=8)
)


@pytest.fixture
def sandbox() -> Iterator[DockerSandbox]:
    try:
        found = DockerSandbox()
    except UserError as error:
        pytest.skip(str(error))
    if not Path("/usr/bin/python3").exists():
        pytest.skip("these programs need the system's python3")
    yield found
    found.close()


def _client(sandbox: DockerSandbox) -> Any:
    import docker  # type: ignore[import-untyped]

    return docker.DockerClient(base_url=sandbox.engine.url, timeout=30)


def test_the_container_is_hardened(sandbox: DockerSandbox) -> None:
    channel = sandbox.start(LAUNCH)
    client = _client(sandbox)
    (container,) = [one for one in client.containers.list() if one.id == channel._container.id]
    host = container.attrs["HostConfig"]
    channel.kill()
    client.close()
    assert host["NetworkMode"] == "none" and host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
    assert host["PidsLimit"] == 16 and host["Memory"] == host["MemorySwap"] == 128 << 20
    assert host["LogConfig"]["Config"]["max-size"] == "1m" and host["Init"] and not host["Privileged"]
    assert all(not mount.get("RW") for mount in container.attrs["Mounts"] if mount["Type"] == "bind")


def test_kill_removes_the_container_quickly(sandbox: DockerSandbox) -> None:
    channel = sandbox.start(LAUNCH)
    before = time.monotonic()
    channel.kill()
    assert time.monotonic() - before < 10  # an attached socket would make it two minutes
    client = _client(sandbox)
    deadline = time.monotonic() + 10
    while any(one.id == channel._container.id for one in client.containers.list(all=True)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client.close()


def test_accounts_outlive_the_container(sandbox: DockerSandbox) -> None:
    channel = sandbox.start(LAUNCH)
    channel.sock.settimeout(30)
    assert channel.sock.recv(2) == b"up"
    during = channel.usage()
    channel.kill()
    after = channel.usage()
    assert during.cpu_s is None or (after.cpu_s is not None and after.cpu_s >= during.cpu_s > 0)
    assert after.processes == during.processes


def test_containers_of_a_killed_codeopt_are_swept(sandbox: DockerSandbox) -> None:
    program = f"""
import time
from codeopt.sandbox.docker import DockerSandbox
from codeopt.sandbox.protocol import Launch
channel = DockerSandbox().start(Launch(argv=("/usr/bin/python3", "-I", "-c", {CONNECT!r})))
print(channel._container.id, flush=True)
time.sleep(60)
"""
    mine = sandbox.start(LAUNCH)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        left = other.stdout.readline().strip()
        client = _client(sandbox)
        assert left not in sweep(client)
        other.kill()
    sweep(client)
    alive = {one.id for one in client.containers.list(all=True, filters={"label": OWNER_LABEL})}
    client.close()
    assert left not in alive and mine._container.id in alive
    mine.kill()


def test_a_program_that_never_connects(sandbox: DockerSandbox) -> None:
    hasty = DockerSandbox(engine=sandbox.engine, connect_seconds=1.0)
    with pytest.raises(SandboxUnavailable, match="did not connect"):
        hasty.start(Launch(argv=("/bin/sleep", "60")))
    hasty.close()


def test_a_program_that_dies_says_why(sandbox: DockerSandbox) -> None:
    with pytest.raises(SandboxUnavailable, match="the reason"):
        sandbox.start(Launch(argv=("/bin/sh", "-c", "echo the reason >&2; exit 3")))


def test_a_long_temporary_folder(
    sandbox: DockerSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a socket's path may have 107 bytes; the folder's may have more
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    channel = sandbox.start(LAUNCH)
    channel.sock.settimeout(30)
    assert channel.sock.recv(2) == b"up"
    channel.kill()
    assert list(deep.iterdir()) == []


def test_an_engine_that_breaks_off(
    sandbox: DockerSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()

        def hang_up() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        broken = Engine(f"unix://{path}", foreign_user=True, selinux=False, apparmor=False)
        back = DockerSandbox(engine=broken)
        back.start(LAUNCH).kill()  # an engine answers again: the start is repeated there
        back.close()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(SandboxUnavailable, match="broke off"):
            DockerSandbox(engine=broken).start(LAUNCH)
        server.shutdown(socket.SHUT_RDWR)


def test_profiles_differ_by_the_namespace_calls_only() -> None:
    plain, spaces = (
        json.loads((docker_image.FOLDER / name).read_text())
        for name in ("seccomp.json", "seccomp-namespaces.json")
    )
    *same, last = spaces.pop("syscalls")
    assert same == plain.pop("syscalls") and spaces == plain
    assert sorted(last["names"]) == ["mount", "setns", "umount2", "unshare"]
    allowed = {name for rule in same if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert not allowed & {"ptrace", "bpf", "keyctl", "io_uring_setup", "unshare", "setns", "mount", "clone3"}


def test_the_image_runtime(sandbox: DockerSandbox, tmp_path: Path) -> None:
    image = DockerSandbox("image", engine=sandbox.engine)
    try:
        image.prepare()
    except SandboxUnavailable as error:
        assert "codeopt sandbox build" in error.hint
        pytest.skip(str(error))
    (tmp_path / "main.py").write_text(CONNECT)
    channel = image.start(
        Launch(argv=("/usr/bin/python3", "-I", "/given/main.py"), mounts=(Mount(tmp_path, "/given"),))
    )
    channel.sock.settimeout(30)
    assert channel.sock.recv(2) == b"up"
    image.close()


def test_an_image_that_was_never_built(sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_image, "IMAGE", "codeopt-sandbox:no-such-version")
    with pytest.raises(SandboxUnavailable, match="is not built"):
        DockerSandbox("image", engine=sandbox.engine).prepare()


def test_the_engine_is_found_by_its_context(
    sandbox: DockerSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"currentContext": "mine"}')
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": "mine", "Endpoints": {"docker": {"Host": sandbox.engine.url}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    assert find_engine().url == sandbox.engine.url
