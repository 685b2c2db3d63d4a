"""The monitors: they see what cannot work in a text that nobody ran, and say nothing about honest programs."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from codeopt.agent.monitors import slips
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.sandbox.interpreter import find_interpreter

ROOT = Path(__file__).resolve().parents[2]
BASE = "import collections\n\n\ndef f(xs):\n    return xs, undefined_here_too\n"


@pytest.fixture(scope="module")
def told():
    """What is said about a new text in the place of an old one."""
    interpreter = find_interpreter()
    task = Task(kind="program", file="/p/m.py", roots=("/p",))
    return lambda new, old=BASE, about=task: slips(new, old, about, interpreter)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("def f(xs):\n    return Counter(xs)\n", "name 'Counter' is not defined (line 2): from collections import Counter"),
        ("def f(xs):\n    return math.pi\n", "name 'math' is not defined (line 2): import math"),
        ("def f(xs):\n    return array('i', xs)\n", "from array import array"),
        ("def f(xs):\n    return fast(xs)\n", "name 'fast' is not defined (line 2): define it, or import it"),
        ("def g():\n    import math\n\ndef f(xs):\n    return [math.sqrt(x) for x in xs]\n", "'math' is not defined"),
        ("def g(n):\n    total = n\n\nclass C:\n    size = 1\n    def f(self, xs):\n        return total, size\n", "'size' is not defined (line 7)"),
        ("def top(n):\n    return n + missing\n", "'missing' is not defined"),
        ("def f(xs):\n    return a, b\n", "name 'a' is not defined (line 2): define it, or import it; name 'b' is not defined"),
        ("import itertools\n\ndef f(xs):\n    return itertools.batch(xs)\n", "module itertools has no 'batch' (line 4)"),
        ("import math as m\n\ndef f(xs):\n    return m.sqroot(xs)\n", "module math has no 'sqroot' (line 4): did you mean sqrt?"),
        ("def f(xs):\n    from functools import memoize\n    return xs\n", "module functools has no 'memoize' (line 2)"),
        ("import no_such_thing_1.part\n", "there is no module no_such_thing_1 (line 1)"),
        ("try:\n    from no_such_thing_1 import x\nfinally:\n    pass\n", "there is no module no_such_thing_1 (line 2)"),
    ],
)
def test_what_cannot_work_is_told_with_its_line_and_a_way_out(told, new, says) -> None:
    assert says in told(new)


@pytest.mark.parametrize(
    "new",
    [
        # Bound in ways of their own.
        "from math import *\n\ndef f(xs):\n    return sqrt(2)\n",
        "def f(xs):\n    globals()['fast'] = 1\n    return fast\n",
        "def f(xs):\n    global fast\n    fast = 1\n\ndef g():\n    return fast\n",
        "def top(which):\n    self = which\n    return self, which\n",
        "def f(xs):\n    return [y for x in xs if (y := x)], y\n",
        "def f(xs):\n    match xs:\n        case [first, *rest]:\n            return first, rest\n        case {'a': a, **others}:\n            return a, others\n",
        "class C:\n    here = __qualname__\n    def f(self):\n        return __class__, __file__\n",
        # Guarded, or not evaluated.
        "try:\n    unicode\nexcept NameError:\n    unicode = str\n",
        "import sys\nif sys.version_info < (3,):\n    range = xrange\n",
        "from __future__ import annotations\n\ndef f(xs: List[int]) -> Missing:\n    return xs\n",
        "def f(xs):\n    total: Missing = 0\n    return total\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typing import no_such_1\n    import no_such_thing_1\n",
        "try:\n    import no_such_thing_1\nexcept ImportError:\n    no_such_thing_1 = None\n",
        "def f(xs):\n    import no_such_thing_1\n    return xs\n",
        "import itertools\n\ndef f(xs):\n    if hasattr(itertools, 'batch'):\n        return itertools.batch(xs)\n",
        "import itertools\ntry:\n    batch = itertools.batch\nexcept AttributeError:\n    batch = None\n",
        # Not the module, or not of it alone.
        "import math\n\ndef f(math):\n    return math.squareroot\n",
        "import math\nmath.extra = 1\n\ndef f(xs):\n    return math.extra\n",
        "import os.path, json.tool, collections.abc\n\ndef f(xs):\n    return os.path.sep, json.tool, collections.abc.Sized, collections.__dict__\n",
        "import sys\n\ndef f(xs):\n    return sys.last_traceback\n",
        # As the original does it.
        BASE,
        "import collections.abc\n\ndef f(xs):\n    return undefined_here_too\n",
    ],
)
def test_what_may_work_passes(told, new) -> None:
    assert told(new) == ""


def test_what_the_original_does_wrong_it_may_go_on_doing(told) -> None:
    text = "import no_such_thing_1, math\n\ndef f(xs):\n    return nothing, math.squareroot\n"
    assert told(text, text + "\nx = 1\n") == "" and told(text, "") != ""


def test_a_module_of_the_project_is_there(told, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "statistics.py").write_text("own = 1\n")
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "inner.py").write_text("")
    task = Task(kind="program", file=str(tmp_path / "m.py"), roots=(str(tmp_path),))
    text = "import helper, apart.inner, statistics\n\ndef f(xs):\n    return statistics.own\n"
    assert told(text, about=task) == ""
    assert "no module apart" in told(text) and "statistics has no 'own'" in told(text)


def test_a_module_counts_where_the_interpreter_that_runs_it_has_it(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(find_interpreter().path)
    site = tmp_path / "lib" / "python{}.{}".format(*__import__("sys").version_info) / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text(f"home = {Path(sysconfig.get_path('scripts'))}\n")
    (site / "only_here_1.py").write_text("")
    task = Task(kind="program", file="/p/m.py", roots=("/p",))
    text = "import only_here_1\n"
    assert slips(text, BASE, task, find_interpreter(str(tmp_path))) == ""
    assert slips(text, BASE, task, find_interpreter()) != ""


def test_nothing_is_said_about_the_standard_library_and_the_examples(told) -> None:
    """Each file against itself, and as if all of it were new: of 168 files none reads what nothing binds."""
    files = [*Path(sysconfig.get_path("stdlib")).glob("*.py"), *(ROOT / "examples").rglob("*.py")]
    assert len(files) > 100
    for file in files:
        text = file.read_text("utf-8")
        assert told(text, text) == "", file
        new = told(text, "")
        assert "is not defined" not in new and " has no " not in new, (file, new)


def test_the_examples_are_what_they_say(told) -> None:
    for folder in sorted((ROOT / "examples").iterdir()):
        file = folder / f"{folder.name}.py"
        if file.is_file():
            text = file.read_text("utf-8")
            assert told(text, "", detect(file)) == ""
