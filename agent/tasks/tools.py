"""The user's own interpreter and compiler, found and checked before anything is built on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from codeopt.errors import UserError


def interpreter(asked: str | None) -> str:
    """The Python under which the user's code runs: the one asked for, the active virtual environment's, our own.

    Raises:
        UserError: It is not there, does not start, or is older than 3.9.
    """
    active = os.environ.get("VIRTUAL_ENV")
    if asked is None and (not active or Path(active).resolve() == Path(sys.prefix).resolve()):
        return sys.executable
    wanted = asked if asked is not None else str(Path(active or "") / "bin" / "python")
    if Path(wanted).is_dir():
        wanted = str(Path(wanted) / "bin" / "python")
    found = shutil.which(wanted)
    if found is None:
        whose = "--python" if asked is not None else "VIRTUAL_ENV"
        raise UserError(
            f"no Python at {wanted} ({whose})", "name an interpreter, or a virtual environment's folder"
        )
    probe = [found, "-I", "-S", "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        told = subprocess.run(probe, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        version = tuple(int(part) for part in told.stdout.split())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        version = ()
    if len(version) != 2:
        raise UserError(f"{found} does not answer like a Python interpreter", "name another with --python")
    if version < (3, 9):
        raise UserError(
            f"{found} is Python {version[0]}.{version[1]}", "codeopt runs code under 3.9 or newer"
        )
    return os.path.abspath(found)


def compiler(asked: str | None, c: bool = False) -> str:
    """Path of the compiler: the one asked for, $CXX ($CC), g++ (gcc), clang++ (clang).

    Raises:
        UserError: There is none.
    """
    names = ("gcc", "clang") if c else ("g++", "clang++")
    wanted = asked or os.environ.get("CC" if c else "CXX") or ""
    for name in (wanted,) if wanted else names:
        if found := shutil.which(name):
            path = os.path.abspath(found)
            # A name outside /usr may point to anywhere; a sandbox shows the place that it points to.
            return path if path.startswith(("/usr/", "/bin/")) else os.path.realpath(path)
    if wanted:
        raise UserError(f"no compiler {wanted}", "name one that is on PATH, or install it")
    raise UserError(f"no {'C' if c else 'C++'} compiler ({' or '.join(names)})", "apt install g++ (or clang)")


def compiler_home(path: str) -> Path | None:
    """The folder that a compiler outside the system's own folders needs to be seen with: its installation.

    None for one below /usr, which every sandbox shows, and for one in a folder that holds more than a toolchain
    (the home folder's own bin): a candidate must not see that.
    """
    folder = Path(os.path.realpath(path)).parent
    home = folder.parent if folder.name == "bin" else folder
    private = home in (Path(home.anchor), Path("/home"), Path("/opt")) or Path.home().is_relative_to(home)
    return None if home.is_relative_to("/usr") or private else home
