"""The GitHub action's script on a real repository, and the steps of action.yml as a runner starts them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, environment, put

from codeopt.cli.markdown import section

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = "--inputs make.py:make --sandbox process --no-crosshair --pairs 10"
pytestmark = pytest.mark.skipif(not (shutil.which("git") and shutil.which("bash")), reason="git or bash is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository of two commits, below it a folder that a runner would have: codeopt's command."""
    put(tmp_path, make=MAKE, fast=SLOW_DEDUPE, wrong=SLOW_DEDUPE, same=FAST_DEDUPE, untouched=SLOW_DEDUPE, gone=SLOW_DEDUPE)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    put(tmp_path, fast=FAST_DEDUPE, wrong=FAST_DEDUPE.replace("(xs)", "(xs[1:])"), same=FAST_DEDUPE + "# as before\n", new=FAST_DEDUPE)
    (tmp_path / "gone.py").unlink()
    commit(tmp_path)
    starter = tmp_path / "temp" / "codeopt" / "bin" / "codeopt"
    starter.parent.mkdir(parents=True)
    starter.write_text(f"#!{sys.executable}\nfrom codeopt.cli.app import main\nmain()\n")
    starter.chmod(0o755)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.invalid")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")


def action(folder: Path, script: str = f"{ROOT}/action.sh", **said: str) -> tuple[int, str, str, str]:
    """The exit code, the summary, the result, and what was said."""
    summary, output = folder / "summary.md", folder / "output"
    for file in (summary, output):
        file.write_text("")
    env = environment(
        PATH=f"{folder}/temp/codeopt/bin:{os.environ['PATH']}", GITHUB_STEP_SUMMARY=str(summary), GITHUB_OUTPUT=str(output),
        GITHUB_ACTION_PATH=str(ROOT), RUNNER_TEMP=f"{folder}/temp", CODEOPT_OPTIONS=OPTIONS, **said,
    )  # fmt: skip
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=180)
    return done.returncode, summary.read_text(), output.read_text().strip().removeprefix("result="), done.stdout + done.stderr


def headings(summary: str) -> dict[str, str]:
    return dict(re.findall(r"^### `(?:\w+:)?(.*?)`: (.*)$", summary, re.MULTILINE))


def test_each_file_that_differs_is_judged(folder: Path) -> None:
    files = "fast.py\n\n  wrong.py\nsame.py:dedupe\nuntouched.py\nnew.py\ngone.py\n"
    code, summary, result, said = action(folder, CODEOPT_FILES=files)
    found = headings(summary)
    assert list(found) == ["fast.py", "wrong.py", "same.py:dedupe", "untouched.py", "new.py", "gone.py"], summary + said
    assert re.fullmatch(r"same behaviour, faster: [\d.]+x \([\d.]+-[\d.]+\)", found["fast.py"])
    assert found["wrong.py"] == "wrong_output" and "::error file=wrong.py::" in said
    assert found["same.py:dedupe"].startswith("same behaviour, not verifiably faster")
    assert (found["untouched.py"], found["gone.py"]) == ("unchanged", "not in HEAD") and found["new.py"].startswith("new: ")
    assert (code, result) == (1, "different")
    assert summary.count("```") % 2 == 0 and "95 % interval" in summary


def test_what_is_required(folder: Path) -> None:
    assert action(folder, CODEOPT_FILES="untouched.py", CODEOPT_REQUIRE="faster")[::2] == (0, "unchanged")
    code, summary, result, said = action(folder, CODEOPT_FILES="make.py\nnosuch.py", CODEOPT_BASE="HEAD~1")
    assert (code, result) == (1, "error") and "no nosuch.py in HEAD~1 or HEAD" in said
    put(folder, fast="def dedupe(:\n")
    (folder / "wrong.py").write_text("import nosuchmodule\n")
    commit(folder)
    code, summary, result, said = action(folder, CODEOPT_FILES="wrong.py", CODEOPT_BASE="HEAD", CODEOPT_HEAD="HEAD~1", CODEOPT_REQUIRE="nothing")
    assert (code, result) == (0, "error") and headings(summary) == {"wrong.py": "could not be checked"}, summary
    assert "~~~~text\ncodeopt: nothing to optimise in " in summary
    for words, says in (
        ({"CODEOPT_REQUIRE": "speed"}, "require is 'speed': one of same, faster, nothing"),
        ({"CODEOPT_BASE": "nosuch"}, "no revision nosuch here: give actions/checkout fetch-depth: 0"),
    ):
        code, summary, result, said = action(folder, CODEOPT_FILES="fast.py", **words)
        assert code == 2 and says in said and summary == ""


def test_the_steps_of_the_action(folder: Path) -> None:
    yaml = pytest.importorskip("yaml")
    made = yaml.safe_load((ROOT / "action.yml").read_text())
    install, verify = made["runs"]["steps"]
    assert all("${{" not in step["run"] for step in (install, verify)), "inputs would be pasted into the script and run"
    names = {name for step in (install, verify) for value in step["env"].values() for name in re.findall(r"inputs\.(\w+)", value)}
    assert names == set(made["inputs"]) and "$GITHUB_ACTION_PATH" in install["run"]
    read = set(re.findall(r"\$\{(CODEOPT_\w+)", (ROOT / "action.sh").read_text()))
    assert read == {name for name in verify["env"] if name.startswith("CODEOPT_")}
    hurt = folder / "hurt"
    env = {"CODEOPT_FILES": "untouched.py\n$(touch hurt)`touch hurt`", "CODEOPT_BASE": "0" * 40, "PYTHON": sys.executable}
    code, summary, result, said = action(folder, verify["run"], CODEOPT_REQUIRE="faster", **env)
    assert (code, result) == (1, "error") and headings(summary)["untouched.py"] == "unchanged", summary + said
    assert not hurt.exists()


def test_markdown_keeps_what_a_program_says_out_of_the_markup(folder: Path) -> None:
    text = section("a`b\nc.py", "crashed", "crashed: ```` </pre>\n# no heading\n")
    assert text == "### `a'b c.py`: crashed\n\n`````text\ncrashed: ```` </pre>\n# no heading\n`````\n"
    done = codeopt("verify", "HEAD~1:wrong.py", "HEAD:wrong.py", "--markdown", *OPTIONS.split(), cwd=folder)
    assert done.returncode == 1 and done.stdout.startswith("### `HEAD:wrong.py`: wrong_output\n\n```text\nwrong_output: on "), done.stdout
