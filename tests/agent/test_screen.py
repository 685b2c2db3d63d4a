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
