"""`--git`: the winner as a commit on a branch of its own. Working tree, index and HEAD stay as they are.

Plumbing only (git-hash-object, git-read-tree into an index of its own, git-write-tree, git-commit-tree, git-update-ref), so
no hook runs and nothing is checked out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt import __version__
from codeopt.agent.report import seconds
from codeopt.agent.run_list import RESULT
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.types import Measurement

PREFIX = "codeopt"
SUBJECT, WIDTH = 72, 100
_PLAIN = ("100644", "100755")


@dataclass(frozen=True)
class Tracked:
    """A file in a repository, unchanged since HEAD.

    Attributes:
        root: The repository's folder, links resolved.
        name: The file's path in it.
        head: The commit.
        mode: "100644" or "100755".
    """

    root: Path
    name: str
    head: str
    mode: str


def check(task: Task) -> None:
    """Refuse, before a run, what could not be put on a branch after it.

    Raises:
        UserError: No git, no repository, nobody to commit as, or the file is not as in HEAD.
    """
    if task.file:
        found = tracked(Path(task.file))
        root = found.root
    else:
        root = Path(task.project or Path.cwd())
        _root(root)
    _ask(root, "var", "GIT_COMMITTER_IDENT", hint="git config user.name NAME, and user.email ADDRESS")
    if _run(root, "show-ref", "--verify", "--quiet", f"refs/heads/{PREFIX}").returncode == 0:
        raise UserError(f"--git: a branch {PREFIX} is there, so there can be none below {PREFIX}/", f"rename it: git branch -m {PREFIX} NAME")


def tracked(file: Path) -> Tracked:
    """Where a file stands in its repository.

    Raises:
        UserError: It is in none, not tracked, a link, or not as in HEAD.
    """
    folder = file.parent
    _root(folder)
    root = Path(_ask(folder, "rev-parse", "--show-toplevel"))
    name = _ask(folder, "rev-parse", "--show-prefix") + file.name
    head = _ask(folder, "rev-parse", "--verify", "HEAD^{commit}", hint="commit first")
    entry = _ask(root, "ls-tree", "-z", head, "--", name).rstrip("\0")
    if not entry:
        raise UserError(f"--git: {file} is not in HEAD", "commit it first")
    mode, _, blob = entry.partition("\t")[0].split()
    if mode not in _PLAIN:
        raise UserError(f"--git: {file} is a link", "name the file that it points to")
    if _ask(root, "hash-object", f"--path={name}", "--", name) != blob:
        raise UserError(f"--git: {file} differs from HEAD", "commit it (or stash it) first")
    return Tracked(root, name, head, mode)


def commit(run: Path) -> str:
    """Put a run's result on a branch `codeopt/NAME-TIME`; returns the branch. Done twice, it is the same branch.

    Raises:
        UserError: The run has no verified speedup, a file has changed since, or git refuses.
    """
    file = run / RESULT
    summary = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if summary.get("exit_code") != 0:
        raise UserError(f"{run} found no verified speedup", "there is nothing to commit")
    parts = [part for part in summary.get("functions", [summary]) if part.get("exit_code") == 0 and "new" in part["files"]]
    texts: dict[Path, bytes] = {}
    for part in parts:
        path = Path(part["file"])
        if path not in texts and hashlib.sha256(path.read_bytes()).hexdigest() != part["source_sha256"]:
            raise UserError(f"--git: {path} has changed since the run", f"apply {part['files']['patch']} by hand, or run again")
        texts[path] = Path(part["files"]["new"]).read_bytes()  # a later function's text holds the earlier one's
    found = {path: tracked(path) for path in texts}
    places = {one.root for one in found.values()}
    if len(places) != 1:
        raise UserError(f"--git: the result is in {len(places)} repositories", f"apply the patches in {run} by hand")
    (root,) = places
    head = next(iter(found.values())).head
    tree = _tree(root, head, {one: texts[path] for path, one in found.items()})
    stem = "command" if "functions" in summary else Path(summary["file"]).stem
    branch = _branch(root, f"{PREFIX}/{_plain(run.name if run.name.startswith(stem) else f'{stem}-{run.name}')}", head, tree)
    if _run(root, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0:
        return branch
    text = message(summary, parts, {str(path): one for path, one in found.items()}, branch)
    made = _ask(root, "commit-tree", tree, "-p", head, "-F", "-", text=text.encode("utf-8", "replace"), hint="git config user.name NAME, and user.email ADDRESS")
    _ask(root, "update-ref", "-m", f"codeopt: {branch}", f"refs/heads/{branch}", made, "0" * len(made))
    return branch


def message(summary: Mapping[str, Any], parts: list[dict[str, Any]], files: Mapping[str, Tracked], branch: str) -> str:
    """The commit's message: the gain, its evidence, and the command that measures it again.

    Args:
        summary: The run's result.
        parts: Of a command the results of its functions; else the run's alone.
        files: Where each part's file stands.
        branch: That the commit will be on.
    """
    measured = Measurement.model_validate(summary["measurement"])
    what = shlex.join(summary["command"]) if "functions" in summary else summary["function"] or Path(summary["file"]).name
    least = "at least " if measured.at_least else ""
    gain = f"{least}{measured.speedup:.2f}x"
    subject = f"Make {_line(what)} {gain} faster"
    lines = [subject if len(subject) <= SUBJECT else f"Make it {gain} faster", ""]
    lines += [
        f"{gain} (95 % interval {measured.low:.2f}-{measured.high:.2f}), {seconds(measured.baseline_s)} -> {seconds(measured.candidate_s)}, "
        f"{measured.pairs} pairs by {'CPU time' if measured.clock == 'cpu' else 'wall-clock'}."
    ]
    for part in parts:
        if part is not summary and part.get("measurement"):
            one = Measurement.model_validate(part["measurement"])
            lines.append(f"{_line(part['function'])}: {one.speedup:.2f}x (95 % interval {one.low:.2f}-{one.high:.2f}), {one.pairs} pairs.")
        lines += _inputs(part)
        if written := part.get("written"):
            lines.append(f"Written by a model from its description; {_line(written['in_words'])}.")
        lines += [f"- {step['gain']:.2f}x: {_line(step['note'])}" for step in part.get("steps", ())]
        if part.get("flags"):
            lines.append(f"It was measured with these compiler flags, too: {shlex.join(part['flags'])}")
    machine = parts[0].get("machine", {})
    lines.append(f"Measured by codeopt {__version__} on {_line(machine.get('cpu', '?'))}, {_line(machine.get('distro', '?'))}, sandbox {parts[0]['sandbox']}.")
    again = [command for part in parts if (command := _again(part, files[part["file"]], branch))]
    if again:
        lines += ["", "To measure it again, in the repository's folder:", "", *(f"    {command}" for command in again)]
    return "\n".join(lines) + "\n"


def _inputs(part: Mapping[str, Any]) -> list[str]:
    counts = part.get("inputs") or {}
    told = []
    for key, word in (("visible", "seen"), ("hidden", "fresh")):
        kinds = counts.get(key) or {}
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        told.append(f"{sum(kinds.values())} {word} ones" + (f" ({listed})" if listed else ""))
    return [f"Same behaviour on the inputs that were tried: {' and '.join(told)}."] if counts else []


def _again(part: Mapping[str, Any], file: Tracked, branch: str) -> str:
    """The run's own command between two revisions, with no folder of this machine; "" where the old text is no program."""
    words = shlex.split(str(part.get("verify") or ""))
    if part.get("written") or words[:2] != ["codeopt", "verify"]:
        return ""
    words = [*words[:2], f"{file.head}:{file.name}", f"{branch}:{file.name}", *words[words.index("--as") + 2 :]]
    if "--python" in words:
        at = words.index("--python")
        del words[at : at + 2]
    return shlex.join(os.path.realpath(word).removeprefix(f"{file.root}/") if word.startswith("/") else word for word in words)


def _tree(root: Path, head: str, files: Mapping[Tracked, bytes]) -> str:
    """The tree of HEAD with these files in it."""
    with tempfile.TemporaryDirectory(prefix="codeopt-git-") as folder:
        env = {"GIT_INDEX_FILE": f"{folder}/index"}
        _ask(root, "read-tree", head, env=env)
        for file, content in files.items():
            blob = _ask(root, "hash-object", "-w", "--stdin", f"--path={file.name}", text=content)
            _ask(root, "update-index", "--cacheinfo", f"{file.mode},{blob},{file.name}", env=env)
        return _ask(root, "write-tree", env=env)


def _branch(root: Path, name: str, head: str, tree: str) -> str:
    """The name, with a number where it is taken by another commit."""
    number, branch = 1, name
    while _run(root, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0:
        if _ask(root, "log", "-1", "--format=%T %P", f"refs/heads/{branch}") == f"{tree} {head}":
            return branch
        number += 1
        branch = f"{name}-{number}"
    return branch


def _plain(name: str) -> str:
    """What of a name may stand in a branch's (git-check-ref-format)."""
    plain = re.sub(r"\.{2,}", ".", re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)).strip(".-")
    return plain.removesuffix(".lock") or "result"


def _line(text: object) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def _root(folder: Path) -> None:
    """Raises UserError where a folder is in no repository with a working tree."""
    done = _run(folder, "rev-parse", "--is-inside-work-tree")
    if done.stdout.strip() != b"true":
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = "" if not said or "not a git repository" in said[0] else f" ({said[0][:200]})"
        raise UserError(f"--git: {folder} is in no git repository{why}", "git init and commit first, or leave --git out")


def _ask(root: Path, *words: str, text: bytes | None = None, env: Mapping[str, str] | None = None, hint: str = "") -> str:
    done = _run(root, *words, text=text, env=env)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"--git: git {words[0]} fails ({' '.join(said)[:300] or f'exit code {done.returncode}'})", hint or "leave --git out: --resume RUN --git tries again")
    out = done.stdout.decode("utf-8", "surrogateescape")
    return out.removesuffix("\n")


def _run(root: Path, *words: str, text: bytes | None = None, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    whole = {**os.environ, "LC_ALL": "C", "GIT_LITERAL_PATHSPECS": "1", **(env or {})}
    try:
        return subprocess.run(["git", *words], cwd=root, env=whole, input=text if text is not None else b"", capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("--git: git is not installed", "install it, or leave --git out") from None
