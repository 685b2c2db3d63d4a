"""The bubblewrap sandbox: own user, pid, network, IPC and mount namespaces, no daemon and no image.

The program sees the system's /usr and the mounts, read-only, and an empty tmpfs on /tmp. As root the program runs
under a uid of its own that owns nothing. Memory and processes are limited through a cgroup where this user may make
one (root, or a delegated subtree), else through rlimits.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from codeopt.errors import SandboxUnavailable
from codeopt.sandbox import cgroup
from codeopt.sandbox.process import LocalChannel, basic_env, socket_pair, start_local
from codeopt.sandbox.protocol import Launch, Limits, Mount
from codeopt.sandbox.runner.nsfork import seccomp_filter
from codeopt.sandbox.system import covered_by_system, readable_mounts, session_folder, system_entries

_FIRST_UID = 2_000_000_000  # above what distributions and container engines hand out
_serial = itertools.count()


class BubblewrapSandbox:
    """Runs the program in fresh namespaces made by bwrap.

    Args:
        note: Why this kind was taken, for the report.
    """

    name = "bubblewrap"

    def __init__(self, note: str = "") -> None:
        self.note = note or "bubblewrap: own namespaces, no network, files read-only; shares the kernel"
        self._channels: weakref.WeakSet[LocalChannel] = weakref.WeakSet()

    def inside(self, mount: Mount) -> str:
        return mount.inside

    def start(self, launch: Launch) -> LocalChannel:
        limits = launch.limits
        group = cgroup.create(limits)
        rlimits = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 4096, "RLIMIT_FSIZE": limits.tmp_mb << 20}
        if group is None and limits.address_space:
            rlimits["RLIMIT_AS"] = limits.memory_mb << 20
        ours, theirs = socket_pair()
        staging = session_folder()
        seccomp = _filter_fd(launch.namespaced_forks)
        try:
            command = _command(launch, theirs, seccomp, Path(staging))
            process = start_local(
                command,
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
                theirs=theirs,
                group=group,
                rlimits=rlimits,
                cpus=limits.cpus,
                warden=False,
                pass_fds=() if seccomp is None else (seccomp,),
            )
        except SandboxUnavailable:
            ours.close()
            shutil.rmtree(staging, ignore_errors=True)
            if group:
                group.remove()
            raise
        finally:
            theirs.close()
            if seccomp is not None:
                os.close(seccomp)

        def cleanup() -> None:
            shutil.rmtree(staging, ignore_errors=True)

        channel = LocalChannel(process, ours, group, gentle=False, cleanup=cleanup)
        self._channels.add(channel)
        return channel

    def close(self) -> None:
        for channel in list(self._channels):
            channel.kill()


def _filter_fd(namespaces: bool) -> int | None:
    program = seccomp_filter(namespaces)
    if program is None:
        return None
    fd = os.memfd_create("seccomp")
    os.write(fd, program)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _command(launch: Launch, theirs: socket.socket, seccomp: int | None, staging: Path) -> list[str]:
    root = os.getuid() == 0
    # one for each session: the process limit counts by uid
    uid = _FIRST_UID + (os.getpid() * 64 + next(_serial)) % 0x100000 if root else os.getuid()
    mounts = readable_mounts(launch.mounts, staging) if root else launch.mounts
    env = {**basic_env(launch, "/tmp"), "CODEOPT_CHANNEL": f"fd:{theirs.fileno()}"}
    command = [_find_bwrap(), *_isolation(root, seccomp), *_files(launch.limits, mounts, staging, uid)]
    command += ["--clearenv", *(word for pair in env.items() for word in ("--setenv", *pair)), "--"]
    # inside, so that only the sandbox's own processes are counted against it
    limit = f"ulimit -u {launch.limits.pids} 2>/dev/null || ulimit -p {launch.limits.pids}"
    command += ["/bin/sh", "-c", f'{limit}; exec "$@"', "sh"]
    if root:
        command += ["/usr/bin/setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
        command += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [*command, *launch.argv]


def _isolation(root: bool, seccomp: int | None) -> list[str]:
    spaces = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words = [*spaces, "--hostname", "sandbox", "--die-with-parent", "--new-session"]
    if root:
        # a user namespace would keep the host's root as the program's real identity
        words += ["--cap-drop", "ALL"]
        words += [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    else:
        words.append("--unshare-user")
    return words if seccomp is None else [*words, "--seccomp", str(seccomp)]


def _files(limits: Limits, mounts: Sequence[Mount], staging: Path, uid: int) -> list[str]:
    sized = ["--size", str(limits.tmp_mb << 20)] if bwrap_version() >= (0, 7) else []
    words: list[str] = []
    for entry in system_entries():
        words += (
            ["--symlink", entry.link, entry.path] if entry.link else ["--ro-bind", entry.path, entry.path]
        )
    passwd, groups = staging / "passwd", staging / "group"
    passwd.write_text(f"root:x:0:0::/:/bin/sh\nsandbox:x:{uid}:{uid}::/tmp:/bin/sh\n")
    groups.write_text(f"root:x:0:\nsandbox:x:{uid}:\n")
    for file in (passwd, groups):
        file.chmod(0o644)
        words += ["--ro-bind", str(file), f"/etc/{file.name}"]
    words += ["--proc", "/proc", "--dev", "/dev", *sized, "--perms", "1777", "--tmpfs", "/tmp"]
    words += [*sized, "--perms", "1777", "--tmpfs", "/dev/shm"]
    made: set[str] = set()
    for mount in sorted(mounts, key=lambda mount: mount.inside.count("/")):
        for above in reversed(Path(mount.inside).parents):
            # bwrap makes missing parents for their owner alone
            if str(above) not in (*made, "/", "/tmp") and not covered_by_system(str(above)):
                words += ["--perms", "0755", "--dir", str(above)]
        made.update(map(str, (*Path(mount.inside).parents, mount.inside)))
        words += ["--ro-bind", str(mount.host), mount.inside]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _find_bwrap() -> str:
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailable(
            "bubblewrap is not installed", "install it (Debian, Ubuntu: sudo apt install bubblewrap)"
        )
    return found


@cache
def bwrap_version() -> tuple[int, ...]:
    """(0, 8, 0) and the like.

    Raises:
        SandboxUnavailable: bwrap is not installed.
    """
    text = subprocess.run([_find_bwrap(), "--version"], capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", text))


@cache
def _trial() -> str:
    """What bwrap says when it makes the namespaces around `true`; "" when it works."""
    root = os.getuid() == 0
    if root and not Path("/usr/bin/setpriv").exists():
        return "setpriv is missing"
    with tempfile.TemporaryDirectory(prefix="codeopt-bubblewrap-") as staging:
        words = [
            _find_bwrap(),
            *_isolation(root, None),
            *_files(Limits(tmp_mb=1), (), Path(staging), os.getuid()),
        ]
        try:
            done = subprocess.run([*words, "--", "/bin/true"], capture_output=True, text=True, timeout=10)
        except subprocess.TimeoutExpired:
            return "bwrap did not end within 10 s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["bwrap failed"])[-1]


def check_bubblewrap() -> None:
    """Probe by running it once.

    Raises:
        SandboxUnavailable: Not installed, or the namespaces cannot be made; the hint says what to do.
    """
    _find_bwrap()
    trouble = _trial()
    if not trouble:
        return
    if "setpriv" in trouble:
        raise SandboxUnavailable(
            "bubblewrap as root needs setpriv", "install it (Debian: apt install util-linux)"
        )
    knobs = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "kernel.unprivileged_userns_clone=1"),
        "/proc/sys/user/max_user_namespaces": ("0", "user.max_user_namespaces=15000"),
    }
    for path, (forbidden, setting) in knobs.items():
        if Path(path).exists() and Path(path).read_text().strip() == forbidden:
            raise SandboxUnavailable(
                "this system forbids user namespaces, which bubblewrap needs",
                f"use Docker, or allow them: sudo sysctl {setting}",
            )
    raise SandboxUnavailable(f"bubblewrap cannot start here ({trouble})", "use Docker: --sandbox docker")
