"""Which of the host's own files a sandbox shows, read-only, besides what a launch mounts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codeopt.errors import SandboxUnavailable
from codeopt.sandbox.protocol import Mount

_TOP = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/openmpi",
    "/etc/localtime",
)
_COPY_BYTES, _COPY_FILES = 64 << 20, 5000


def session_folder() -> str:
    """A new private folder for one session. Those of a codeopt that was killed before it could are removed."""
    # a pid means something in its own namespace only: containers may share a /tmp
    prefix = f"codeopt-{os.stat('/proc/self/ns/pid').st_ino}-"
    _sweep_folders(tempfile.gettempdir(), prefix)
    return tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-")


@cache
def _sweep_folders(parent: str, prefix: str) -> None:
    for folder in Path(parent).glob(f"{prefix}*-*"):
        owner = folder.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            # another user's is left alone: rmtree may not enter it
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class SystemEntry:
    """A directory or file to show at its own path, or (with `link`) a symlink to make there."""

    path: str
    link: str = ""


@cache
def system_entries() -> tuple[SystemEntry, ...]:
    """The system's programs, libraries and the loader's files that exist on this host, parents first."""
    found = []
    for path in (*_TOP, *_ETC):
        if path in _TOP and os.path.islink(path):
            found.append(SystemEntry(path, os.readlink(path)))
        elif os.path.exists(path):
            found.append(SystemEntry(path))
    return tuple(found)


def covered_by_system(path: str) -> bool:
    """Whether `path` is shown anyway, because a system directory holds it."""
    tops = [entry.path for entry in system_entries() if not entry.link and entry.path in _TOP]
    return any(path == top or path.startswith(top + "/") for top in tops)


def readable_mounts(mounts: Iterable[Mount], staging: Path) -> tuple[Mount, ...]:
    """The mounts as a user who owns none of the files can read them.

    A file or directory that only its owner may read (a fresh temporary directory) is copied below `staging`, which
    stays private, with its modes opened; what is written to the original afterwards does not show.

    Raises:
        SandboxUnavailable: It is too large to copy.
    """
    staging.chmod(0o700)
    return tuple(_readable(mount, staging / f"copy-{i}") for i, mount in enumerate(mounts))


def _readable(mount: Mount, copy: Path) -> Mount:
    mode = mount.host.stat().st_mode
    wanted = 0o005 if stat.S_ISDIR(mode) else 0o004
    if mode & wanted == wanted:
        return mount
    if not stat.S_ISDIR(mode):
        shutil.copyfile(mount.host, copy)
        copy.chmod(0o755 if mode & 0o100 else 0o644)
        return Mount(copy, mount.inside)
    total = files = 0
    for folder, _, names in os.walk(mount.host):
        files += len(names)
        total += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
        if total > _COPY_BYTES or files > _COPY_FILES:
            raise SandboxUnavailable(
                f"the sandbox's user cannot read {mount.host}", f"allow it: chmod -R o+rX {mount.host}"
            )
    shutil.copytree(mount.host, copy, symlinks=True)
    for folder, _, names in os.walk(copy):
        os.chmod(folder, 0o755)
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.lstat(path).st_mode & 0o100 else 0o644)
    return Mount(copy, mount.inside)
