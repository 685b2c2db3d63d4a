"""Runs inside the sandbox: a fork whose child is alone, for the fork server that takes many samples.

`enter()` is called once: the server moves into a user and a pid namespace of its own. Then `namespaced_fork()` is
used like os.fork(). The child is process 1 of new pid, IPC and mount namespaces, with an empty tmpfs over /tmp (what
was mounted below /tmp stays), no capabilities and a second seccomp filter that leaves it unix sockets only, so that
one sample can neither see, signal nor leave anything for the next. A network namespace for each would cost a fifth
of the rate and hold back nothing that the filter lets through. It needs a session that was started with
`namespaced_forks`. Standard library only; Python 3.9.

Also holds the hand-made seccomp filters (there is no libseccomp to count on), for x86_64 and aarch64.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
_ALL_NAMESPACES = 0x7E020000  # the flags of clone that make any namespace
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_MS_NOSUID_NODEV = 2 | 4
_PR_SET_PDEATHSIG, _PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 1, 3, 4
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_PR_SET_SECUREBITS, _NOROOT_LOCKED = 28, 3
_CAPABILITY_VERSION_3 = 0x20080522
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (x86_64, aarch64); None where the architecture has no such call
_DENIED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116), "iopl": (172, None),
    "ioperm": (173, None), "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "vhangup": (153, 58), "sethostname": (170, 161), "setdomainname": (171, 162),
}  # fmt: skip
_NAMESPACE_CALLS = {"unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39)}
_ABSENT = {"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
           "clone3": (435, 435)}  # fmt: skip
_CLONE, _SOCKET = (56, 220), (41, 198)
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink: no vsock, no packet, no kernel crypto

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def seccomp_filter(namespaces: bool, machine: str = "", network: bool = True) -> bytes | None:
    """The filter as an array of sock_filter; None on a machine whose call numbers are not known here.

    Args:
        namespaces: Allow unshare, setns, mount and umount2, for `namespaced_fork`.
        machine: "x86_64" or "aarch64"; this machine's by default.
        network: Allow sockets other than unix ones.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        return None
    column = list(_ARCHITECTURES).index(machine)
    eperm, enosys = _op(_RETURN, _ERRNO | _EPERM), _op(_RETURN, _ERRNO | _ENOSYS)
    allow = _op(_RETURN, _ALLOW)
    out = [
        _op(_LOAD, 4),
        _op(_JUMP_EQ, _ARCHITECTURES[machine], 1, 0),
        enosys,
        _op(_LOAD, 0),
        _op(_JUMP_GE, 0x40000000, 0, 1),
        enosys,
    ]
    denied = dict(_DENIED) if namespaces else {**_DENIED, **_NAMESPACE_CALLS}
    for calls, answer in ((denied, eperm), (_ABSENT, enosys)):
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                out += [_op(_JUMP_EQ, number, 0, 1), answer]
    # the low halves of the arguments: flags, families and options are ints
    out += [
        _op(_JUMP_EQ, _CLONE[column], 0, 4),
        _op(_LOAD, 16),
        _op(_JUMP_SET, _ALL_NAMESPACES, 0, 1),
        eperm,
        allow,
    ]
    families = _FAMILIES if network else _FAMILIES[:1]
    out += [_op(_JUMP_EQ, _SOCKET[column], 0, len(families) + 2), _op(_LOAD, 16)]
    out += [_op(_JUMP_EQ, family, len(families) - i, 0) for i, family in enumerate(families)]
    out += [_op(_RETURN, _ERRNO | _EAFNOSUPPORT), allow]
    return b"".join(out)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


_libc = ctypes.CDLL(None, use_errno=True)
_filter = seccomp_filter(namespaces=False, network=False)
_own_pids = -1  # the server's own pid namespace
_kept: list[str] = []  # what is mounted below /tmp


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
    _check(_libc.mount(source, target, kind, ctypes.c_ulong(flags), data), f"mount on {target.decode()}")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _mounted_below_tmp() -> list[str]:
    with open("/proc/self/mountinfo") as file:
        points = [line.split()[4].replace("\\040", " ") for line in file]
    below = sorted({point for point in points if point.startswith("/tmp/")})
    return [point for point in below if not any(point.startswith(other + "/") for other in below)]


def _fresh_tmp(size_mb: int) -> None:
    """An empty tmpfs over /tmp; an interpreter or sources that are mounted below /tmp are carried over."""
    _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE)
    kept = [(point, os.open(point, os.O_PATH | os.O_CLOEXEC)) for point in _kept]
    options = f"size={size_mb}m,mode=1777".encode()
    _mount(b"tmpfs", b"/tmp", b"tmpfs", _MS_NOSUID_NODEV, options)
    for point, fd in kept:
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            os.makedirs(point, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(point), exist_ok=True)
            os.close(os.open(point, os.O_CREAT | os.O_WRONLY, 0o600))
        _mount(f"/proc/self/fd/{fd}".encode(), point.encode(), None, _MS_BIND | _MS_REC)
        os.close(fd)
    os.chdir("/tmp")


def _confine() -> None:
    # uid 0 of a user namespace would get its capabilities back with the next exec
    _prctl(_PR_SET_SECUREBITS, _NOROOT_LOCKED)
    header, nothing = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    _check(_libc.capset(header, nothing), "capset")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if _filter is not None:
        program = _Program(len(_filter) // 8, _filter)
        _check(_libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0), "seccomp filter")


FAILED = 125  # exit status of a child whose namespaces could not be made


def enter() -> None:
    """Move this process into a user and a pid namespace of its own; call it once, before `namespaced_fork`.

    Returns in a child, which is the server from now on. The process that called only waits for it and ends as it
    ends. Raises OSError where user namespaces are forbidden.
    """
    global _own_pids
    _kept[:] = _mounted_below_tmp()
    uid, gid = os.getuid(), os.getgid()
    # a server that hides its memory (dumpable 0) hides its /proc files too, which the maps are written through
    dumpable = _libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWPID), "unshare")
    _prctl(_PR_SET_DUMPABLE, 1)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    ready, gone = os.pipe()
    server = os.fork()
    _prctl(_PR_SET_DUMPABLE, dumpable)
    if server == 0:
        os.close(gone)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.set_blocking(ready, False)
        try:
            if os.read(ready, 1) == b"":
                os._exit(FAILED)  # the parent was gone before the signal was asked for
        except BlockingIOError:
            pass
        os.close(ready)
        _own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        return
    os.closerange(0, gone)
    os.closerange(gone + 1, 65536)
    _, status = os.waitpid(server, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else FAILED)


def namespaced_fork(tmp_mb: int = 64) -> int:
    """Fork as os.fork() does, after `enter`; the child is alone in new namespaces.

    Args:
        tmp_mb: Size of the child's own /tmp.

    Returns:
        0 in the child; in the parent the pid to wait for. Killing it kills everything the child started.

    A child that cannot be isolated never runs: it exits with `FAILED` and a line on stderr.
    """
    _check(_libc.unshare(CLONE_NEWPID), "unshare")
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            # the next child that is forked in the usual way belongs to the server's own namespace
            _check(_libc.setns(_own_pids, CLONE_NEWPID), "setns")
    if pid:
        return pid
    try:
        # without a session of its own, a candidate's kill(0, ...) would reach the server
        os.setsid()
        _check(_libc.unshare(CLONE_NEWIPC | CLONE_NEWNS), "unshare")
        _fresh_tmp(tmp_mb)
        _confine()
    except OSError as error:
        sys.stderr.write(f"namespaced_fork: {error}\n")
        sys.stderr.flush()
        os._exit(FAILED)
    return 0


def works() -> bool:
    """Whether a namespaced child can be made here, found by making one (in a child, so that `enter` is still to come)."""
    tried = os.fork()
    if tried == 0:
        try:
            enter()
            pid = namespaced_fork(tmp_mb=1)
            if pid == 0:
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        except OSError:
            os._exit(FAILED)
    _, status = os.waitpid(tried, 0)
    return status == 0
