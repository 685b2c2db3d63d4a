"""The command line as a person runs it: a fresh process, its output and its exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

SLOW_DEDUPE = """def dedupe(xs: list[int]) -> list[int]:
    seen = []
    for x in xs:
        if x not in seen:
            seen.append(x)
    return seen
"""
FAST_DEDUPE = "def dedupe(xs: list[int]) -> list[int]:\n    return list(dict.fromkeys(xs))\n"
MAKE = "def make(size, seed):\n    return ([(i * 7919 + seed) % (size + 1) for i in range(size)],)\n"
HIDDEN = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "DOCKER_HOST")


def environment(**more: str) -> dict[str, str]:
    """This process's environment without keys, proxies and a terminal's width."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200", **more}


def command(*args: str | Path) -> list[str]:
    """The words that start codeopt under this interpreter."""
    return [sys.executable, "-m", "codeopt", *map(str, args)]


def codeopt(
    *args: str | Path, cwd: Path, env: dict[str, str] | None = None, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run codeopt to its end in the folder `cwd`."""
    return subprocess.run(
        command(*args), cwd=cwd, env=environment(**(env or {})), capture_output=True, text=True, timeout=seconds
    )


def codeopt_without(package: str, *args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run codeopt where every library that is installed here can be found but one."""
    site = cwd / f"without-{package}"
    site.mkdir()
    for path in map(Path, sys.path):
        for entry in path.iterdir() if path.name == "site-packages" else ():
            if not entry.name.lower().startswith(package) and entry.suffix != ".pth":
                (site / entry.name).symlink_to(entry)
    env = environment(PYTHONPATH=f"{site}:{Path(__file__).resolve().parents[1] / 'src'}")
    # -S leaves out the site-packages of the interpreter itself.
    words = [sys.executable, "-S", *command(*args)[1:]]
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def refused(done: subprocess.CompletedProcess[str], says: str) -> None:
    """Assert that codeopt refused bad input with exactly one line, which matches `says`."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("codeopt: "), done.stderr
    assert re.search(says, lines[0]), lines[0]
    assert "Traceback" not in done.stdout + done.stderr


def put(folder: Path, **files: str) -> None:
    """Write Python files: `put(folder, a="text")` makes a.py."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
