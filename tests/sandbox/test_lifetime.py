"""What is left of a session after its end, however it ends; and sessions of users without privileges."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.protocol import Channel, Launch, Sandbox
from tests.sandbox.attacks import (
    LIMITS,
    PRELUDE,
    REPOSITORY,
    get,
    gone,
    heard,
    start,
    wait_until_gone,
)

pytestmark = pytest.mark.alone


def test_kill_leaves_nothing(each: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    channel = start(
        each,
        """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        def daemon():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.environ.clear()
                    say("daemon")
                    time.sleep(60)
                os._exit(0)
            os.wait()
        daemon()
        daemon()
        if os.fork() == 0:
            say("child")
            time.sleep(60)
        say("main")
        time.sleep(60)
        """,
    )
    pids = [pid for _, pid in heard(channel, 4)]
    assert len(set(pids)) == 4 and not any(map(gone, pids))
    assert list(tmp_path.iterdir())
    channel.kill()
    channel.kill()
    assert wait_until_gone(pids) == []
    assert list(tmp_path.iterdir()) == []


def test_kill_wakes_a_thread_that_waits_for_an_answer(each: Sandbox) -> None:
    """Else an interrupted run waits for the answer of a program that is gone."""
    channel = start(each, "say('up')\ntime.sleep(60)")
    heard(channel)
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            channel.sock.recvmsg(65536, 64)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not ended.wait(0.5)
    channel.kill()
    assert ended.wait(5)


def test_the_end_of_the_program_ends_its_children(isolated: Sandbox) -> None:
    channel = start(
        isolated, "if os.fork() == 0:\n    say('child')\n    time.sleep(60)\nsay('main')\ntime.sleep(0.3)"
    )
    pids = [pid for _, pid in heard(channel, 2)]
    assert wait_until_gone(pids) == []
    channel.kill()


def test_a_program_that_is_not_there(each: Sandbox) -> None:
    try:
        channel = each.start(Launch(argv=("/no/such/program",), limits=LIMITS))
    except UserError as error:
        assert each.name == "docker" and "/no/such/program" in str(error)
        return
    channel.sock.settimeout(30)
    assert channel.sock.recv(1) == b""
    assert "/no/such/program" in channel.stderr_tail()
    channel.kill()


def test_a_session_outlives_the_thread_that_started_it(each: Sandbox) -> None:
    channels: list[Channel] = []
    thread = threading.Thread(
        target=lambda: channels.append(start(each, "time.sleep(0.5)\nsay(1)\ntime.sleep(60)"))
    )
    thread.start()
    thread.join()
    try:
        assert heard(channels[0])[0][0] == 1
    finally:
        channels[0].kill()


@pytest.mark.parametrize("kind", ["bubblewrap", "process"])
def test_death_of_the_parent_ends_the_session(
    kind: str, sandboxes: dict[str, Sandbox | UserError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = get(kind, sandboxes)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = f"""
import sys, struct, socket, time
from codeopt.sandbox.choose import choose
from codeopt.sandbox.protocol import Launch
code = {PRELUDE!r} + "if os.fork() == 0: os.setsid()\\nsay(1)\\ntime.sleep(60)"
channel = choose({kind!r}, trusted=True).start(Launch(argv=("/usr/bin/env", "python3", "-c", code)))
for _ in range(2):
    data, extra, _, _ = channel.sock.recvmsg(2, socket.CMSG_SPACE(12))
    print(struct.unpack("iii", extra[0][2][:12])[0], flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    assert wait_until_gone(pids) == []
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(sandbox, "say(1)").kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["bubblewrap", "process"])
def test_as_a_user_without_privileges(kind: str) -> None:
    if os.getuid() != 0:
        pytest.skip("these tests run without privileges already")
    if shutil.which("setpriv") is None or (kind == "bubblewrap" and shutil.which("bwrap") is None):
        pytest.skip("needs setpriv and bwrap")
    program = f"""
import socket, json, os
from codeopt.sandbox.choose import choose
from codeopt.sandbox.protocol import Launch, Limits
code = {PRELUDE!r} + '''
children = 0
try:
    while children < 200:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        children += 1
except OSError:
    pass
say([os.getuid(), children, os.access("/usr", os.W_OK)])
time.sleep(60)'''
argv = ("/usr/bin/python3", "-I", "-c", code)
channel = choose({kind!r}, trusted=True).start(Launch(argv=argv, limits=Limits(memory_mb=512, pids=24, tmp_mb=8)))
channel.sock.settimeout(30)
print(channel.sock.recv(1000).decode() or channel.stderr_tail())
channel.kill()
"""
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    environment = {
        "PYTHONPATH": str(REPOSITORY / "src"),
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    trial = [*user, "/usr/bin/python3", "-c", "import sys, codeopt.sandbox.choose"]
    tried = subprocess.run(trial, env=environment, cwd="/", capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"nobody cannot use /usr/bin/python3 with this checkout: {tried.stderr.strip()[-200:]}")
    done = subprocess.run(
        [*user, "/usr/bin/python3", "-c", program], env=environment, cwd="/", capture_output=True, text=True
    )
    if "forbids user namespaces" in done.stderr:
        pytest.skip("user namespaces are forbidden here")
    uid, children, writable = json.loads(done.stdout or done.stderr)
    assert uid == 65534 and children <= 24 and not writable
