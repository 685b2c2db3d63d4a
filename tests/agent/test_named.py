"""Functions named by their module: found without an import, optimised where they are installed, never written there."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import venv
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from commandline import codeopt, put, refused

from codeopt.agent.command import _hottest
from codeopt.agent.patched import patched_copy
from codeopt.agent.tasks.detect import detect_command
from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.named import target
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.errors import UserError
from codeopt.sandbox.choose import choose

F = "def total(xs: list[int]) -> int:\n    return sum(xs)\n\n\nclass Basket:\n    def cost(self): ...\n"
HARM = "open(__file__ + '.ran', 'w').close()\nraise SystemExit(1)\n"
NAMES = (
    "from .words import lower\n\n\ndef clean(words: list[str]) -> list[str]:\n    seen = []\n    for word in words:\n"
    "        word = lower(word)\n        if word not in seen:\n            seen.append(word)\n    return seen\n"
)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with packages of every kind, two of which must not be imported."""
    folder = tmp_path_factory.mktemp("named") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    put(site / "shop", __init__=HARM, prices=HARM + F, both=F, packed=F)
    put(site / "shop" / "sub", __init__="from ..prices import total as whole\nfrom . import deep\n" + F.replace("cost", "whole"), deep=F)
    (site / "shop" / "both.abi3.so").write_bytes(b"\x7fELF")
    (site / "shop" / "packed.cpython-39-old.so").write_bytes(b"\x7fELF")  # of another interpreter, which this one passes over
    (site / "shop" / "bare.pyc").write_bytes(b"\0")
    put(site / "space" / "part", near=F)
    put(folder / "more" / "space" / "part", far=F)
    put(site / "flat", ignored=F)
    put(folder / "more", flat=F)  # a module, which an import takes before folders without __init__.py
    put(folder / "checkout" / "lib" / "edited", __init__="", core=F)
    put(site, __editable___edited_finder=f"MAPPING = {{'edited': {str(folder / 'checkout/lib/edited')!r}}}\n")
    (site / "edited.pth").write_text(f"import __editable___edited_finder\n{folder / 'more'}\n")
    put(site / "goods" / "kit", __init__="", words="def lower(word: str) -> str:\n    return word.lower()\n", names=NAMES)
    put(site / "goods" / "kit" / "sub", __init__="HERE = __file__\n")
    return folder


def site_of(env: Path) -> Path:
    return next(env.glob("lib/python*/site-packages"))


def harmed(env: Path) -> list[Path]:
    return list(env.rglob("*.ran"))


@pytest.mark.parametrize(
    ("name", "file", "module"),
    [
        ("shop.prices:total", "shop/prices.py", "shop.prices"),
        ("shop.prices:Basket.cost", "shop/prices.py", "shop.prices"),
        ("shop.sub:total", "shop/sub/__init__.py", "shop.sub"),
        ("shop.packed:total", "shop/packed.py", "shop.packed"),
        ("space.part.near:total", "space/part/near.py", "space.part.near"),
        ("goods.kit.names:clean", "goods/kit/names.py", "goods.kit.names"),
    ],
)
def test_an_installed_function_is_found_and_nothing_is_imported(env: Path, name: str, file: str, module: str) -> None:
    site = site_of(env)
    task = target(name, Settings(python=str(env)))
    assert (task.kind, task.file, task.module) == ("function", str(site / file), module)
    assert task.function == name.partition(":")[2] and task.python == str(env / "bin" / "python")
    assert (task.project, task.roots) == (str(site), (str(site),))
    assert not harmed(env)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("edited.core:total", "checkout/lib/edited/core.py"),
        ("space.part.far:total", "more/space/part/far.py"),
        ("flat:total", "more/flat.py"),
    ],
)
def test_folders_that_an_installation_adds_to_the_path(env: Path, name: str, file: str) -> None:
    assert target(name, Settings(python=str(env))).file == str(env / file)


def test_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    task = target("statistics:median")
    assert task.file == os.path.abspath(statistics.__file__) and task.module == "statistics"
    task = target("json.decoder:JSONDecoder.decode")
    assert (task.module, task.project) == ("json.decoder", str(Path(statistics.__file__).parent))


def test_the_projects_own_modules_and_its_interpreter(env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "codeopt.toml").write_text(f"python = {str(env)!r}\nfunction = 'nosuch'\n")
    (tmp_path / "pyproject.toml").write_text("")
    put(tmp_path / "src" / "own", __init__="", mod=F)
    put(tmp_path / "docs", hot=F)
    monkeypatch.chdir(tmp_path / "docs")
    assert target("shop.prices:total").file == str(site_of(env) / "shop" / "prices.py")
    assert target("own.mod:total").file == str(tmp_path / "src" / "own" / "mod.py")
    for text in ("hot:total", "hot.py:total", "../docs/hot.py:total"):
        assert target(text).file == str(tmp_path / "docs" / "hot.py")
    put(tmp_path / "src" / "shop", prices=F)
    with pytest.raises(UserError, match=r"shop.prices is .*src/shop/prices.py here and .*site-packages/shop/prices.py .*: name the file"):
        target("shop.prices:total")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shpo.prices:total", r"no module shpo.prices .*: did you mean shop.prices:total\?"),
        ("shop.price:total", r"no module shop.price .*: did you mean shop.prices:total\?"),
        ("zzyzx.another:f", "no module zzyzx.another .*env/bin/python: name its file, or another --python"),
        ("shop.prices:totl", "no function 'totl' in .*: did you mean total"),
        ("shop.prices.Basket:cost", r"shop.prices is no package: .*: did you mean shop.prices:Basket.cost\?"),
        ("shop.both:total", r"shop.both is compiled \(.*both.abi3.so\): name a function that a .py"),
        ("shop.bare:total", r"shop.bare is compiled \(.*bare.pyc\)"),
        ("math:sqrt", "math is (compiled|a part of)"),
        ("sys:exit", "sys is a part of .*/env/bin/python, which reads no file of it: name a function"),
        ("zipimport:zipimporter.load_module", "zipimport is a part of"),
        ("space:total", "space is a package without __init__.py: name a module in it, such as space.part:total"),
        ("shop.sub:whole", "shop.sub only imports whole, from shop.prices: name shop.prices:total"),
        ("shop.sub:deep.total", "no function 'deep.total'"),
        ("nosuch.py:total", "no such file: nosuch.py"),
        ("nosuch:", "no such file: nosuch:"),
    ],
)
def test_names_that_lead_nowhere(env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        target(name, Settings(python=str(env)))
    assert caught.value.hint and "\n" not in str(caught.value)
    assert not harmed(env)


def test_the_command_line_refuses_what_would_write_to_a_library_or_change_nothing(tmp_path: Path) -> None:
    refused(codeopt("optimize", "statistics:median", "--apply", cwd=tmp_path), "--apply: .*statistics.py is installed.*: leave it out")
    refused(codeopt("optimize", "statistics:median", "-f", "mean", cwd=tmp_path), "names a function already: leave out --function mean")
    assert not list(tmp_path.iterdir())
    put(tmp_path, mine=F)
    done = codeopt("verify", "mine.py", "mine.py", "--as", "statistics:medan", cwd=tmp_path)
    refused(done, "no function 'medan' in .*statistics.py: did you mean median")
    done = codeopt("optimize", "heapq:heappush", "--sandbox", "process", "-q", cwd=tmp_path)
    refused(done, "compiled code takes the place of heapq.heappush: name a function")


def test_what_is_installed_inside_the_project_is_not_among_a_commands_own_functions(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    site = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages"
    put(site, lib=F)
    put(tmp_path, own=F)
    rows = [{"file": str(path), "qualname": "total", "share": 0.5, "own_share": 0.5} for path in (site / "lib.py", tmp_path / "own.py")]
    task = detect_command([sys.executable, str(tmp_path / "own.py")])
    with Workshop(task, choose("process", trusted=True)) as shop:
        assert [item.file for item in _hottest({"functions": rows}, shop)] == [str(tmp_path / "own.py")]


def test_a_patched_copy_brings_the_whole_package_and_leaves_no_bytecode_in_the_library(env: Path, tmp_path: Path) -> None:
    site = site_of(env)
    task = target("goods.kit.words:lower", Settings(python=str(env)))
    (tmp_path / "words.py").write_text("def lower(word): return 'patched'\n")
    for _ in range(2):  # an interrupted run and its resumption
        library = patched_copy(tmp_path, task)
    assert library["folder"] == str(site)
    code = "from goods.kit.names import clean; from goods.kit import sub; print(clean(['A', 'B']), sub.HERE)"
    ran = subprocess.run(
        f"{library['use']} {task.python} -c {code!r}".replace("\\'", "'"), shell=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.stdout == f"['patched'] {tmp_path}/patched/goods/kit/sub/__init__.py\n", ran.stderr
    assert not list((site / "goods" / "kit").glob("__pycache__")) and "patched" not in (site / "goods/kit/words.py").read_text()
    own = Task(kind="function", file=str(tmp_path / "words.py"), project=str(tmp_path), roots=(str(tmp_path),))
    assert patched_copy(tmp_path, own) == {}


def test_an_installed_function_gets_faster_and_the_library_stays(env: Path, tmp_path: Path) -> None:
    site = site_of(env)
    put(tmp_path, make="def make(size, seed):\n    return ([f'W{(i * 31 + seed) % (size + 1)}' for i in range(size)],)\n")
    words = ("--python", env, "--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair", "--time", "20")
    done = codeopt("optimize", "goods.kit.names:clean", *words, "--run", "run", "--json", cwd=tmp_path)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr)
    result = json.loads(done.stdout)
    assert (site / "goods/kit/names.py").read_text() == NAMES
    assert (result["function"], result["library"]["folder"]) == ("clean", str(site))
    report = (tmp_path / "run" / "report.md").read_text()
    assert result["library"]["use"] in report and result["library"]["apply"] in report
    assert f"--python {env}/bin/python" in result["verify"]

    copy = tmp_path / "site-packages"
    shutil.copytree(site, copy)
    tool = ["patch", "-p1", "-i"] if shutil.which("patch") else ["git", "apply"]
    subprocess.run([*tool, str(tmp_path / "run" / "best.patch")], cwd=copy, check=True, capture_output=True)
    new = tmp_path / "run" / "names.py"
    assert (copy / "goods/kit/names.py").read_text() == new.read_text() != NAMES
    assert (tmp_path / "run/patched/goods/kit/names.py").read_text() == new.read_text()
