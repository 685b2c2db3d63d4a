"""Each test attacks one property of a sandbox, for every kind that claims it and works here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.choose import choose, find_interpreter
from codeopt.sandbox.protocol import Channel, Launch, Limits, Mount, Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
NSFORK = REPOSITORY / "sandbox" / "runner" / "nsfork.py"
ALL, ISOLATED = ("docker", "bubblewrap", "process"), ("docker", "bubblewrap")
LIMITS = Limits(memory_mb=256, pids=24, tmp_mb=8)
PRELUDE = """
import json, os, socket, sys, time
kind, _, value = os.environ["CODEOPT_CHANNEL"].partition(":")
if kind == "fd":
    sock = socket.socket(fileno=int(value))
else:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(value)
def say(thing):
    sock.sendall(json.dumps(thing).encode() + b"\\n")
"""


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
    return _get(request.param, sandboxes)


@pytest.fixture(params=ISOLATED)
def isolated(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox | UserError]) -> Sandbox:
    return _get(request.param, sandboxes)


def _get(kind: str, sandboxes: dict[str, Sandbox | UserError]) -> Sandbox:
    found = sandboxes[kind]
    if isinstance(found, UserError):
        pytest.skip(str(found))
    return found


def start(
    sandbox: Sandbox, program: str, *arguments: str, mounts: tuple[Mount, ...] = (), **launch: Any
) -> Channel:
    python = find_interpreter()
    argv = (python.path, "-I", "-c", PRELUDE + textwrap.dedent(program), *arguments)
    launch.setdefault("limits", LIMITS)
    channel = sandbox.start(Launch(argv=argv, mounts=(*python.mounts, *mounts), **launch))
    channel.sock.settimeout(30)
    return channel


def heard(channel: Channel, lines: int = 1) -> list[tuple[Any, int]]:
    """(what was said, the sender's pid by the kernel) for so many messages."""
    said: list[tuple[Any, int]] = []
    while len(said) < lines:
        data, extra, _, _ = channel.sock.recvmsg(65536, socket.CMSG_SPACE(12))
        if not data:
            raise AssertionError(f"ended after {said}: {channel.stderr_tail()}")
        pid = struct.unpack("iii", extra[0][2][:12])[0]
        said += [(json.loads(line), pid) for line in data.splitlines()]
    return said


def answer(sandbox: Sandbox, program: str, *arguments: str, **launch: Any) -> Any:
    channel = start(sandbox, program, *arguments, **launch)
    try:
        return heard(channel)[0][0]
    finally:
        channel.kill()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


def wait_until_gone(pids: list[int]) -> list[int]:
    """Those still alive after some seconds."""
    deadline = time.monotonic() + 10
    while (alive := [pid for pid in pids if not gone(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def test_network_is_unreachable(isolated: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = answer(
            isolated,
            """
            def reach(*address):
                try:
                    socket.create_connection(address, 2).close()
                    return "reached"
                except OSError:
                    return "no"
            say([reach("127.0.0.1", int(sys.argv[1])), reach("192.0.2.1", 80)])
            """,
            str(server.getsockname()[1]),
        )
    assert seen == ["no", "no"]


def test_host_files_are_invisible(isolated: Sandbox, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("secret")
    canary.chmod(0o644)
    with tempfile.NamedTemporaryFile(dir=Path.home(), prefix=".codeopt-canary-") as at_home:
        os.chmod(at_home.name, 0o644)
        places = [
            str(canary),
            at_home.name,
            "/etc/shadow",
            "/etc/hostname",
            "/var/log",
            "/var/run/docker.sock",
        ]
        seen = answer(isolated, "say([p for p in sys.argv[1:] if os.access(p, os.R_OK)])", *places)
    assert set(seen) <= {"/etc/hostname"}  # the engine makes one of its own


def test_environment_is_clean(each: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEOPT_CANARY", "secret")
    seen = answer(
        each,
        """
        try:
            outer = open("/proc/1/environ").read() if sys.argv[1] != "process" else ""
        except OSError:
            outer = ""
        say([dict(os.environ), "CODEOPT_CANARY" in outer])
        """,
        each.name,
        env={"GIVEN": "1"},
    )
    environment, leaked = seen
    basic = {"PATH", "HOME", "TMPDIR", "LANG", "CODEOPT_CHANNEL", "HOSTNAME", "PWD", "LC_CTYPE"}
    assert environment["GIVEN"] == "1" and set(environment) <= basic | {"GIVEN"} and not leaked


def test_nothing_outside_tmp_is_writable(isolated: Sandbox, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir(mode=0o777)
    (given / "file").write_text("as it was")
    seen = answer(
        isolated,
        """
        found = []
        for folder, folders, files in os.walk("/"):
            if folder.startswith(("/proc", "/sys", "/tmp", "/dev/shm", "/dev/mqueue", "/usr/share", "/usr/src")):
                folders[:] = []
                continue
            if folder.count("/") > 4:
                folders[:] = []
            try:
                os.close(os.open(os.path.join(folder, ".probe"), os.O_CREAT | os.O_WRONLY, 0o600))
                found.append(folder)
            except OSError:
                pass
        try:
            open("/given/file", "w")
            found.append("/given/file")
        except OSError:
            pass
        open("/tmp/fine", "w").write("x")
        say([found, open("/given/file").read()])
        """,
        mounts=(Mount(given, "/given"),),
    )
    assert seen == [[], "as it was"]


def test_kernel_settings_are_not_writable(isolated: Sandbox) -> None:
    paths = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches"]
    program = "say([p for p in sys.argv[1:] if os.access(p, os.W_OK)] + [os.getuid() == 0, open('/proc/self/status').read().split('CapEff:')[1].split()[0]])"
    assert answer(isolated, program, *paths) == [False, "0000000000000000"]


def test_fork_bomb_is_limited(each: Sandbox) -> None:
    channel = start(
        each,
        """
        def bomb():
            while True:
                try:
                    if os.fork() == 0:
                        continue
                except OSError:
                    time.sleep(0.01)
        if os.fork() == 0:
            os.setsid()
            bomb()
        time.sleep(1)
        say("alive")
        time.sleep(60)
        """,
    )
    try:
        assert heard(channel)[0][0] == "alive"
    finally:
        channel.kill()
    seen = answer(
        each,
        """
        children = 0
        try:
            while children < 200:
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                children += 1
        except OSError:
            pass
        say(children)
        """,
    )
    assert seen <= LIMITS.pids


def test_memory_is_limited(each: Sandbox) -> None:
    channel = start(
        each,
        """
        pid = os.fork()
        if pid == 0:
            try:
                held = [bytearray(b"x") * (1 << 20) for _ in range(int(sys.argv[1]) * 2)]
            except MemoryError:
                os._exit(1)
            os._exit(0)
        say(os.waitpid(pid, 0)[1] != 0)
        time.sleep(60)
        """,
        str(LIMITS.memory_mb),
    )
    try:
        assert heard(channel)[0][0] is True
        if each.name == "docker":
            assert channel.out_of_memory()
            peak = channel.peak_memory_bytes()
            assert peak is None or peak <= (LIMITS.memory_mb + 1) << 20
    finally:
        channel.kill()
    if each.name == "docker":
        assert channel.out_of_memory()


def test_tmp_is_limited(isolated: Sandbox) -> None:
    seen = answer(
        isolated,
        """
        written = 0
        for folder in ("/tmp", "/dev/shm"):
            try:
                for i in range(100):
                    with open(f"{folder}/{i}", "wb", buffering=0) as file:
                        written += file.write(b"x" * (1 << 20))
            except OSError:
                pass
        say(written >> 20)
        """,
    )
    assert seen <= 2 * LIMITS.tmp_mb


def test_a_flood_on_stderr_is_cut(each: Sandbox) -> None:
    channel = start(
        each,
        "os.set_blocking(2, True)\nfor _ in range(3000): os.write(2, b'y' * 4096)\nsay(1)\ntime.sleep(60)",
    )
    try:
        heard(channel)
        assert 0 < len(channel.stderr_tail()) <= 8192
    finally:
        channel.kill()


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


def test_the_end_of_the_program_ends_its_children(isolated: Sandbox) -> None:
    channel = start(
        isolated, "if os.fork() == 0:\n    say('child')\n    time.sleep(60)\nsay('main')\ntime.sleep(0.3)"
    )
    pids = [pid for _, pid in heard(channel, 2)]
    assert wait_until_gone(pids) == []
    channel.kill()


def test_kernel_stamps_the_sender(each: Sandbox) -> None:
    channel = start(each, "say(1)\nif os.fork() == 0:\n    say(2)\ntime.sleep(60)", "a-mark-of-its-own")
    try:
        pids = {what: pid for what, pid in heard(channel, 2)}
        assert pids[1] != pids[2]
        for pid in pids.values():
            assert b"a-mark-of-its-own" in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        channel.kill()


def test_dangerous_calls_are_refused(isolated: Sandbox) -> None:
    seen = answer(
        isolated,
        """
        import ctypes, platform
        libc = ctypes.CDLL(None, use_errno=True)
        numbers = {"x86_64": {"io_uring_setup": 425, "ptrace": 101, "bpf": 321, "keyctl": 250, "mount": 165,
                              "perf_event_open": 298, "userfaultfd": 323, "unshare": 272, "setns": 308},
                   "aarch64": {"io_uring_setup": 425, "ptrace": 117, "bpf": 280, "keyctl": 219, "mount": 40,
                               "perf_event_open": 241, "userfaultfd": 282, "unshare": 97, "setns": 268}}
        worked = []
        for name, number in numbers[platform.machine()].items():
            if libc.syscall(number, 0x10000000 if name == "unshare" else 0, 0, 0, 0, 0, 0) == 0:
                worked.append(name)
            elif ctypes.get_errno() not in (1, 38):
                worked.append(f"{name}: errno {ctypes.get_errno()}")
        for family in (40, 38, 17):
            try:
                socket.socket(family, socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM)
                worked.append(f"family {family}")
            except OSError as error:
                if error.errno not in (1, 97):
                    worked.append(f"family {family}: {error}")
        say(worked)
        """,
    )
    assert seen == []


def test_namespaced_fork(each: Sandbox) -> None:
    where = "/tmp/given/nsfork.py"
    mount = Mount(NSFORK, where)
    channel = start(
        each,
        """
        sys.path.insert(0, os.path.dirname(sys.argv[1]))
        import ctypes, nsfork, signal
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # as the runner does, so that no sample can read it
        if not nsfork.works():
            say({"works": False})
            time.sleep(60)
        open("/tmp/left-by-the-runner", "w").close()
        def sample(body):
            read, write = os.pipe()
            pid = nsfork.namespaced_fork()
            if pid == 0:
                os.write(write, json.dumps(body()).encode())
                os._exit(7)
            os.close(write)
            with open(read) as file:
                text = file.read()
            return json.loads(text), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        runner = os.getpid()
        def look():
            try:
                os.kill(runner, 0)
                signals = runner != 1
            except OSError:
                signals = False
            return [os.getpid(), os.path.exists("/tmp/left-by-the-runner"), signals, os.path.exists(sys.argv[1])]
        first = sample(look)
        os.unlink("/tmp/left-by-the-runner")
        pid = nsfork.namespaced_fork()
        if pid == 0:
            if os.fork() == 0:
                os.setsid()
            time.sleep(60)
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        killed = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        crashed = nsfork.namespaced_fork()
        if crashed == 0:
            ctypes.string_at(0)
        say({"works": True, "first": first, "killed": killed,
             "crashed": os.waitstatus_to_exitcode(os.waitpid(crashed, 0)[1]), "uid": os.getuid()})
        time.sleep(60)
        """,
        each.inside(mount),
        mounts=(mount,),
        namespaced_forks=True,
    )
    try:
        seen = heard(channel)[0][0]
        if not seen["works"]:
            pytest.skip(f"user namespaces are forbidden here: {channel.stderr_tail()}")
        expected = [[1, False, False, True], 7]
        assert (seen["first"], seen["killed"], seen["crashed"]) == (expected, -9, -11)
    finally:
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


def test_unreadable_mounts_are_readable_inside(isolated: Sandbox, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "file").write_text("given")
    (private / "file").chmod(0o600)
    private.chmod(0o700)
    program = "say(open('/given/file').read())"
    assert answer(isolated, program, mounts=(Mount(private, "/given"),)) == "given"


@pytest.mark.parametrize("kind", ["bubblewrap", "process"])
def test_death_of_the_parent_ends_the_session(
    kind: str, sandboxes: dict[str, Sandbox | UserError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = _get(kind, sandboxes)
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
