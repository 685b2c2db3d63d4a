"""`codeopt runs` over real runs, killed ones, and folders that are no runs; and `--git`, which the real one was made with."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import MAKE, SLOW_DEDUPE, codeopt, put, refused

from codeopt.agent.git_branch import check, commit
from codeopt.agent.run_list import RUNS, listed, named, run_in, surplus
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.trace import Best, ProposalAnswer, ProposalIntent, RunFinished, RunStarted, TraceWriter
from codeopt.types import Measurement

GIT = shutil.which("git") is not None
GAIN = Measurement(pairs=20, speedup=2.0, low=1.9, high=2.1, p_value=0.0, clock="cpu", wall_speedup=2.0, baseline_s=0.2, candidate_s=0.1)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(folder: Path) -> None:
    """Everything in the folder as one commit."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "n")
    git(folder, "config", "user.email", "e@example.invalid")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one verified run, "first". It is a repository, if there is git, and the run was made with --git."""
    folder = tmp_path_factory.mktemp("runs")
    put(folder, dedupe=SLOW_DEDUPE, make=MAKE)
    (folder / ".gitignore").write_text(".codeopt/\n__pycache__/\n")
    if GIT:
        repository(folder)
        (folder / "staged").touch()
        git(folder, "add", "staged")
        (folder / "untracked").touch()
        (folder / "before").write_text(git(folder, "status", "--porcelain"))
    words = ("--inputs", "make.py:make", "--max-candidates", "1", "--quiet", "--sandbox", "process", "--no-crosshair", *["--git"] * GIT)
    made = codeopt("optimize", "dedupe.py", *words, "--run", ".codeopt/runs/first", cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    """A copy of it: with the same run under another name, a killed one, an evaluation, and what is no run."""
    shutil.copytree(done, tmp_path / "copy", symlinks=True, ignore=shutil.ignore_patterns(".git"))
    runs = tmp_path / "copy" / ".codeopt" / "runs"
    shutil.copytree(runs / "first", runs / "fourth")
    killed(runs / "second", done / "dedupe.py")
    (runs / "mine").mkdir()
    (runs / "mine" / "trace.jsonl").write_text('{"event": "mine"}\n')
    (runs / "notes.txt").write_text("mine")
    (runs / "elsewhere").symlink_to(runs / "first")
    evaluated = tmp_path / "copy" / ".codeopt" / "evals" / "rules-1"
    evaluated.mkdir(parents=True)
    (evaluated / "config.json").write_text('{"suite": "mbpp", "strategy": "rules", "model": ""}')
    (evaluated / "samples.jsonl").write_text('{"task_id": "a", "tokens_in": 3, "tokens_out": 4}\n{"torn')
    return tmp_path / "copy"


def killed(run: Path, file: Path) -> None:
    """The trace of a run that asked a model, had a best candidate and was killed."""
    with TraceWriter(run) as trace:
        trace.add(RunStarted(task=Task(kind="function", file=str(file), function="dedupe").model_dump(mode="json")))
        trace.add(ProposalIntent(id="1", proposer="llm", model="m", host="h", prompt_sha256="0", seed=0, index=0, dollars=0.5, tokens=100))
        trace.add(ProposalAnswer(id="1", tokens_in=10, tokens_out=5, dollars=0.25))
        trace.add(Best(candidate="c1", measurement=GAIN))


def runs(folder: Path, *words: str, answer: str | None = None) -> subprocess.CompletedProcess[str]:
    if answer is None:
        return codeopt("runs", *words, cwd=folder)
    command = [sys.executable, "-m", "codeopt", "runs", *words]
    return subprocess.run(command, cwd=folder, input=answer, capture_output=True, text=True, timeout=60)


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / ".codeopt" / "runs").iterdir()}


def test_the_list_shows_what_came_of_each(folder: Path) -> None:
    told = runs(folder, "list").stdout
    rows = {line.split()[0]: line for line in told.splitlines()[1:]}
    assert rows.keys() == {"first", "second", "fourth", "rules-1"}
    assert re.search(r"dedupe\.py:dedupe +(at least )?[\d.]+x \([\d.]+-[\d.]+\) +verified +[\d.]+ kB +\$0", rows["first"]), told
    assert re.search(r"2\.00x \(1\.90-2\.10\) so far +unfinished .*\$0\.2500, 15 tokens", rows["second"]), told
    assert re.search(r"mbpp rules +- +1 samples, 0 scored", rows["rules-1"]), told
    plain = json.loads(runs(folder, "list", "--json").stdout)
    assert [one["kind"] for one in plain] == ["run", "run", "run", "eval"] and plain[3]["tokens"] == 7
    assert plain[0]["bytes"] == sum(path.lstat().st_size for path in (folder / ".codeopt/runs/first").rglob("*") if path.is_file())
    assert runs(folder, "list", "--in", "nosuch").stdout.startswith("no runs in nosuch: codeopt optimize FILE")


def test_a_run_is_shown_as_it_was_when_it_ended(folder: Path) -> None:
    told = runs(folder, "show", "first").stdout
    assert re.search(r"^(at least )?[\d.]+x faster \(95 % interval", told, re.MULTILINE) and "check it: codeopt verify" in told
    assert re.search(r"seen   inputs: \d+ generated", told) and "sandbox process" in told
    told = runs(folder, "show").stdout
    assert told.partition(",")[0].endswith("dedupe.py:dedupe: unfinished"), "the newest"
    assert "best so far, by the search's own pairs: 2.00x" in told and "codeopt optimize --resume .codeopt/runs/second" in told
    assert json.loads(runs(folder, "show", "fo", "--json").stdout)["result"]["verified"] is True
    refused(runs(folder, "show", "f"), "'f' is the beginning of 2 runs: say which: first, fourth")
    refused(runs(folder, "show", "nosuch"), "no run 'nosuch' in .codeopt/runs: codeopt runs list")
    refused(runs(folder, "show", "mine"), "no run 'mine'")


def test_two_runs_are_held_beside_each_other(folder: Path) -> None:
    done = runs(folder, "compare", "first", "fourth")
    assert done.returncode == 0 and "the same program, asked for and checked in the same way" in done.stdout, done.stdout
    assert "1.00 (" in done.stdout and "they may be equal" in done.stdout
    assert "codeopt verify " in done.stdout and "first/dedupe.py" in done.stdout and "--as " in done.stdout
    other = folder / ".codeopt" / "runs" / "fourth" / "result.json"
    result = json.loads(other.read_text())
    result["measurement"].update(speedup=900.0, low=890.0, high=910.0)
    other.write_text(json.dumps(result))
    assert "B's is larger" in runs(folder, "compare", "first", "fourth").stdout
    result["source_sha256"] = "0" * 64
    other.write_text(json.dumps(result))
    done = runs(folder, "compare", "first", "fourth")
    assert done.returncode == 1 and "not the same program: the file's text differ" in done.stdout
    told = json.loads(runs(folder, "compare", "first", "second", "--json").stdout)
    assert told["same"] and "inputs" in told["differs"] and told["verify"] == ""


def test_only_what_was_asked_for_goes_and_only_after_a_yes(folder: Path) -> None:
    before = names(folder)
    refused(runs(folder, "prune"), "--keep N, --older-than DAYS, or both")
    for words, answer, code in ((["--keep", "1", "--dry-run"], None, 0), (["--keep", "1"], "n\n", 1), (["--keep", "1"], "", 1)):
        done = runs(folder, "prune", *words, answer=answer)
        assert done.returncode == code and names(folder) == before, done.stdout
        assert ".codeopt/runs/first" in done.stdout and ".codeopt/runs/second" not in done.stdout
        for stranger in ("mine", "notes.txt", "elsewhere"):
            assert f"left alone: .codeopt/runs/{stranger} is no run" in done.stderr
    assert runs(folder, "prune", "--keep", "2", "--older-than", "1", "--yes").stdout == "nothing to remove of 3\n"
    done = runs(folder, "prune", "--keep", "1", answer="y\n")
    assert done.returncode == 0 and names(folder) == before - {"first", "fourth"}, done.stdout
    assert (folder / ".codeopt/evals/rules-1").is_dir() and (folder / ".codeopt/runs/mine/trace.jsonl").is_file()
    done = runs(folder, "prune", "--keep", "0", "--evals", "--yes")
    assert done.returncode == 0 and not any((folder / ".codeopt/evals").iterdir()), done.stdout


def test_a_run_that_is_written_stays(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "busy"
    with TraceWriter(run) as trace:
        trace.add(RunStarted(task={"file": "a.py"}))
        (found,) = listed(tmp_path, RUNS)
        assert found.status == "running" and surplus([found], 0, None) == []
        trace.add(RunFinished(exit_code=1))
    (found,) = listed(tmp_path, RUNS)
    assert found.status == "none found" and surplus([found], 0, None) == [found]


def test_age_counts_from_the_last_write(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        killed(tmp_path / "runs" / name, tmp_path / "f.py")
        old = time.time() - (3 - number) * 86400
        for path in (tmp_path / "runs" / name, *(tmp_path / "runs" / name).rglob("*")):
            os.utime(path, (old, old))
    found = listed(tmp_path, RUNS)
    assert [one.folder.name for one in surplus(found, None, 1.5)] == ["a", "b"]
    assert [one.folder.name for one in surplus(found, 2, 1.5)] == ["a"]
    assert [one.folder.name for one in surplus(found, 1, None)] == ["a", "b"]


@pytest.mark.parametrize("line", ["", "{}", '{"event": "run_started"', '{"event": "run_started", "t": 1}', '{"event": "note", "t": 1}\n', "[1]\n", "\xff\n"])
def test_what_does_not_begin_as_a_run_is_none(tmp_path: Path, line: str) -> None:
    (tmp_path / "trace.jsonl").write_text(line, "latin-1")
    assert run_in(tmp_path) is None


# --- --git ------------------------------------------------------------------------------------------------

needs_git = pytest.mark.skipif(not GIT, reason="git is not installed")


@needs_git
def test_the_winner_is_a_commit_on_a_branch_and_nothing_else_has_changed(done: Path) -> None:
    head, branch = git(done, "rev-parse", "main"), "codeopt/dedupe-first"
    assert git(done, "rev-parse", "HEAD", f"{branch}^").split() == [head, head]
    assert git(done, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(done, "status", "--porcelain", "--", ".", ":!before") == (done / "before").read_text()
    assert (done / "dedupe.py").read_text() == SLOW_DEDUPE
    assert git(done, "diff", "--name-only", head, branch) == "dedupe.py"
    assert git(done, "show", f"{branch}:dedupe.py") == (done / ".codeopt/runs/first/dedupe.py").read_text().strip()
    found = named("first", done / ".codeopt").measurement
    assert found is not None
    text = git(done, "log", "-1", "--format=%B", branch)
    assert text.startswith(f"Make dedupe {'at least ' if found.at_least else ''}{found.speedup:.2f}x faster\n\n")
    assert f"95 % interval {found.low:.2f}-{found.high:.2f}" in text and f"{found.pairs} pairs by" in text
    assert re.search(r"\d+ seen ones \(\d+ generated, .*fresh ones", text) and str(done) not in text
    assert commit(done / ".codeopt/runs/first") == branch, "done twice, it is the same"
    (line,) = [line.strip() for line in text.splitlines() if line.startswith("    codeopt verify")]
    assert line == f"codeopt verify {head}:dedupe.py {branch}:dedupe.py --function dedupe --inputs make.py:make"
    again = codeopt(*line.split()[1:], "--sandbox", "process", "--no-crosshair", "--pairs", "10", "--quiet", cwd=done)
    assert again.returncode == 0 and again.stdout.startswith("same behaviour; faster"), again.stderr


def finished(run: Path, *parts: tuple[Path, str], command: str = "") -> Path:
    """A run's folder as it is after a verified speedup of these files."""
    results = []
    for number, (file, new) in enumerate(parts):
        text = run / str(number) / file.name
        text.parent.mkdir(parents=True)
        text.write_bytes(new.encode())
        results.append({
            "file": str(file), "function": "f", "exit_code": 0, "verified": True, "measurement": GAIN.model_dump(), "inputs": None,
            "steps": [{"gain": 2.0, "note": "a\x1b\nb"}], "flags": [], "sandbox": "process", "machine": {"cpu": "c"}, "verify": "",
            "source_sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "files": {"new": str(text), "patch": "p"},
        })  # fmt: skip
    whole = {"command": command.split(), "exit_code": 0, "measurement": GAIN.model_dump(), "functions": results} if command else results[0]
    (run / "result.json").write_text(json.dumps(whole))
    return run


@needs_git
def test_odd_names_modes_line_ends_and_several_files(tmp_path: Path) -> None:
    project = tmp_path / "a repository"
    odd = project / "päck age" / 'x "y"\t.py'
    odd.parent.mkdir(parents=True)
    odd.write_bytes(b"slow\r\n")
    odd.chmod(0o755)
    (project / "b.py").write_text("slow\n")
    (project / ".gitattributes").write_text("*.py text eol=crlf\n")
    repository(project)
    head = git(project, "rev-parse", "HEAD")
    branch = commit(finished(tmp_path / "command-1", (odd, "fast\r\n"), (project / "b.py", "fast\n"), command="python -m x"))
    assert branch == "codeopt/command-1"
    assert git(project, "show", f"{branch}:{odd.relative_to(project)}", f"{branch}:b.py") == "fast\nfast", "as git keeps line ends"
    assert git(project, "ls-tree", branch, "--", f":(literal){odd.relative_to(project)}").startswith("100755")
    text = git(project, "log", "-1", "--format=%B", branch)
    assert text.startswith("Make python -m x 2.00x faster") and "f: 2.00x" in text and "- 2.00x: a b" in text
    git(project, "branch", "-f", branch, head)
    assert commit(tmp_path / "command-1") == f"{branch}-2", "a branch that is another's is left alone"
    assert git(project, "rev-parse", branch) == head and git(project, "status", "--porcelain") == ""


@needs_git
def test_what_git_cannot_take_is_refused_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    file = tmp_path / "p" / "a.py"
    file.parent.mkdir()
    file.write_text("slow\n")
    task = Task(kind="function", file=str(file))

    def refuses(says: str) -> None:
        with pytest.raises(UserError, match=says) as caught:
            check(task)
        assert "\n" not in str(caught.value) and caught.value.hint

    refuses("in no git repository")
    put(file.parent, b="x")
    (file.parent / "link.py").symlink_to("b.py")
    git(file.parent, "init", "-q")
    refuses("git rev-parse fails.*commit first")
    file.rename(tmp_path / "a.py")
    repository(file.parent)
    (tmp_path / "a.py").rename(file)
    refuses("a.py is not in HEAD: commit it")
    git(file.parent, "add", "a.py")
    git(file.parent, "commit", "-qm", "two")
    check(task)
    run = finished(tmp_path / "run", (file, "fast\n"))
    file.write_text("other\n")
    refuses("a.py differs from HEAD")
    with pytest.raises(UserError, match="has changed since the run: apply p by hand"):
        commit(run)
    file.write_text("slow\n")
    git(file.parent, "branch", "codeopt")
    refuses("a branch codeopt is there")
    git(file.parent, "branch", "-D", "codeopt")
    git(file.parent, "config", "--unset", "user.email")
    git(file.parent, "config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    refuses("git var fails.*git config user.name")
    task = task.model_copy(update={"file": str(file.parent / "link.py")})
    refuses("link.py is a link")
    monkeypatch.setenv("PATH", "/nonexistent")
    refuses("git is not installed")


@needs_git
def test_the_command_line_refuses_in_one_line(tmp_path: Path) -> None:
    put(tmp_path, dedupe=SLOW_DEDUPE, make=MAKE)
    refused(codeopt("optimize", "dedupe.py", "--git", cwd=tmp_path, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}), "in no git repository")
    assert not (tmp_path / ".codeopt").exists()
