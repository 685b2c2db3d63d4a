"""What a candidate may see of a project: importable sources and their data, never tests, cases or secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codeopt.agent.tasks import stage as staging
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.stage import stage
from codeopt.config import Settings

F = "def f(x: int) -> int:\n    return x\n"


def tree(base: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_package_comes_whole_with_its_data_and_without_tests_cases_and_secrets(tmp_path: Path) -> None:
    project = tmp_path / "project"
    tree(
        project,
        {
            "pyproject.toml": "",
            ".env": "KEY=1",
            ".git/config": "",
            "README.md": "",
            "src/pkg/__init__.py": "",
            "src/pkg/hot.py": "from .low import g\nfrom pkg.build import tool\n" + F,
            "src/pkg/low.py": "def g(): ...\n",
            "src/pkg/build/__init__.py": "tool = 1\n",
            "src/pkg/data/words.json": "[]",
            "src/pkg/.secret": "",
            "src/pkg/test_low.py": "",
            "src/pkg/tests/test_hot.py": "",
            "src/pkg/conftest.py": "",
            "src/pkg/__pycache__/hot.pyc": "",
            "src/other.py": "",
            "tests/test_all.py": "",
            "checks/mine.py": "",
            "cases/1.in": "",
            "cases/1.out": "",
            "gen.py": "def make(size, seed): ...\n",
            ".codeopt/run/trace.jsonl": "",
            "build/lib/pkg/hot.py": "",
            "env/pyvenv.cfg": "",
            "setup.py": "",
        },
    )
    settings = Settings(
        function="f", tests=(str(project / "checks"),), inputs=str(project / "gen.py") + ":make"
    )
    done = stage(detect(project / "src" / "pkg" / "hot.py", settings), tmp_path / "copy")
    assert names(done.root_host) == {
        "src/pkg/__init__.py",
        "src/pkg/hot.py",
        "src/pkg/low.py",
        "src/pkg/build/__init__.py",
        "src/pkg/data/words.json",
        "src/other.py",
    }
    assert done.files == 6
    assert done.skipped == ()
    assert done.root_inside == str(project)
    assert done.host(project / "src/pkg/hot.py").read_text() == (project / "src/pkg/hot.py").read_text()
    assert done.inside(project / "src") == str(project / "src")


def test_the_copy_can_be_imported_under_the_packages_own_name(tmp_path: Path) -> None:
    project = tmp_path / "project"
    tree(
        project,
        {
            "pyproject.toml": "",
            "pkg/__init__.py": "",
            "pkg/a/__init__.py": "from pkg.b import g",
            "pkg/a/hot.py": "from ..b import g\nimport flat\nfrom ns.deep import h\n" + F,
            "pkg/b.py": "def g(): ...\n",
            "flat.py": "",
            "ns/deep.py": "def h(): ...\n",
            "ns/unused.py": "",
        },
    )
    task = detect(project / "pkg/a/hot.py")
    done = stage(task, tmp_path / "copy")
    assert "ns/deep.py" in names(done.root_host) and "ns/unused.py" not in names(done.root_host)
    (tmp_path / "project").rename(tmp_path / "gone")
    path = [str(done.host(root)) for root in task.roots if done.host(root).is_dir()]
    code = f"import sys, json; sys.path[:0] = json.loads({json.dumps(json.dumps(path))}); import {task.module} as m; print(m.f(3))"
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert ran.stdout == "3\n", ran.stderr


def test_a_lone_file_brings_what_it_imports_and_names_and_nothing_else_of_a_big_folder(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    tree(
        home,
        {
            "hot.py": "import helper\nfrom kit import tool\nWORDS = open('words.txt')\n" + F,
            "helper.py": "import importlib\nmore = importlib.import_module('late')\n",
            "late.py": "",
            "words.txt": "a",
            "kit/__init__.py": "from third import x",
            "kit/tool.py": "",
            "third.py": "x = 1",
            "unrelated.py": "",
            "private.txt": "",
            "big/__init__.py": "",
        },
    )
    done = stage(detect(home / "hot.py"), tmp_path / "copy")
    assert names(done.root_host) == {
        "hot.py", "helper.py", "late.py", "words.txt", "kit/__init__.py", "kit/tool.py", "third.py",
    }  # fmt: skip


def test_links_out_of_the_project_and_round_in_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    tree(tmp_path, {"secret.txt": "s"})
    tree(project, {"pyproject.toml": "", "pkg/__init__.py": "", "pkg/hot.py": F, "rooms/a.py": ""})
    os.symlink(tmp_path / "secret.txt", project / "pkg" / "leak.txt")
    os.symlink(project / "pkg", project / "pkg" / "again")
    os.symlink(project / "rooms", project / "pkg" / "rooms")
    done = stage(detect(project / "pkg" / "hot.py"), tmp_path / "copy")
    assert names(done.root_host) == {"pkg/__init__.py", "pkg/hot.py", "pkg/rooms/a.py"}
    assert done.skipped == ("pkg/leak.txt: a link out of the project",)


def test_what_is_too_big_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    tree(project, {"pyproject.toml": "", "pkg/__init__.py": "", "pkg/hot.py": F, "pkg/z.txt": "x"})
    with open(project / "pkg" / "big.bin", "wb") as out:
        out.truncate((staging.MAX_FILE_MB << 20) + 1)
    task = detect(project / "pkg" / "hot.py")
    assert stage(task, tmp_path / "copy").skipped == (f"pkg/big.bin: over {staging.MAX_FILE_MB} MB",)
    monkeypatch.setattr(staging, "MAX_FILES", 2)
    done = stage(task, tmp_path / "small")
    assert names(done.root_host) == {"pkg/__init__.py", "pkg/hot.py"}
    assert "the rest, from pkg/z.txt on" in done.skipped[-1]


def test_an_installed_module_is_staged_with_its_package_only_and_seen_elsewhere(tmp_path: Path) -> None:
    site = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages"
    tree(
        site,
        {
            "lib/__init__.py": "",
            "lib/hot.py": "import other\n" + F,
            "lib/tests/data.py": "",
            "other/__init__.py": "",
        },
    )
    tree(tmp_path, {"pyproject.toml": ""})
    task = detect(site / "lib" / "hot.py")
    assert (task.module, task.project) == ("lib.hot", str(site))
    done = stage(task, tmp_path / "copy")
    assert names(done.root_host) == {"lib/__init__.py", "lib/hot.py", "lib/tests/data.py"}
    assert done.inside(site) == staging.ELSEWHERE

    import textwrap

    done = stage(detect(Path(textwrap.__file__), Settings(function="dedent")), tmp_path / "std")
    assert names(done.root_host) == {"textwrap.py"}
    assert done.root_inside == staging.ELSEWHERE


def test_cpp_brings_the_headers_that_it_includes_by_quotes(tmp_path: Path) -> None:
    tree(
        tmp_path / "p",
        {
            "src/main.cpp": '#include <vector>\n#include "a.h"\n#include "../include/b.h"\n#include "deep.h"\nint main() {}\n',
            "src/a.h": '#include "sub/c.h"\n',
            "src/sub/c.h": '#include "../a.h"\n',
            "src/unused.h": "",
            "include/b.h": "",
            "extra/deep.h": "",
        },
    )
    task = Task(
        kind="program", language="cpp", file=str(tmp_path / "p/src/main.cpp"), flags=("-O3", "-I../extra")
    )
    done = stage(task, tmp_path / "copy")
    assert names(done.root_host) == {"src/main.cpp", "src/a.h", "src/sub/c.h", "include/b.h", "extra/deep.h"}
    assert done.root_inside == str(tmp_path / "p")


def test_the_copy_is_readable_for_another_user(tmp_path: Path) -> None:
    tree(tmp_path / "p", {"pyproject.toml": "", "pkg/__init__.py": "", "pkg/hot.py": F})
    (tmp_path / "p/pkg/hot.py").chmod(0o600)
    before = os.umask(0o077)
    try:
        done = stage(detect(tmp_path / "p/pkg/hot.py"), tmp_path / "copy")
    finally:
        os.umask(before)
    assert done.host(tmp_path / "p/pkg/hot.py").stat().st_mode & 0o777 == 0o644
    assert done.host(tmp_path / "p/pkg").stat().st_mode & 0o777 == 0o755
