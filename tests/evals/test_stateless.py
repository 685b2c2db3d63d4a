"""What may keep something between calls is never called stateless."""

from __future__ import annotations

import pytest

from codeopt.evals.stateless import stateless

F = "def f(n):\n    return n\n"


@pytest.mark.parametrize(
    "text",
    [
        F,
        "from typing import List\nimport math\nLIMIT = 10\ndef f(xs: List[int], n=3, *, key=None):\n    ys = []\n    ys.append(math.sqrt(n))\n    return ys\n",
        "def g(n):\n    return n\ndef f(n):\n    seen = {}\n    def h(m):\n        nonlocal n\n        n = m\n    h(1)\n    return g(n)\n",
    ],
)
def test_plain(text: str) -> None:
    assert stateless(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def f(n:\n",
        "from functools import lru_cache\n@lru_cache\ndef f(n):\n    return n\n",
        "import functools\n" + F,
        "KNOWN = {}\n" + F,
        "def f(n, known={}):\n    return known.setdefault(n, n)\n",
        "def f(n, known=dict()):\n    return n\n",
        "def f(n):\n    global m\n    m = n\n    return n\n",
        "def f(n):\n    f.known = n\n    return n\n",
        "def f(n):\n    import os\n    return n\n",
        "from os import *\n" + F,
        "class A:\n    pass\n" + F,
        "def f(n):\n    return globals().setdefault('m', n)\n",
        "def f(n):\n    return ().__class__.__base__\n",
        "def f(n):\n    return open('x').read()\n",
        "def f(n):\n    exec('m = 1')\n    return n\n",
        F + "f(1)\n",
        "import math as m\nm.known = {}\n" + F,
        "import sys\ndef f(n):\n    return sys.modules.setdefault(n, n)\n",
        "import statistics\ndef f(n):\n    return statistics.sys.modules.setdefault(n, n)\n",
        "import statistics\ndef f(n):\n    m = statistics\n    return m.sys.modules.setdefault(n, n)\n",
        "from statistics import sys\n" + F,
        "import copy\ndef f(n):\n    return copy.dispatch_table.setdefault(n, n)\n",
        "import copy\ndef f(n):\n    copy._deepcopy_dispatch[n] = n\n    return n\n",
        "import string\ndef f(n):\n    return string.Formatter().get_field('0.__globals__', (f,), {})\n",
        "def f(n):\n    g = (x for x in [n])\n    return g.gi_frame.f_globals.setdefault('m', n)\n",
        "def f(n):\n    return __builtins__\n",
        "import os.path as math\n" + F,
    ],
)
def test_may_keep_something(text: str) -> None:
    assert not stateless(text), text
