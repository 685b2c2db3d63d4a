"""Each test attacks one property of a sandbox, for every kind that claims it and works here."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from codeopt.sandbox.protocol import Mount, Sandbox
from tests.sandbox.attacks import (
    LIMITS,
    NSFORK,
    answer,
    heard,
    start,
)


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
            peak = channel.usage().peak_memory_mb
            assert peak is None or peak <= LIMITS.memory_mb + 1
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
        nsfork.enter()
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
        def reachable(action):
            try:
                action()
                return True
            except OSError:
                return False
        def look():
            others = [pid for pid in range(2, 400) if reachable(lambda: os.kill(pid, 0))]
            powers = [line for line in open("/proc/self/status") if line.startswith("CapEff")][0].split()[1]
            escapes = [name for name, call in {
                "mount": lambda: nsfork._mount(b"none", b"/", None, nsfork._MS_REC | nsfork._MS_PRIVATE),
                "setns": lambda: nsfork._check(nsfork._libc.setns(nsfork._own_pids, nsfork.CLONE_NEWPID), ""),
                "inet": lambda: socket.socket(socket.AF_INET),
                "netlink": lambda: socket.socket(socket.AF_NETLINK),
            }.items() if reachable(call)]
            left = os.path.exists("/tmp/left-by-the-runner")
            return [os.getpid(), left, others, int(powers, 16), escapes, os.path.exists(sys.argv[1])]
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
        # a child in the usual way still works, in the server's own namespace
        usual = os.fork()
        if usual == 0:
            os._exit(3)
        say({"works": True, "usual": os.waitstatus_to_exitcode(os.waitpid(usual, 0)[1]), "first": first, "killed": killed,
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
        # A plain process has no mounts: what lies below /tmp on the host goes with the host's /tmp.
        visible = each.name != "process" or not NSFORK.is_relative_to("/tmp")
        expected = [[1, False, [], 0, [], visible], 7]
        assert (seen["first"], seen["killed"], seen["crashed"], seen["usual"]) == (expected, -9, -11, 3)
    finally:
        channel.kill()


def test_unreadable_mounts_are_readable_inside(isolated: Sandbox, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "file").write_text("given")
    (private / "file").chmod(0o600)
    private.chmod(0o700)
    program = "say(open('/given/file').read())"
    assert answer(isolated, program, mounts=(Mount(private, "/given"),)) == "given"
