"""Whole runs in real surroundings: packages, methods, decorators, a user's tests, cases, and whole commands."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import MAKE, SLOW_DEDUPE, codeopt, put

from codeopt.agent.command import _untimed
from codeopt.agent.exemplars import collect

QUICK = ("--sandbox", "process", "--no-crosshair", "--time", "150", "--max-candidates", "1", "--run", "run")
BODY = SLOW_DEDUPE.partition("\n")[2]


def optimize(folder: Path, *args: str, more: tuple[str, ...] = QUICK) -> dict[str, Any]:
    """The result of a run, which found a verified speedup."""
    done = codeopt("optimize", *more, "--json", *args, cwd=folder, seconds=400)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["verified"]
    return result


def equivalent(folder: Path, run: str = "run") -> subprocess.CompletedProcess[str]:
    """The generated test, run with plain pytest."""
    (path,) = (folder / run).glob("test_*_equivalence.py")
    words = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)


def package(folder: Path) -> Path:
    """A package with a relative import, a data file beside the module, and a slow function that uses both."""
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    pkg = folder / "src" / "shop"
    put(
        pkg,
        __init__="from .names import clean\n",
        helpers="def lower(word: str) -> str:\n    return word.lower()\n",
        names=(
            "from pathlib import Path\n\nfrom .helpers import lower\n\n"
            "STOP = Path(__file__).with_name('stop.txt').read_text().split()\n\n\n"
            "def clean(words: list[str]) -> list[str]:\n"
            "    seen = []\n    for word in words:\n        word = lower(word)\n"
            "        if word not in seen and word not in STOP:\n            seen.append(word)\n    return seen\n"
        ),
    )
    (pkg / "stop.txt").write_text("the a of\n")
    make = "def make(size, seed):\n    return ([f'W{(i * 31 + seed) % (size + 1)}' for i in range(size)] + ['The'],)\n"
    put(folder, make=make)
    return pkg


def test_a_package_with_relative_imports_and_a_data_file(tmp_path: Path) -> None:
    pkg = package(tmp_path)
    result = optimize(tmp_path, "src/shop/names.py", "--inputs", "make.py:make")
    assert result["function"] == "clean"
    assert "from .helpers import lower" in (tmp_path / "run" / "names.py").read_text()
    assert (tmp_path / "run" / "best.patch").read_text().startswith("--- a/src/shop/names.py")
    (pair,), _ = collect([str(tmp_path)], "python", ())
    assert pair.slow[0].text.startswith("def clean(") and pair.measured.model_dump() == result["measurement"]
    assert (done := equivalent(tmp_path)).returncode == 0, done.stdout[-2000:]
    assert not list(pkg.rglob("__pycache__")), "nothing is left in the user's folders"


def test_the_users_tests_give_the_inputs(tmp_path: Path) -> None:
    package(tmp_path)
    (tmp_path / "tests").mkdir()
    put(
        tmp_path / "tests",
        conftest="import pytest\n\n@pytest.fixture\ndef words():\n    return [f'w{i % 700}' for i in range(1500)]\n",
        test_names=(
            "import pytest\nfrom shop.names import clean\n\n"
            "def test_many(words):\n    assert len(clean(words)) == 700\n\n"
            "@pytest.mark.parametrize('word', ['the', 'A', 'of'])\ndef test_stop(word):\n    assert clean([word]) == []\n\n"
            "def test_order():\n    assert clean(['b', 'a', 'B']) == ['b']\n"
        ),
    )
    result = optimize(tmp_path, "src/shop/names.py", "--tests", "tests")
    assert result["inputs"]["visible"]["recorded"] >= 5


def test_a_method_and_a_decorated_function(tmp_path: Path) -> None:
    text = (
        "import functools\nfrom dataclasses import dataclass\n\n\n"
        "def logged(f):\n    @functools.wraps(f)\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n    return inner\n\n\n"
        "@dataclass\nclass Basket:\n    items: list[int]\n\n"
        "    def distinct(self) -> list[int]:\n        seen = []\n        for x in self.items:\n"
        "            if x not in seen:\n                seen.append(x)\n        return seen\n\n\n"
        "@logged\n" + SLOW_DEDUPE
    )
    put(
        tmp_path,
        basket=text,
        make=MAKE,
        objects="from basket import Basket\n\ndef make(size, seed):\n    return (Basket([(i * 7919 + seed) % (size + 1) for i in range(size)]),)\n",
    )
    result = optimize(tmp_path, "basket.py", "--function", "Basket.distinct", "--inputs", "objects.py:make")
    assert result["function"] == "Basket.distinct"
    more = (*QUICK[:-1], "run2")
    result = optimize(tmp_path, "basket.py", "--function", "dedupe", "--inputs", "make.py:make", more=more)
    assert "@logged" in (tmp_path / "run2" / "basket.py").read_text()


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_a_function_that_takes_and_returns_frames(tmp_path: Path) -> None:
    text = (
        "import pandas as pd\n\n\n"
        "def totals(frame: pd.DataFrame) -> pd.DataFrame:\n"
        "    known = []\n    rows = []\n"
        "    for key, value in zip(frame['key'].tolist(), frame['value'].tolist()):\n"
        "        if key not in known:\n            known.append(key)\n            rows.append((key, value))\n"
        "    return pd.DataFrame(rows, columns=['key', 'value'])\n"
    )
    make = (
        "import pandas as pd\n\ndef make(size, seed):\n"
        "    return (pd.DataFrame({'key': [(i * 31 + seed) % (size + 1) for i in range(size)], 'value': [float(i) for i in range(size)]}),)\n"
    )
    put(tmp_path, totals=text, make=make)
    result = optimize(tmp_path, "totals.py", "--inputs", "make.py:make")
    assert "pandas" in result["versions"]


def program(folder: Path) -> None:
    body = BODY.replace("    ", "        ", 0)
    put(
        folder,
        uniq="import sys\n\n\ndef unique(xs):\n" + body + "\n\ndef main():\n    text = open(sys.argv[1]).read() if sys.argv[1:] else sys.stdin.read()\n"
        "    print(len(unique(text.split())))\n\n\nif __name__ == '__main__':\n    main()\n",
    )


def test_a_program_with_cases(tmp_path: Path) -> None:
    program(tmp_path)
    cases = tmp_path / "cases"
    cases.mkdir()
    for number in range(6):
        size = 2500 + 100 * number
        (cases / f"{number}.in").write_text(" ".join(str(i % (size - 7)) for i in range(size)))
        (cases / f"{number}.out").write_text(f"{size - 7}\n")
    result = optimize(tmp_path, "uniq.py", "--cases", "cases")
    assert result["function"] == "" and result["inputs"]["visible"] == {"case": 4}
    hidden = result["inputs"]["hidden"]
    assert hidden["case"] == 2 and hidden["mutated"] > 0
    assert (done := equivalent(tmp_path)).returncode == 0, done.stdout


def test_a_program_with_arguments(tmp_path: Path) -> None:
    program(tmp_path)
    (tmp_path / "words.txt").write_text(" ".join(str(i % 2500) for i in range(4000)))
    result = optimize(tmp_path, "uniq.py", "--args", str(tmp_path / "words.txt"))
    assert "none hidden" in " ".join(result["notes"])
    assert f"--args {tmp_path / 'words.txt'}" in result["verify"]


COMMANDS = {
    "script": ("python", "app.py", "1800"),
    "module": ("python", "-m", "tool", "1800"),
    # Loading plugins takes longer than the test.
    "pytest": ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:anyio", "test_app.py"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_whole_command(tmp_path: Path, kind: str) -> None:
    main = "import sys\nimport time\n\nfrom {place}core import dedupe\n\nn = int(sys.argv[1])\nstart = time.time()\nfor k in range(6):\n    print(len(dedupe([(i * 7919) % (n + k) for i in range(n)])))\n"
    main += "print(f'done in {{time.time() - start:.1f}}s')\n"  # a faster command prints another time, and that is no difference
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'app'\n")
    put(tmp_path, core=SLOW_DEDUPE, app=main.format(place=""))
    put(tmp_path / "tool", __init__="", core=SLOW_DEDUPE, __main__=main.format(place="."))
    put(
        tmp_path,
        test_app="from core import dedupe\n\ndef test_it():\n    for k in range(6):\n        xs = [(i * 7919) % (1800 + k) for i in range(1800)]\n        assert len(dedupe(xs)) > 900\n",
    )
    done = codeopt("optimize", *QUICK, "--json", "--", *COMMANDS[kind], cwd=tmp_path, seconds=400)
    # Pytest itself takes most of its command's time: end to end the gain may drown in noise.
    assert done.returncode in ((0, 1) if kind == "pytest" else (0,)), (done.stdout[-3000:], done.stderr)
    result = json.loads(done.stdout)
    (row,) = [row for row in result["functions"] if row["function"] == "dedupe"]
    assert row["verified"] and row["file"].endswith("core.py"), row
    assert result["ceiling"] > 1.05 and result["measurement"]["pairs"] == 10
    assert (tmp_path / "run" / "best.patch").exists()
    assert (tmp_path / "core.py").read_text() == SLOW_DEDUPE


def test_durations_are_not_output() -> None:
    assert _untimed(b"1 passed in 0.38s\n") == _untimed(b"1 passed in 0.1s\n") != _untimed(b"2 passed in 0.38s\n")
    assert _untimed("3 \u00b5s, 2.5e-3 seconds".encode()) == b"(time), (time)"
    assert _untimed(b"3 sheep, v2s1, 12 months") == b"3 sheep, v2s1, 12 months"
