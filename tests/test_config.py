"""codeopt.toml: what it may say, how it is found, and what a mistake in it gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeopt.config import Settings, find, load, read
from codeopt.errors import UserError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_values_are_read_and_paths_are_seen_from_the_file(tmp_path: Path) -> None:
    text = 'function = "f"\ntests = "tests"\ninputs = "gen.py:make"\nargs = ["-n", "3"]\ntimeout = 2\npython = "python3.12"'
    settings = read(write(tmp_path / "codeopt.toml", text))
    assert settings.function == "f"
    assert settings.tests == (str(tmp_path / "tests"),)
    assert settings.inputs == f"{tmp_path}/gen.py:make"
    assert settings.args == ("-n", "3")
    assert settings.timeout == 2.0
    assert settings.python == "python3.12"
    assert settings.cases is None


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ('functoin = "f"', "unknown key 'functoin'", "did you mean function?"),
        ("zzz = 1", "unknown key 'zzz'", "known keys: file, kind, project"),
        ('kind = "library"', "kind = 'library'", "'program' or 'function' or 'kernel'"),
        ('timeout = "soon"', "timeout = 'soon'", "a number above 0"),
        ("threads = 0", "threads = 0", "a whole number at least 1"),
        ("args = 3", "args = 3", "a list of strings"),
        ("function = f", "not valid TOML", "quotes"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, said: str, hint: str
) -> None:
    path = write(tmp_path / "codeopt.toml", text)
    with pytest.raises(UserError) as caught:
        read(path)
    assert str(path) in caught.value.message and said in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_model_or_a_sandbox_cannot_be_chosen_by_a_file_that_came_with_the_code(tmp_path: Path) -> None:
    for key in ("model", "sandbox", "dollars"):
        with pytest.raises(UserError, match="unknown key"):
            read(write(tmp_path / "codeopt.toml", f'{key} = "x"'))


def test_the_nearest_file_up_to_the_project_root_counts(tmp_path: Path) -> None:
    write(tmp_path / "codeopt.toml", "threads = 9")
    write(tmp_path / "project" / "pyproject.toml", "")
    file = write(tmp_path / "project" / "pkg" / "deep" / "a.py", "x = 1")
    assert find(file) is None
    outer = write(tmp_path / "project" / "codeopt.toml", "threads = 2")
    assert find(file) == outer
    inner = write(tmp_path / "project" / "pkg" / "deep" / "codeopt.toml", "threads = 3")
    assert find(file) == inner
    assert load(file).threads == 3


def test_without_a_project_only_the_file_beside_counts(tmp_path: Path) -> None:
    write(tmp_path / "codeopt.toml", "threads = 9")
    file = write(tmp_path / "loose" / "a.py", "x = 1")
    assert load(file) == Settings()


def test_flags_win_key_by_key() -> None:
    merged = Settings(function="g", args=()).over(Settings(function="f", args=("1",), threads=2))
    assert merged == Settings(function="g", args=(), threads=2)


def test_an_interpreter_is_called_by_its_own_path(tmp_path: Path) -> None:
    """A virtual environment's is a link to the one that it was made with: that one has none of its packages."""
    (tmp_path / "real").write_text("")
    (tmp_path / "python").symlink_to(tmp_path / "real")
    (tmp_path / "codeopt.toml").write_text('python = "./python"')
    assert read(tmp_path / "codeopt.toml").python == str(tmp_path / "python")
