"""Which texts are one program: renamed, compiled or built alike; and that a search measures such a program once."""

from __future__ import annotations

import ast
import bisect
import csv
import difflib
import fractions
import graphlib
import gzip
import heapq
import ipaddress
import json
import json.decoder
import random
import shutil
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import MAKE, SLOW_DEDUPE, codeopt, put
from servers import Step, serve

from codeopt.agent.canonical import canonical
from codeopt.agent.novelty import BYTECODE, NAMES, SYNTAX, marks
from codeopt.agent.screen import without_docstrings
from codeopt.agent.tasks.model import Task
from codeopt.sandbox.elf import code_hash
from codeopt.trace import CandidateMade, Note, VerdictReached, read_trace
from codeopt.types import Proposal

MODULES = (bisect, csv, difflib, fractions, graphlib, gzip, heapq, ipaddress, json.decoder, random, statistics, textwrap)
NEEDS_CC = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


def levels(source: str, language: str = "python") -> dict[str, str]:
    task = Task(kind="program", language="cpp" if language == "cpp" else "python", file="/p/m")
    return marks(Proposal(source=source, proposer="", note=""), task)


def same(one: str, other: str, language: str = "python") -> set[str]:
    """The levels at which two texts are the same program; both have all that their language has."""
    first, second = levels(one, language), levels(other, language)
    assert first.keys() == second.keys() == ({SYNTAX, NAMES, BYTECODE} if language == "python" else {SYNTAX, NAMES})
    return {level for level in first if first[level] == second[level]}


# --- Python -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(n):\n a = 1\n return a + n", "def f(n):\n b = 1\n return b + n"),
        ("def f(n):\n a: int = n\n b: list\n b = [a]\n return b", "def f(n):\n x: str = n\n y: set\n y = [x]\n return y"),
        ("def f(n):\n for i in n:\n  for j in i: print(j)\n  else: del i", "def f(n):\n for k in n:\n  for i in k: print(i)\n  else: del k"),
        ("def f(n):\n return [x * y for x in n if x for y in x]", "def f(n):\n return [a * b for a in n if a for b in a]"),
        ("def f(n):\n x = 1\n return [x for x in n], x", "def f(n):\n x = 1\n return [y for y in n], x"),
        ("def f(n):\n return [z := y for y in n], z", "def f(n):\n return [a := b for b in n], a"),
        ("def f():\n c = 0\n def g():\n  nonlocal c\n  c += 1\n  return c\n return g", "def f():\n k = 0\n def g():\n  nonlocal k\n  k += 1\n  return k\n return g"),
        ("def f(n):\n a = 2\n return lambda x, y=a: x + y + a", "def f(n):\n q = 2\n return lambda x, y=q: x + y + q"),
        ("def f(n):\n try: n()\n except E as e: print(e)", "def f(n):\n try: n()\n except E as error: print(error)"),
        ("def f(n):\n match n:\n  case [a, *b]: return a, b\n  case {1: c, **d}: return c, d\n  case P(x=e) as g: return e, g", "def f(n):\n match n:\n  case [p, *q]: return p, q\n  case {1: r, **s}: return r, s\n  case P(x=t) as u: return t, u"),
        ("def f(n):\n import numpy as np, re\n from os import sep as s\n return np, re, s", "def f(n):\n import numpy as xp, re as r\n from os import sep\n return xp, r, sep"),
        ("class C:\n x = 1\n async def f(self):\n  async with self as s:\n   return [i async for i in s]", "class C:\n x = 1\n async def f(self):\n  async with self as t:\n   return [j async for j in t]"),
        ("@d(k=1)\ndef f(n):\n with n as (a, b[0]): return a", "@d(k=1)\ndef f(n):\n with n as (c, b[0]): return c"),
        ("def f(n):\n import os.path\n a = os\n return a", "def f(n):\n import os.path\n b = os\n return b"),
        ("def f():\n x = 1\n def g(): return x\n x = 2\n return g", "def f():\n y = 1\n def g(): return y\n y = 2\n return g"),
        ("def f():\n zz = 1; a = 2\n return lambda: (zz, a)", "def f():\n a = 1; zz = 2\n return lambda: (a, zz)"),
    ],
)  # fmt: skip
def test_names_of_locals_make_no_other_program(one: str, other: str) -> None:
    assert same(one, other) == {NAMES, BYTECODE}
    isomorphic(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(n): return n", "def f(m): return m"),
        ("f = lambda n: n", "f = lambda m: m"),
        ("x = 1", "y = 1"),
        ("def f():\n global x\n x = 1", "def f():\n global y\n y = 1"),
        ("def f():\n global x\n x = 1", "def f():\n x = 1"),
        ("class C:\n x = 1", "class C:\n y = 1"),
        ("def f():\n class C:\n  x = 1\n return C", "def f():\n class C:\n  y = 1\n return C"),
        ("def f():\n x = 1\n class C:\n  def g(self): return x", "def f():\n y = 1\n class C:\n  def g(self): return x"),
        ("def f():\n def g(): pass\n return g", "def f():\n def h(): pass\n return h"),
        ("def f(n):\n a = n\n a.x = 1", "def f(n):\n a = n\n a.y = 1"),
        ("def f(n):\n a = 1\n return g(a=a)", "def f(n):\n b = 1\n return g(b=b)"),
        ("def f(x):\n x = 1\n def g(k=lambda y: y): return y", "def f(x):\n y = 1\n def g(k=lambda y: y): return y"),
        ("def f():\n x = 1\n def g():\n  x = 2\n g()\n return x", "def f():\n x = 1\n def g():\n  nonlocal x\n  x = 2\n g()\n return x"),
        ("def f():\n a = 1; b = 2\n def g(): return a\n return g, b", "def f():\n a = 1; b = 2\n def g(): return b\n return g, a"),
        ("def f(n):\n a, b = n\n return a - b", "def f(n):\n a, b = n\n return b - a"),
        ("def f(n):\n x = 0\n return [x for y in n]", "def f(n):\n x = 0\n return [y for y in n]"),
        ("def f(n):\n x = 0\n return [x := y for y in n], x", "def f(n):\n x = 0\n return [z := y for y in n], x"),
        ("def f(n):\n a = 1\n del a\n b = 2", "def f(n):\n a = 1\n b = 2\n del b"),
        ("def f(n):\n try: pass\n except E as e: pass\n return e", "def f(n):\n try: pass\n except E as g: pass\n return e"),
        ("def f(n):\n match n:\n  case x: return x", "def f(n):\n match n:\n  case c.x: return c.x"),
        ("def f(n):\n match n:\n  case P(x=a): return a", "def f(n):\n match n:\n  case P(y=a): return a"),
        ("@d\ndef f(n): return n", "@e\ndef f(n): return n"),
        ("def f(n: int): return n", "def f(n: str): return n"),
        ("x: int = 1", "x: str = 1"),
        ("def f():\n x: int\n return x", "def f():\n return x"),
        ("from lib import show\ndef f(n):\n k = 'x'; x = 1; y = 2\n show(k)", "from lib import show\ndef f(n):\n k = 'x'; y = 1; x = 2\n show(k)"),
        ("from .json import show\ndef f(n):\n x = 1; y = 2\n show('x')", "from .json import show\ndef f(n):\n y = 1; x = 2\n show('x')"),
        ("def f(n):\n n += 1\n return n", "def f(n):\n n = n + 1\n return n"),
        ("def f(n): return n + 1", "def f(n): return n + True"),
        ("def f(n): return n * 0.0", "def f(n): return n * -0.0"),
        ("def f(n): return n in {1, 2}", "def f(n): return n in {1, 3}"),
        ("def f():\n x = 1\n def g():\n  def x(): pass\n  return x\n return g, x", "def f():\n y = 1\n def g():\n  def x(): pass\n  return y\n return g, y"),
        ("def f(n):\n try:\n  g()\n  h()\n except E: pass", "def f(n):\n g()\n try:\n  h()\n except E: pass"),
        ("def f(n):\n try: return g(n)\n finally: h()", "def f(n):\n try: return g(n)\n except: h()"),
        ("def f(n):\n return f'{n}'", "def f(n):\n return f'{n!r}'"),
        ("def f(n):\n yield n", "async def f(n):\n yield n"),
    ],
)  # fmt: skip
def test_what_means_something_else_stays_another_program(one: str, other: str) -> None:
    assert same(one, other) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(n):\n a: int = n\n return a", "def f(n):\n b = n\n return b"),
        ("def f(n):\n if n: return\n pass", "def f(n):\n if n: return None"),
        ("def f(n): return not n in [1, 2]", "def f(n): return n not in (1, 2)"),
        ("def f(n):\n while True: n()", "def f(n):\n while 1: n()"),
        ("def f(n): return n * (60 * 60)", "def f(n): return n * 3600"),
        ("def f(n):\n if n:\n  if n.a: g()", "def f(n):\n if n and n.a: g()"),
        ("import a, b", "import a\nimport b"),
        ("def f(n):\n x: int\n a = n\n return a", "def f(n):\n b = n\n return b"),
    ],
)
def test_equal_byte_code_is_an_equal_program(one: str, other: str) -> None:
    assert same(one, other) == {BYTECODE}


@pytest.mark.parametrize(
    "body",
    [
        "return locals()", "return eval('n')", "exec('pass')", "import inspect", "return vars()", "return sys._getframe()",
        "return pd.eval(n)", "return f.__code__", "return open(__file__).read()", "from torch.jit import script",
    ],
)  # fmt: skip
def test_who_may_look_at_names_is_not_renamed(body: str) -> None:
    assert levels(f"def f(n):\n a = n\n {body}").keys() == {SYNTAX}


def test_text_out_of_all_proportion_has_a_mark() -> None:
    for text in ("x = " + "-" * 5000 + "1", "x = a" + ".b" * 3000, "x = 0x" + "f" * 6000, "x = 1\0", "return 1"):
        assert levels(text) != levels(text + "0")


def test_no_kernel_is_renamed() -> None:
    proposal = Proposal(source="def f(n):\n a = 1", proposer="", note="")
    assert marks(proposal, Task(kind="kernel", file="/p/k.py")).keys() == {SYNTAX}


def text_of(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text("utf-8")


def isomorphic(text: str) -> None:
    """Assert that the canonical form is the same program, with other names for locals, one to one."""
    trees = (without_docstrings(ast.parse(text)), canonical(without_docstrings(ast.parse(text))))
    alike(*(compile(ast.fix_missing_locations(tree), "m", "exec", dont_inherit=True) for tree in trees if tree))


def alike(old: CodeType, new: CodeType) -> None:
    assert (old.co_name, old.co_names, old.co_flags) == (new.co_name, new.co_names, new.co_flags)
    for before, after in ((old.co_varnames, new.co_varnames), (old.co_cellvars, new.co_cellvars), (old.co_freevars, new.co_freevars)):
        assert len(set(after)) == len(after), after
        # From 3.12 on a comprehension's variable may share a place with one around it.
        assert len(before) == len(after) or (len(before) < len(after) and sys.version_info >= (3, 12)), (before, after)
    inner = [[item for item in code.co_consts if isinstance(item, CodeType)] for code in (old, new)]
    for pair in zip(*inner, strict=True):
        alike(*pair)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_standard_library(module: ModuleType) -> None:
    text = text_of(module)
    tree = ast.parse(text)
    found = levels(text)
    assert found == levels(ast.unparse(tree))
    assert NAMES in found
    isomorphic(text)
    rng = random.Random(1)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and plain(node)]
    for function in rng.sample(functions, min(3, len(functions))):
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        name = rng.choice(sorted(names))
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id == name:
                node.id = "renamed_0"
    other = levels(ast.unparse(tree))
    assert functions == [] or other[SYNTAX] != found[SYNTAX]
    assert all(other[level] == found[level] for level in (NAMES, BYTECODE))
    numbers = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int]
    operators = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp)]
    if numbers:
        rng.choice(numbers).value += 1000
        changed = levels(ast.unparse(tree))
        assert not set(changed.items()) & set(other.items())
        other = changed
    if operators:
        node = rng.choice(operators)
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        assert not set(levels(ast.unparse(tree)).items()) & set(other.items())


def plain(function: ast.FunctionDef) -> bool:
    """Whether a function has variables, and none that anything but its own names could mean."""
    nodes = list(ast.walk(function))
    scopes = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)
    if any(isinstance(node, (*scopes, ast.Global, ast.Nonlocal, ast.alias, ast.ExceptHandler)) for node in nodes[1:]):
        return False
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return bool(stored) and stored.isdisjoint(node.arg for node in nodes if isinstance(node, ast.arg))


# --- C++ --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("int f(int n) { int a = n; return a; }", "int f(int m) { int b = m; return b; } // b"),
        ("int f(int n){int a=n;return a+n;}", "int f(int n) { int b = n; return b + n; }"),
        ("int f(V& v) { int s = 0; for (auto& x : v) s += x; for (int i = 0; i < 3; ++i) { int x = i; s += x; } return s; }",
         "int f(V& w) { int t = 0; for (auto& y : w) t += y; for (int j = 0; j < 3; ++j) { int z = j; t += z; } return t; }"),
        ("int f(int n) { auto g = [&, k = n](int m) { return m + k; }; return g(n); }",
         "int f(int q) { auto h = [&, m = q](int k) { return k + m; }; return h(q); }"),
        ("void f(int n, int m) { vector<int> v(n); vector<int> w(n, m), u; v[0] = w[0]; }",
         "void f(int a, int b) { vector<int> c(a); vector<int> d(a, b), e; c[0] = d[0]; }"),
        ("int f() { auto [a, b] = g(); if (int c = a; c > b) return c; try { } catch (const E& e) { return e.c; } return b; }",
         "int f() { auto [x, y] = g(); if (int z = x; z > y) return z; try { } catch (const E& r) { return r.c; } return y; }"),
        ("int f(V v) { for (auto v : v) g(v); }", "int f(V v) { for (auto w : v) g(w); }"),
        ("int f(int count) { return std::count(0, count); }", "int f(int n) { return std::count(0, n); }"),
        ("#define REP(i, n) for (int i = 0; i < n; ++i)\nint f(int n) { int s = 0; REP(i, n) { s += i; } return s; }",
         "#define REP(i, n) for (int i = 0; i < n; ++i)\nint f(int m) { int t = 0; REP(i, m) { t += i; } return t; }"),
        ("struct S { int n; S(int a) : n(a) {} int g(int k) { return n + k; } };", "struct S { int n; S(int b) : n(b) {} int g(int j) { return n + j; } };"),
    ],
)  # fmt: skip
def test_names_of_locals_make_no_other_cpp_program(one: str, other: str) -> None:
    assert same(one, other, "cpp") == {NAMES}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("int n; int f() { return n; }", "int m; int f() { return m; }"),
        ("int f(int a, int b) { return a - b; }", "int f(int a, int b) { return b - a; }"),
        ("int f(int a) { int n = 0; { int a = n; } return a; }", "int f(int a) { int n = 0; { int b = n; } return n; }"),
        ("int f() { { int count = 1; } return count(v); }", "int f() { { int max = 1; } return max(v); }"),
        ("int f(S s, int a) { return s.a; }", "int f(S s, int b) { return s.b; }"),
        ("int f(int a, int n) { vector<int> v(n); return a; }", "int f(int n, int a) { vector<int> v(n); return a; }"),
        ("int f(int a, int b) { int v(a * b); return b; }", "int f(int a, int b) { int v(a * c); return c; }"),
        ("int f(int a, int b) { a * b; return b; }", "int f(int a, int b) { a * c; return c; }"),
        ("int f(int a) { function<int(int a)> g; return a; }", "int f(int b) { function<int(int a)> g; return a; }"),
        ("int f() { int g(int); return g(1); }", "int f() { int h(int); return h(1); }"),
        ("int f() { extern int n; return n; }", "int f() { extern int m; return m; }"),
        ("int f() { static int n = 1; struct S { int n; int g() { return n; } } s; return s.g(); }",
         "int f() { static int m = 1; struct S { int n; int g() { return m; } } s; return s.g(); }"),
        ("int f() { static int n = 9; struct S { int n = 1; int k = n; } s; return s.k; }",
         "int f() { static int m = 9; struct S { int n = 1; int k = m; } s; return s.k; }"),
        ("#define T x + 1\nint f() { int x = 1, y = 2; return T; }", "#define T x + 1\nint f() { int y = 1, x = 2; return T; }"),
        ("#define SHOW(x) puts(#x)\nint f(int a) { SHOW(a); }", "#define SHOW(x) puts(#x)\nint f(int b) { SHOW(b); }"),
        ('#include "mine.h"\nint f() { int a = 1; STEP; }', '#include "mine.h"\nint f() { int b = 1; STEP; }'),
        ("#define A\nx f();", "#define A x\nf();"),
        ('int f() { puts("a  b"); }', 'int f() { puts("a b"); }'),
        ("int f() { return 1; }", "int f() { return 2; }"),
        ("int f(int s) {\n#pragma omp parallel for reduction(+:s)\nfor (;;) s++; }", "int f(int t) {\n#pragma omp parallel for reduction(+:s)\nfor (;;) t++; }"),
    ],
)  # fmt: skip
def test_what_means_something_else_stays_another_cpp_program(one: str, other: str) -> None:
    assert NAMES not in same(one, other, "cpp")


PROGRAM = """#include <math.h>
#include <stdio.h>
namespace { int weigh(int n) { int t = 0; for (int i = 0; i < n; i++) t = (5 * t + i) % 7; return t; } }
static double table[3] = {1.5, 2.5, 3.5};
int main() {
    int n, total = 0;
    while (scanf("%d", &n) == 1) total += weigh(n);
    printf("%d %f\\n", total, sin(n) + table[total % 3]);
}
"""


@NEEDS_CC
@pytest.mark.parametrize("flags", [("-O3", "-std=c++17"), ("-O0", "-g")])
def test_machine_code_is_what_the_text_compiles_to(flags: tuple[str, ...], tmp_path: Path) -> None:
    def built(text: str, *more: str) -> str:
        (tmp_path / "program.cpp").write_text(text)
        subprocess.run(["g++", *flags, *more, "program.cpp", "-o", "program"], cwd=tmp_path, check=True)
        return code_hash((tmp_path / "program").read_bytes())

    found = built(PROGRAM)
    assert found == built(PROGRAM.replace("total", "sum").replace("weigh", "heavy") + "// more\n")
    assert built(PROGRAM.replace("i++", "++i")) == found
    others = [("% 7", "% 9"), ("sin", "cos"), ("%d %f", "%d, %f"), ("3.5", "4.5"), ("[3] = {1.5, 2.5, 3.5}", "[4] = {1.5, 2.5, 3.5}")]
    hashes = [built(PROGRAM.replace(*other)) for other in others] + [built(PROGRAM, "-fno-pie", "-no-pie")]
    assert len({found, *hashes}) == len(others) + 2


@pytest.mark.parametrize("data", [b"", b"no program", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + b"\xff" * 400])
def test_a_file_that_is_no_program_is_hashed_as_it_is(data: bytes) -> None:
    assert code_hash(data) != code_hash(data + b"\0")


# --- whole runs -------------------------------------------------------------------------------------------

WRONG = SLOW_DEDUPE.replace("return seen", "return seen[::-1]")
KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}


def run(folder: Path, *texts: str, task: tuple[str, ...], language: str = "python", resume: bool = False) -> tuple[dict[str, Any], list[Any]]:
    """The result of a run on whole new files from a model, and what the model was asked."""
    answers = [Step(f"A try.\n```{language}\n{text}```\n") for text in texts] + [Step("I have no further idea.")]
    with serve(*answers) as server:
        start = ("optimize", *task, "--sandbox", "process", "--quiet", "--run", "run", "--proposer", "llm", "--strategy", "refine", "--model", "m")
        done = codeopt(*start, "--base-url", server.url, "--max-tokens", "100000", cwd=folder, env=KEY)
        assert done.returncode == 1, (done.stdout, done.stderr)
        first: dict[str, Any] = json.loads((folder / "run" / "result.json").read_text())
        asked = len(server.requests)
        if resume:
            done = codeopt("optimize", "--resume", "run", "--quiet", cwd=folder, env=KEY)
            assert done.returncode == 1 and len(server.requests) == asked, "the same questions, and so the same answers"
            again = json.loads((folder / "run" / "result.json").read_text())
            assert all(again[key] == first[key] for key in ("candidates", "not_measured"))
    return first, server.requests


def test_a_renamed_program_is_not_measured_again(tmp_path: Path) -> None:
    put(tmp_path, dedupe=SLOW_DEDUPE, make=MAKE)
    renamed = WRONG.replace("seen", "known").replace("for x", "for item").replace("if x", "if item").replace("(x)", "(item)")
    compiled = WRONG.replace("if x not in seen", "if not x in seen")
    original = SLOW_DEDUPE.replace("    return", "    # fast\n    return")
    result, requests = run(tmp_path, WRONG, renamed, compiled, original, task=("dedupe.py", "--inputs", "make.py:make"))
    assert result["candidates"] == {"wrong_output": 1}
    assert result["not_measured"] == {"names": 1, "bytecode": 1, "syntax": 1}
    assert "by names, 1 by bytecode, 1 by syntax\n" in (tmp_path / "run" / "report.md").read_text()
    told = requests[2]["messages"][-1]["content"]
    assert "the same program up to names as c1, which was wrong_output: on " in told, told
    events = list(read_trace(tmp_path / "run"))
    assert [event.candidate.id for event in events if isinstance(event, CandidateMade)] == ["c1"]
    notes = [event.text for event in events if isinstance(event, Note) and event.text.startswith("not measured: ")]
    assert len(notes) == 3 and notes[2].endswith("the same program as the original")


@NEEDS_CC
def test_the_same_machine_code_is_not_measured_again(tmp_path: Path) -> None:
    (tmp_path / "sum.cpp").write_text(PROGRAM)
    (tmp_path / "data.txt").write_text("500000 " * 30)
    wrong = PROGRAM.replace("% 7", "% 9")
    texts = (PROGRAM.replace("i++", "++i"), wrong, wrong.replace("i++", "i += 1"), wrong.replace("total", "sum"))
    result, _ = run(tmp_path, *texts, task=("sum.cpp", "--stdin", "data.txt"), language="cpp", resume=True)
    assert result["candidates"] == {"not_faster": 1, "wrong_output": 2}
    assert result["not_measured"] == {"machine_code": 2, "names": 1}
    judged = [event for event in read_trace(tmp_path / "run") if isinstance(event, VerdictReached)]
    assert judged[0].verdict.evidence == "it compiles to the same machine code as its parent" and judged[0].verdict.search is None
    assert judged[2].verdict.evidence.startswith("the same machine code as c2, which was wrong_output: on ")
    assert len({event.machine_code for event in judged} - {""}) == 2
