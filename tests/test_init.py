"""`codeopt init`: what it writes is read back as it was meant, and changes nothing that was not found."""

from __future__ import annotations

import re
import shutil
import statistics
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import MAKE, SLOW_DEDUPE, codeopt, put, refused

from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.initial import Initial, initial
from codeopt.config import NAME, Settings, described, read

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob(f"*/{NAME}"))
SCRIPT = "import sys\nprint(sum(map(int, sys.stdin)))\n"


def written(target: Path | str) -> Initial:
    made = initial(str(target))
    made.path.write_text(made.text(), "utf-8")
    assert read(made.path) == made.settings.resolved(made.path.parent), "what is in force is read back as it was meant"
    return made


def test_every_key_is_described_and_each_comment_is_a_setting_of_the_right_form(tmp_path: Path) -> None:
    assert [key for key, meaning in described().items() if len(meaning) < 10] == []
    put(tmp_path, a="def f(n: int) -> int:\n    return n\n")
    text = written(tmp_path / "a.py").text()
    keys = re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE)
    assert keys == list(Settings.model_fields)
    (tmp_path / NAME).write_text(re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))
    settings = read(tmp_path / NAME)
    assert None not in settings.model_dump().values(), "every comment can be put in force"
    assert (settings.timeout, settings.abs_tol, settings.memory_at_most) == (10.0, 1e-12, "1.2x")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_found_as_they_say_themselves(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / example.name
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (file,) = (path for path in folder.iterdir() if path.stem == folder.name and path.suffix in (".py", ".cpp"))
    if file.suffix == ".cpp" and not shutil.which("g++"):
        pytest.skip("g++ is not installed")
    before = detect(file)
    (folder / NAME).unlink()
    written(file)
    after = detect(file)
    assert (after.kind, after.function, after.inputs, after.cases) == (before.kind, before.function, before.inputs, before.cases)


def test_tests_and_other_programs_of_the_folder(tmp_path: Path) -> None:
    put(tmp_path, dedupe=SLOW_DEDUPE, pyproject="", make=MAKE)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "pyproject.py").unlink()
    (tmp_path / "tests").mkdir()
    put(tmp_path / "tests", test_it="from dedupe import dedupe\n", test_other="import other\n")
    made = written(tmp_path / "dedupe.py")
    assert made.settings == Settings(kind="function", function="dedupe", tests=("tests/test_it.py",), inputs="make.py:make")
    made.path.unlink()
    put(tmp_path, script=SCRIPT)
    made = written(tmp_path / "dedupe.py")
    assert made.settings == Settings(tests=("tests/test_it.py",), inputs="make.py:make"), "they would hold for script.py, too"
    assert '# function = "dedupe"\n' in made.text() and '# kind = "function"\n' in made.text()


def test_a_file_further_up_still_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "deep").mkdir()
    put(tmp_path / "deep", two="def f(n: int) -> int: return n\ndef g(n: int) -> int: return n\n")
    (tmp_path / NAME).write_text('function = "g"\nthreads = 2\nproject = "."\n')
    before = detect(tmp_path / "deep" / "two.py")
    made = written(tmp_path / "deep" / "two.py")
    assert made.settings.project == ".." and "../codeopt.toml does not count here any more" in made.text()
    assert detect(tmp_path / "deep" / "two.py") == before


def test_what_cannot_be_decided_is_said(tmp_path: Path) -> None:
    put(tmp_path, two="def f(n): return n\ndef g(n): return n\n")
    made = written(tmp_path / "two.py")
    assert "2 functions in two.py: choose one with --function: f, g" in made.text() and made.settings == Settings()
    made.path.unlink()
    assert written(f"{tmp_path / 'two.py'}:g").settings.function == "g" and detect(tmp_path / "two.py").function == "g"


def test_a_repository(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    put(tmp_path, solve="def f(n: int) -> int:\n    return n\n")
    put(tmp_path / "tests", test_solve="import solve\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    done = codeopt("init", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(f"wrote {tmp_path / NAME}\n"), done.stderr
    assert "codeopt optimize solve.py --function f" in done.stdout
    settings = read(tmp_path / NAME)
    assert settings == Settings(tests=(f"{tmp_path}/tests",), python=f"{tmp_path}/.venv")
    before = (tmp_path / NAME).read_bytes()
    refused(codeopt("init", ".", cwd=tmp_path), "codeopt.toml is there already: edit it")
    refused(codeopt("init", "solve.py", cwd=tmp_path), "codeopt.toml is there already")
    refused(codeopt("init", "nosuch.py", cwd=tmp_path), "no such file or folder: nosuch.py")
    refused(codeopt("init", statistics.__file__, cwd=tmp_path), "is installed: .*no installed library")
    assert (tmp_path / NAME).read_bytes() == before


def test_values_of_any_form_are_read_back(tmp_path: Path) -> None:
    odd = 'a "b" \\ \n\t\x7f é 😀 # '
    settings = Settings(function=odd, args=(odd, ""), timeout=2.5, threads=2, float_tol=1e-9, pure_python=True, kind="program")
    made = Initial(tmp_path / NAME, settings, {}, ("a note\nin two lines = 1",))
    made.path.write_text(made.text(), "utf-8")
    assert read(made.path) == settings
