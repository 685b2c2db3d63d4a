"""What a person forbids to a result: other signatures, new imports, third-party packages, more memory."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from codeopt.agent.constraints import breach
from codeopt.agent.gates import decided
from codeopt.agent.inputs import build_workload
from codeopt.agent.report import verify_command
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings, validated
from codeopt.errors import UserError
from codeopt.sandbox import cgroup
from codeopt.sandbox.choose import choose
from codeopt.sandbox.protocol import Limits
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Workload
from codeopt.trace import VerdictReached, read_trace
from codeopt.types import Status
from tests.commandline import codeopt, command, environment, put, refused
from tests.servers import Step, serve

PYTHON = '''import functools
from dataclasses import dataclass

class C:
    def m(self, a: int, b=2):
        return a
    @property
    def p(self):
        return 1
    def _own(self):
        return 2
class Plain:
    pass
@dataclass
class D:
    x: int
    y: float = 0.0
def f(x, *, y=1):
    return x
def _g():
    return 1
'''
CPP = """#include <vector>
using namespace std;
static int own(int a) { return a; }
namespace { int hidden() { return 1; } }
long long* q(const std::vector<int>& v, int n = 3) { return 0; }
template <class T> T twice(T x) { return x; }
struct G { int step(int a) const { return a; } };
int add(int, const int b) { return b; }
int main() { return 0; }
"""


def task(language: str = "python", **promises: bool) -> Task:
    return Task(kind="program", language=language, file="/p/m", roots=("/p",), **promises)


# --- signatures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def f(x, *, y=1)", "def f(x, *, y=2)", "the signature of f changed from (x, *, y=1) to (x, *, y=2)"),
        ("def f(x, *, y=1)", "def f(x, y=1)", "the signature of f changed"),
        ("def f(x, *, y=1)", "async def f(x, *, y=1)", "from (x, *, y=1) to async (x, *, y=1)"),
        ("def f(x, *, y=1)", "def fast(x, *, y=1)", "f is gone"),
        ("def f(x, *, y=1)", "f = make()\ndef _f(x, *, y=1)", "f changed from (x, *, y=1) to what the text does not show"),
        ("a: int, b=2", "a, c=2", "the signature of C.m changed"),
        ("def m(", "def _m(", "C.m is gone"),
        ("    @property\n", "", "C.p changed from @property (self) to (self)"),
        ("class Plain:", "class _Plain:", "Plain is gone"),
        ("class Plain:\n    pass", "class Plain:\n    def __init__(self, size):\n        pass", "Plain.__init__ changed from (self) to (self, size)"),
        ("y: float = 0.0", "y: float = 1.0", "D.__init__ changed from (self, x, y=0.0) to (self, x, y=1.0)"),
        ("@dataclass\n", "", "D.__init__ changed"),
        ("import functools", "import functools", ""),
        ("def f(x, *, y=1)", "def f(x: int, *, y: int = 1) -> int", ""),
        ("def f(x, *, y=1):\n    return x", "def _f(x, *, y=1):\n    return x\nf = _f", ""),
        ("    return x\n", "    return x\nf = functools.lru_cache(None)(f)\n", ""),
        ("def f(x, *, y=1):\n    return x", "f = lambda x, *, y=1: x", ""),
        ("    def _own(self):\n        return 2\n", "    __slots__ = ()\n    def fast(self):\n        return 2\n", ""),
        ("    @property\n", "    @functools.cached_property\n", ""),
        ("class C:\n    def m(self, a: int, b=2):\n        return a\n", "class B:\n    def m(self, a, b=2):\n        return a\nclass C(B):\n", ""),
        ("@dataclass\nclass D:\n    x: int\n    y: float = 0.0", "class D:\n    def __init__(self, x, y=0.0):\n        self.x = x", ""),
        ("def _g():\n    return 1\n", "", ""),
    ],
)  # fmt: skip
def test_signatures_of_python(old: str, new: str, says: str) -> None:
    assert old in PYTHON
    changed = PYTHON.replace(old, new)
    found = breach(changed, PYTHON, task(keep_signature=True))
    assert (says in found and found.endswith("keeps its name and parameters")) if says else found == ""
    assert breach(changed, PYTHON, task()) == ""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("int n = 3", "int n", "the signature of q changed from long long * (const vector<int>&, int=3) to long long * (const vector<int>&, int)"),
        ("long long* q", "long* q", "the signature of q changed"),
        ("int a) const", "int a)", "the signature of G.step changed"),
        ("T twice(T x)", "T twice(const T& x)", "the signature of twice changed"),
        ("int add(", "int added(", "add, which was int (int, int), is gone"),
        ("int add(", "static int add(", "add, which was int (int, int), is gone"),
        ("int own(int a)", "long own(long a)", ""),
        ("int hidden()", "long hidden()", ""),
        ("std::vector<int>& v", "vector<int> &values", ""),
        ("int, const int b", "const int a, int b", ""),
        ("int main()", "inline int helper() { return 0; }\nint main(void)", ""),
    ],
)
def test_signatures_of_cpp(old: str, new: str, says: str) -> None:
    assert old in CPP
    found = breach(CPP.replace(old, new), CPP, task("cpp", keep_signature=True))
    assert says in found if says else found == ""


# --- imports ----------------------------------------------------------------------------------------------

IMPORTS = "import os.path\nimport numpy.linalg\nfrom . import near\nfrom .sub import x\n"


@pytest.mark.parametrize(
    ("line", "new", "impure"),
    [
        ("import os, numpy, numpy.linalg as l", "", ""),
        ("from numpy import array", "", ""),
        ("from . import near\nfrom .sub import y", "", ""),
        ("from __future__ import annotations", "", ""),
        ("import numpy.fft", "numpy.fft", ""),
        ("def f():\n    import itertools", "itertools", ""),
        ("from . import far", ".far", ""),
        ("__import__('math').sqrt", "math", ""),
        ("def f():\n    from pandas import Series", "pandas", "pandas"),
        ("import importlib; importlib.import_module('scipy.sparse')", "importlib", "scipy.sparse"),
        ("__import__('pan' + 'das')", "a module whose name is computed", "a module whose name is computed"),
        ("import ctypes", "ctypes", "ctypes"),
    ],
)
def test_imports_of_python(line: str, new: str, impure: str) -> None:
    for promise, name in (("no_new_imports", new), ("pure_python", impure)):
        found = breach(line, IMPORTS, task(**{promise: True}))
        assert found.startswith(f"it imports {name} (line ") if name else found == "", (promise, found)
        assert breach(line, f"{IMPORTS}{line}\n", task(**{promise: True})) == "", "the original may do so"


def test_the_projects_own_modules_are_pure_and_a_folder_named_like_a_package_is_not(tmp_path: Path) -> None:
    put(tmp_path, own="")
    put(tmp_path / "pkg", __init__="", deep="")
    put(tmp_path / "spaces", inner="")
    (tmp_path / "torch").mkdir()
    here = Task(kind="program", file=str(tmp_path / "m.py"), roots=(str(tmp_path),), pure_python=True)
    assert breach("import own, pkg.deep\nfrom spaces import inner\n", "", here) == ""
    assert breach("import torch\n", "", here).startswith("it imports torch")


@pytest.mark.parametrize("line", ["#include <map>", "#if 1\n#  include <map> // x\n#endif", "%:include <map>"])
def test_includes(line: str) -> None:
    assert breach(line, CPP, task("cpp", no_new_imports=True)) == "it includes map, which the original does not"
    assert breach('#include "vector"\n', CPP, task("cpp", no_new_imports=True)) == ""


# --- what a person says -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["12", "0x", "1.2 times", "-1x", "5KB", ""])
def test_a_limit_of_memory_that_means_nothing(value: str) -> None:
    with pytest.raises(UserError, match=r"memory_at_most.*it has to be a factor") as caught:
        validated({"memory_at_most": value}, "codeopt.toml")
    assert "\n" not in str(caught.value)


def test_promises_that_mean_nothing_for_a_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("int main() {}\n")
    put(tmp_path, kernel="import torch\nclass Model(torch.nn.Module): pass\ndef get_inputs(): return []\ndef get_init_inputs(): return []\n")
    with pytest.raises(UserError, match="pure_python is not for C"):
        detect(tmp_path / "a.cpp", Settings(pure_python=True))
    with pytest.raises(UserError, match="keep_signature is not for kernels"):
        detect(tmp_path / "kernel.py", Settings(keep_signature=True))
    with pytest.raises(UserError, match=r"keep_signature = 3.*true or false"):
        validated({"keep_signature": 3}, "codeopt.toml")


# --- whole runs -------------------------------------------------------------------------------------------

OTHER = "\n\ndef other(a, b=1):\n    return a\n"
SLOW = f"def squares(n: int) -> int:\n    total = 0\n    for i in range(n):\n        total += pow(i, 2, 7)\n    return total\n{OTHER}"
LEAN = SLOW.replace("pow(i, 2, 7)", "i * i % 7")
HUNGRY = f"def squares(n: int) -> int:\n    block = bytearray(12 << 20)\n    return n // 7 * 14 + sum(i * i % 7 for i in range(n % 7)) + block[0]\n{OTHER}"
MAKE = "def make(size, seed):\n    return (size * 50 + seed % 7,)\n"
INPUTS = ("--inputs", "make.py:make", "--function", "squares", "--sandbox", "process", "--no-crosshair")


def peaks() -> bool:
    """Whether this user may make cgroups, which tell peaks."""
    group = cgroup.create(Limits())
    if group is not None:
        group.remove()
    return group is not None


@pytest.mark.skipif(not peaks(), reason="no cgroup can be made here")
def test_a_model_is_told_and_gets_evidence(tmp_path: Path) -> None:
    put(tmp_path, slow=SLOW, make=MAKE)
    (tmp_path / "codeopt.toml").write_text("keep_signature = true\npure_python = true\n")
    answers = [LEAN.replace("return total", "return fsum([total])"), LEAN.replace("b=1", "b=2"), f"import numpy\n{LEAN}"]
    with serve(*(Step(f"Try this.\n```python\n{text}```\n") for text in answers)) as server:
        model = ("--proposer", "llm", "--model", "m", "--strategy", "refine", "--base-url", server.url, "--max-candidates", "3", "--time", "60")
        more = ("--no-pure-python", "--no-new-imports", "--memory-at-most", "1.5x", "--run", "run", "--quiet")
        done = codeopt("optimize", "slow.py", *INPUTS, *model, *more, cwd=tmp_path, env={"OPENAI_API_KEY": "sk-test-9c1d2e3f"})
        asked = server.requests[0]["messages"][1]["content"]
        repaired = server.requests[1]["messages"][-1]["content"]
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Every public function" in asked and "Nothing may be imported" in asked and "at most 1.5x what it was" in asked
    assert "Only the standard library" not in asked, "the flag takes back what codeopt.toml says"
    assert "from math import fsum" in repaired
    verdicts = [event.verdict for event in read_trace(tmp_path / "run") if isinstance(event, VerdictReached)]
    assert [str(verdict.status) for verdict in verdicts] == ["screen_failed"] * 3
    says = ["name 'fsum' is not defined", "the signature of other changed", "it imports numpy"]
    assert all(word in verdict.evidence for word, verdict in zip(says, verdicts, strict=True))


@pytest.mark.skipif(not peaks(), reason="no cgroup can be made here")
def test_a_winner_keeps_to_it_or_is_refused(tmp_path: Path) -> None:
    put(tmp_path, slow=SLOW, make=MAKE)
    settings = Settings(function="squares", inputs=f"{tmp_path}/make.py:make", memory_at_most="1.5x", keep_signature=True)
    with Workshop(detect(tmp_path / "slow.py", settings), choose("process", trusted=True)) as shop:
        judge = Judge(shop.subject(SLOW), shop.tolerance)
        workload = build_workload(shop, judge, 0)
        workload = Workload(workload.visible[-3:], workload.timed[:1], repeat=workload.repeat)
        searched = judge.judge(shop.subject(HUNGRY), workload)
        changed, hungry, lean = (
            decided(shop, judge, shop.subject(text), workload, seed=1, pairs=10) for text in (LEAN.replace("b=1", "b=2"), HUNGRY, LEAN)
        )
    assert changed.status is Status.SCREEN_FAILED and changed.evidence.startswith("the signature of other changed from (a, b=1)")
    for verdict in (searched, hungry):
        assert verdict.status is Status.OUT_OF_MEMORY and verdict.holdout is None
        peak, most, usual = map(float, re.findall(r"(\d+\.\d) MiB", verdict.evidence))
        assert peak > most and abs(most - 1.5 * usual) < 0.2 and "(1.5 times the baseline's " in verdict.evidence
    assert lean.holdout is not None and lean.usage is not None and lean.usage.peak_memory_mb
    assert f"peak memory {lean.usage.peak_memory_mb:.1f} MiB, at most {most:.1f} MiB (1.5 times the baseline's {usual:.1f} MiB)" in lean.notes


def test_the_command_that_repeats_a_verdict_says_it_again() -> None:
    words = verify_command(task(keep_signature=True).model_copy(update={"memory_at_most": "1.5x"}), {"original": "a", "new": "b"}, None)
    assert words.endswith("--memory-at-most 1.5x --keep-signature")


def test_where_no_peak_can_be_read_a_run_does_not_begin(tmp_path: Path) -> None:
    put(tmp_path, slow=SLOW, make=MAKE)
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh"] if peaks() else []
    if hidden and subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the cgroups cannot be hidden here")
    words = [*hidden, *command("optimize", "slow.py", *INPUTS, "--memory-at-most", "1.2x", "--quiet")]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120)
    refused(done, "peak memory.*cannot be read in the sandbox process.*--memory-at-most 1.2x.*docker")
