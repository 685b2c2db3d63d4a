"""The two commands as a person uses them: what they print, what they leave behind, and their exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, environment, put

import codeopt as package
from codeopt.agent.counterexamples import available

PROCESS = ("--sandbox", "process", "--no-crosshair")
HEAVY = ("torch", "transformers", "numpy", "pandas", "openai", "docker", "hypothesis", "jinja2", "msgpack", "codeopt.types")
KEYS = {
    "file", "function", "exit_code", "reason", "verified", "measurement", "inputs", "notes", "candidates", "seconds",
    "dollars", "tokens", "sandbox", "steps", "flags", "source_sha256", "files", "verify", "machine", "versions", "applied",
}  # fmt: skip
VERDICT_KEYS = {
    "file", "function", "status", "evidence", "search", "holdout", "inputs", "notes", "accepted", "workload_notes",
    "sandbox", "interpreter",
}  # fmt: skip


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object], str]:
    """A folder in which dedupe.py was optimised with --json: the folder, the JSON, and stderr."""
    folder = tmp_path_factory.mktemp("cli")
    put(folder, dedupe=SLOW_DEDUPE, make=MAKE)
    done = codeopt("optimize", "dedupe.py", "--inputs", "make.py:make", "--max-candidates", "1", "--json", "--run", "run", *PROCESS, cwd=folder)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return folder, json.loads(done.stdout), done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, dedupe=SLOW_DEDUPE, fast=FAST_DEDUPE, make=MAKE)
    return tmp_path


def pytest_of(path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    return subprocess.run(words, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120)


# --- light ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--help"], ["optimize", "--help"], ["verify", "--help"], ["sandbox", "--help"], ["--version"]])
def test_help_is_light(args: list[str]) -> None:
    # typer itself takes pydantic for the parameters of a command.
    heavy = (*HEAVY, "pydantic") if len(args) == 1 else HEAVY
    code = (
        "import sys; from codeopt.cli.app import main; sys.argv = ['codeopt', *sys.argv[1:]]\n"
        f"try: main()\nfinally: print('LOADED', [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, env=environment())
    assert done.returncode == 0 and "LOADED []" in done.stdout, done.stdout + done.stderr


def test_the_version() -> None:
    assert codeopt("--version", cwd=Path.cwd()).stdout == f"codeopt {package.__version__}\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_shell_completes_commands_options_and_runs(tmp_path: Path) -> None:
    (tmp_path / ".codeopt" / "runs" / "hot-1").mkdir(parents=True)
    starter = tmp_path / "codeopt"
    starter.write_text(f"#!{sys.executable}\nfrom codeopt.cli.app import main\nmain()\n")
    starter.chmod(0o755)
    asked = ("codeopt op", "codeopt optimize --max-d", "codeopt runs show h", "codeopt nosuch x")
    each = "COMP_WORDS=({}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMPREPLY=(); _codeopt_completion codeopt; echo ${{COMPREPLY[*]}}"
    script = "\n".join(['eval "$(codeopt --show-completion)"', *map(each.format, asked)])
    env = environment(PATH=f"{tmp_path}:{os.environ['PATH']}", HOME=str(tmp_path))
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["optimize", "--max-dollars", "hot-1", ""], (done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("optimize", ["five minutes", "rules only", "$1", "130", "--resume", "--apply", "--max-dollars", "300"]),
        ("verify", ["REVISION:FILE", "--as", "--json", "Exit codes"]),
    ],
)
def test_help_states_the_defaults(name: str, words: list[str]) -> None:
    text = " ".join(re.sub(r"[│╭╰─╮╯]", " ", codeopt(name, "--help", cwd=Path.cwd()).stdout).split())
    assert [word for word in words if word not in text] == []


# --- optimize ---------------------------------------------------------------------------------------------


def test_json_is_the_whole_of_stdout(optimized: tuple[Path, dict[str, object], str]) -> None:
    folder, result, stderr = optimized
    assert result.keys() >= KEYS and stderr == ""
    assert result["verified"] is True and result["exit_code"] == 0 and result["dollars"] == 0
    stored = json.loads((folder / "run" / "result.json").read_text())
    assert {key: value for key, value in result.items() if key != "applied"} == stored
    assert (folder / "dedupe.py").read_text() == SLOW_DEDUPE, "the file itself is not edited"


@pytest.mark.parametrize("tool", [["git", "apply"], ["patch", "-p1", "-i"]])
def test_the_patch_applies(optimized: tuple[Path, dict[str, object], str], tool: list[str], tmp_path: Path) -> None:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    folder, _, _ = optimized
    put(tmp_path, dedupe=SLOW_DEDUPE)
    subprocess.run([*tool, str(folder / "run" / "best.patch")], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "dedupe.py").read_bytes() == (folder / "run" / "dedupe.py").read_bytes()


def test_the_equivalence_test_passes_and_can_fail(optimized: tuple[Path, dict[str, object], str], tmp_path: Path) -> None:
    folder, _, _ = optimized
    run = folder / "run"
    assert (done := pytest_of(run / "test_dedupe_equivalence.py", folder)).returncode == 0, done.stdout
    good = (run / "dedupe.py").read_text()
    try:
        for broken in (SLOW_DEDUPE.replace("return seen", "return seen[::-1]"), "def other(): pass\n", "x = (\n"):
            (run / "dedupe.py").write_text(broken)
            assert pytest_of(run / "test_dedupe_equivalence.py", folder).returncode == 1
    finally:
        (run / "dedupe.py").write_text(good)


def test_the_report_gives_a_command_that_works(optimized: tuple[Path, dict[str, object], str], tmp_path: Path) -> None:
    folder, result, _ = optimized
    report = (folder / "run" / "report.md").read_text()
    (line,) = [line for line in report.splitlines() if line.startswith("codeopt verify ")]
    assert line == result["verify"]
    assert "faster" in report and "95 % interval" in report and "inputs" in report
    words = shlex.split(line)[1:]
    done = codeopt(*words, *PROCESS, "--pairs", "10", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("same behaviour; faster:"), (done.stdout, done.stderr)


def test_apply_replaces_only_an_unchanged_file(optimized: tuple[Path, dict[str, object], str]) -> None:
    from codeopt.agent.report import apply_result
    from codeopt.errors import UserError

    folder, _, _ = optimized
    target = folder / "dedupe.py"
    target.chmod(0o640)
    try:
        target.write_text(SLOW_DEDUPE + "# mine\n")
        with pytest.raises(UserError, match=r"has changed since the run: apply .*best\.patch by hand"):
            apply_result(folder / "run")
        assert target.read_text() == SLOW_DEDUPE + "# mine\n"
        target.write_text(SLOW_DEDUPE)
        done = codeopt("optimize", "--resume", "run", "--apply", cwd=folder)
        assert done.returncode == 0 and "applied to dedupe.py" in done.stdout, (done.stdout, done.stderr)
        assert target.read_bytes() == (folder / "run" / "dedupe.py").read_bytes()
        assert target.stat().st_mode & 0o777 == 0o640
    finally:
        target.write_text(SLOW_DEDUPE)


def test_nothing_found_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    put(tmp_path, total="def total(xs: list[int]) -> int:\n    return sum(xs)\n")
    done = codeopt("optimize", "total.py", "--quiet", "--run", "run", *PROCESS, cwd=tmp_path)
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert done.stdout.count("\n") == 1 and done.stdout.startswith("no verified speedup (")
    assert not (tmp_path / "run" / "best.patch").exists() and (tmp_path / "run" / "report.md").exists()
    done = codeopt("optimize", "--resume", "run", "--json", "--apply", cwd=tmp_path)
    assert done.returncode == 1 and json.loads(done.stdout)["applied"] == ""


def test_progress_goes_to_stderr_and_the_result_to_stdout(folder: Path) -> None:
    done = codeopt("optimize", "dedupe.py", "--inputs", "make.py:make", "--max-candidates", "1", "--sandbox", "process", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert re.match(r"[\d.]+x faster \(95 % interval [\d.]+-[\d.]+\), ", done.stdout.removeprefix("at least "))
    assert "check it: codeopt verify" in done.stdout and "holdout" in done.stderr
    (run,) = (folder / ".codeopt" / "runs").iterdir()
    assert run.name.startswith("dedupe-")
    assert available() == ("CrossHair searched" in (run / "report.md").read_text())


# --- verify -----------------------------------------------------------------------------------------------


def verify(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return codeopt("verify", *args, *PROCESS, "--pairs", "10", cwd=folder)


def test_two_files(folder: Path) -> None:
    done = verify(folder, "dedupe.py", "fast.py", "--json")
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert found.keys() >= VERDICT_KEYS and found["accepted"] and found["status"] == "ok"
    assert found["holdout"]["speedup"] > 1.5 and found["inputs"]["hidden"]


def test_two_functions(folder: Path) -> None:
    put(folder, both=SLOW_DEDUPE + FAST_DEDUPE.replace("dedupe", "quick"))
    done = verify(folder, "both.py:dedupe", "both.py:quick", "--quiet")
    assert done.returncode == 0 and done.stdout.count("\n") == 1, (done.stdout, done.stderr)
    assert verify(folder, "both.py:dedupe", "fast.py:dedupe").returncode == 0
    done = verify(folder, "both.py:dedupe", "both.py:nosuch")
    assert done.returncode in (1, 2) and "nosuch" in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_two_revisions(folder: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    who = ["-c", "user.name=n", "-c", "user.email=e@example.invalid"]

    def git(*words: str) -> None:
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", "dedupe.py")
    git("commit", "-qm", "slow")
    put(folder, dedupe=FAST_DEDUPE.replace("fromkeys(xs)", "fromkeys(xs[1:])"))
    assert verify(folder, "HEAD:dedupe.py", "dedupe.py").stdout.startswith("wrong_output")
    put(folder, dedupe=FAST_DEDUPE)
    git("commit", "-qam", "fast")
    done = verify(folder, "HEAD~1:dedupe.py", "HEAD:dedupe.py")
    assert done.returncode == 0, (done.stdout, done.stderr)
    done = verify(folder, "HEAD~9:dedupe.py", "HEAD:dedupe.py")
    assert done.returncode == 2 and done.stderr.startswith("codeopt: no dedupe.py in revision HEAD~9")


def test_a_slower_edit(folder: Path) -> None:
    put(folder, slower=FAST_DEDUPE.replace("fromkeys(xs)", "fromkeys(dict.fromkeys(sorted(xs)) and xs)"))
    done = verify(folder, "fast.py", "slower.py")
    assert done.returncode == 1 and "same behaviour; not verifiably faster: 0." in done.stdout, (done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SLOW_DEDUPE.replace("return seen", "return sorted(seen)"), "wrong_output: on "),
        (SLOW_DEDUPE.replace("return seen", "return seen[1]"), "wrong_output: on "),
        ("def dedupe(xs):\n    while True: pass\n", "timeout: on "),
        ("import nosuchmodule\n" + FAST_DEDUPE, "build_failed: ModuleNotFoundError: .*nosuchmodule"),
        ("import os\ndef dedupe(xs):\n    os._exit(0)\n", "crashed: on "),
        ("def dedupe(xs:\n", "build_failed: SyntaxError"),
    ],
)
def test_a_wrong_edit(folder: Path, text: str, says: str) -> None:
    put(folder, wrong=text)
    done = verify(folder, "dedupe.py", "wrong.py")
    assert done.returncode == 1 and done.stderr == "", (done.stdout, done.stderr)
    assert re.match(says, done.stdout), done.stdout


def test_a_program_in_cpp(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    text = '#include <cstdio>\n#include <vector>\nint main() { std::vector<long> v; long s = 0;\n for (long i = 0; i < %d; i++) { v.insert(%s, i); s += i; }\n printf("%%ld\\n", s); }\n'
    (tmp_path / "a.cpp").write_text(text % (60000, "v.begin()"))
    (tmp_path / "b.cpp").write_text(text % (60000, "v.end()"))
    (tmp_path / "c.cpp").write_text(text % (60001, "v.end()"))
    done = verify(tmp_path, "a.cpp", "b.cpp")
    assert done.returncode == 0, (done.stdout, done.stderr)
    done = verify(tmp_path, "a.cpp", "c.cpp")
    assert done.returncode == 1 and "wrong_output" in done.stdout


def test_every_option_is_in_the_reference() -> None:
    from codeopt.cli.reference import pages

    docs = Path(__file__).parent.parent / "docs"
    made = pages()
    assert {name: (docs / name).read_text("utf-8") for name in made} == made, "run python -m codeopt.cli.reference docs"
    assert "| `--keep-signature`, `--no-keep-signature` |" in made["cli.md"] and "codeopt train eval [OPTIONS] RUN\n" in made["cli_models.md"]
