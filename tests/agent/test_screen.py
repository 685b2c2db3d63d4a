"""The screen runs nothing: what it turns away, and which programs it calls equal."""

import pytest

from codeopt.agent.screen import fingerprint, screen
from codeopt.agent.tasks.model import Task

PYTHON = "class C:\n    def m(self, a: int, b=2):\n        return a\n\n\ndef f(x, *, y=1):\n    return x\n"


def task(function):
    return Task(kind="function", file="/p/m.py", function=function)


def test_layout_comments_and_docstrings_do_not_make_another_program():
    other = '"""A module."""\nclass C:\n    def m(self, a: int, b=2):  # m\n        return (a)\n\ndef f(x,*,y=1):\n    "doc"\n    return x\n'
    assert fingerprint(PYTHON, "python") == fingerprint(other, "python")
    assert fingerprint(PYTHON, "python") != fingerprint(PYTHON.replace("return x", "return y"), "python")


def test_comments_in_cpp_are_nothing_and_strings_are_something():
    old = 'int main() { /* a */ puts("// b"); } // c\n'
    assert fingerprint(old, "cpp") == fingerprint('int main() {\n puts("// b");\n}', "cpp")
    assert fingerprint(old, "cpp") != fingerprint('int main() { puts(""); }', "cpp")
    assert fingerprint(old, "cpp") != fingerprint(old, "cpp", ("-O2",))


@pytest.mark.parametrize(
    ("function", "new", "words"),
    [
        ("f", "def f(x, *, y=1)\n    return x\n", "does not parse"),
        ("f", "def g(x, *, y=1):\n    return x\n", "f is gone"),
        ("f", "def f(x, *, y=2):\n    return x\n", "signature of f changed"),
        ("C.m", "class C:\n    def m(self, a):\n        return a\n", "signature of C.m changed"),
        ("C.m", "class D:\n    def m(self, a, b=2):\n        return a\n", "C.m is gone"),
    ],
)
def test_what_is_turned_away(function, new, words):
    assert words in screen(new, PYTHON, task(function))


@pytest.mark.parametrize(
    "new",
    [
        "def f(x: int, *, y: int = 1) -> int:\n    return x + 0\n",
        "def _f(x, y): return x\n\ntry:\n    import fast\nexcept ImportError:\n    def f(x, *, y=1):\n        return x\n",
        "def f(x, *, y=1):\n    return x\n\n\nf = __import__('functools').lru_cache(f)\n",
    ],
)
def test_what_may_be_run(new):
    assert screen(new, PYTHON, task("f")) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import socket", "the network (socket)"),
        ("from urllib.request import urlopen", "the network (urllib)"),
        ("import os.path, subprocess as s", "other processes (subprocess)"),
        ("import os as o; o.system('x')", "other processes (os.system)"),
        ("from os import execvp", "other processes (os.execvp)"),
        ("import os; print(os.environ)", "the environment (os.environ)"),
        ("from os import getenv as g", "the environment (os.getenv)"),
        ("open('/etc/passwd')", "files (open)"),
        ("write = open", "files (open)"),
        ("from pathlib import Path", "files (pathlib)"),
        ("from os import *", "files (os.*)"),
        ("eval('1')", "code made at run time (eval)"),
        ("__import__('so' + 'cket')", "code made at run time (__import__)"),
        ("__import__('socket')", "the network (socket)"),
        ("().__class__.__base__.__subclasses__()", "code made at run time (__subclasses__)"),
        ("import ctypes", "code made at run time (ctypes)"),
    ],
)
def test_new_powers_are_turned_away_unless_the_original_has_them(line, words):
    reason = screen(f"{PYTHON}\n{line}\n", PYTHON, task("f"))
    assert reason == f"it uses {words}, which the original does not"
    assert screen(f"{PYTHON}\n{line}\nx = 1\n", f"{PYTHON}\n{line}\n", task("f")) == ""


@pytest.mark.parametrize(
    "line",
    [
        "import os, sys, re, io, math, bisect, mmap, collections, functools, multiprocessing, concurrent.futures",
        "data = open(0).read(); import os; os.read(0, 10); os.fstat(0).st_size; os.path.join('a', 'b')",
        "'a'.replace('b', 'c'); [].remove; re_compile = __import__('re').compile; model.eval()",
        "from urllib.parse import quote",
    ],
)
def test_what_is_only_faster_needs_no_new_power(line):
    assert screen(f"{PYTHON}\n{line}\n", PYTHON, task("f")) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("#include <sys/socket.h>", "the network"),
        ('void g() { system("rm"); }', "other processes"),
        ('#include <fstream>\nvoid g() { std::ofstream x("y"); }', "files"),
        ('char* g() { return getenv("HOME"); }', "the environment"),
        ("#include <sys/mman.h>\n#include <unistd.h>\nint g(char* b) { return read(0, b, 9); } // system(1)", ""),
        ('const char* g = "system(1) getenv";\nint h(S* s) { return s->system(1) + s->x.fork(); }', ""),
    ],
)
def test_new_powers_of_cpp(line, words):
    reason = screen(f"int main() {{ return 0; }}\n{line}\n", "int main() { return 0; }\n", Task(kind="program", language="cpp", file="/p/m.cpp"))
    assert reason.startswith(f"it uses {words} (") if words else reason == ""
