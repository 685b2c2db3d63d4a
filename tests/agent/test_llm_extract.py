"""Code out of answers, and answers into files."""

from __future__ import annotations

import ast

import pytest

from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.proposers.llm_prompt import as_blocks
from codeopt.agent.proposers.llm_splice import apply_answer

FILE = '''"""Words."""
from __future__ import annotations

import os

LIMIT = 3


def helper(x):
    return x


class Box:
    """A box."""

    size = 1

    @staticmethod
    def total(xs):
        t = 0
        for x in xs:
            t += x
        return t

    def other(self):
        return self.size


def f(xs):
    out = []
    for x in xs:
        out.append(helper(x))
    return out


if __name__ == "__main__":
    print(f([1]), os.name, LIMIT)
'''

CPP = """#include <vector>
#include <cstdio>
using namespace std;

template <typename T>
T twice(T x) { return x + x; }

namespace a {
struct S {
    int get(int i) const { return v[i]; }
    vector<int> v;
};
}

int sum(const vector<int>& v) {
    int s = 0;
    for (size_t i = 0; i < v.size(); ++i) s += v[i];
    return s;
}

int sum(int a, int b) { return a + b; }

int main() { printf("%d\\n", sum({1, 2})); }
"""


def edit(answer: str, function: str = "", source: str = FILE, language: str = "python", finish: str = "") -> str:
    return apply_answer(source, extract(answer, language, function, finish), language, function)


def run(source: str) -> dict[str, object]:
    """Run text that this test wrote."""
    names: dict[str, object] = {"__name__": "x"}
    exec(compile(source, "x", "exec"), names)
    return names


NEW_F = "def f(xs):\n    return [helper(x) for x in xs]\n"


@pytest.mark.parametrize(
    "answer",
    [
        f"Use a comprehension.\n```python\n{NEW_F}```\nDone.",
        f"```py\n{NEW_F}```",
        f"```\n{NEW_F}```",
        f"~~~python\n{NEW_F}~~~",
        f"<think>I could write\n```python\ndef f(xs): return 1\n```\n</think>\n```python\n{NEW_F}```",
        f"thinking without an opening tag ```python\ndef f(xs): return 1\n```</think>\n```python\n{NEW_F}```",
        f"Before:\n```python\ndef f(xs):\n    out = []\n    return out\n```\nAfter:\n```python\n{NEW_F}```",
        f"```python\n{NEW_F}```\nTry it:\n```python\nassert f([1]) == [1]\n```\n```bash\npython x.py\n```",
        f"```python\n{NEW_F}",
        NEW_F,
        "1. Do this:\n   ```python\n" + "".join(f"   {line}\n" for line in NEW_F.splitlines()) + "   ```\n",
        f"```Python\r\n{NEW_F}```".replace("\n", "\r\n"),
        "<<<<<<< SEARCH\n    out = []\n    for x in xs:\n        out.append(helper(x))\n    return out\n=======\n"
        "    return [helper(x) for x in xs]\n>>>>>>> REPLACE\n",
        "```python\n<<<<<<< SEARCH\nout = []\nfor x in xs:\n    out.append(helper(x))\nreturn out\n=======\n"
        "return [helper(x) for x in xs]\n>>>>>>> REPLACE\n```\n",
    ],
)
def test_the_same_edit_from_many_kinds_of_answers(answer: str) -> None:
    assert edit(answer, "f") == FILE.replace(
        "    out = []\n    for x in xs:\n        out.append(helper(x))\n    return out\n",
        "    return [helper(x) for x in xs]\n",
    )


@pytest.mark.parametrize(
    ("answer", "finish", "why"),
    [
        ("I cannot help with that.", "stop", "no code block"),
        ("Sorry", "stop", "no code block"),
        ("", "stop", "no code block"),
        ("<think>def f(xs): return 1", "stop", "no code block"),
        ("```python\ndef f(xs):\n    return [helper(x) for", "length", "cut off"),
        ("```python\ndef f(xs):\n    return [helper(x) for", "stop", "has no end"),
        ("```python\ndef f(xs:\n    return 1\n```", "stop", "does not parse"),
        ("```python\ndef g(xs):\n    return 1\n```", "stop", "does not define f"),
        ("```python\ndef f(xs):\n    # ... rest of the code unchanged\n    return 1\n```", "stop", "left code out"),
        ("<<<<<<< SEARCH\nnowhere\n=======\nx\n>>>>>>> REPLACE", "stop", "is not in the file"),
        ("<<<<<<< SEARCH\n\n=======\nx\n>>>>>>> REPLACE", "stop", "is empty"),
        ("<<<<<<< SEARCH\n        return\n=======\nx\n>>>>>>> REPLACE", "stop", "is not in the file"),
        ("<<<<<<< SEARCH\n    for x in xs:\n=======\nx\n>>>>>>> REPLACE", "stop", "occurs 2 times"),
        ("<<<<<<< SEARCH\n    out = []\n=======\n    out = [\n>>>>>>> REPLACE", "stop", "does not parse"),
        ("```python\nx = '\0'\ndef f(): pass\n```", "stop", "does not parse"),
    ],
)
def test_an_unusable_answer_says_why(answer: str, finish: str, why: str) -> None:
    with pytest.raises(EditError, match=why):
        edit(answer, "f", finish=finish)


def test_deeply_nested_code_is_refused_not_fatal() -> None:
    with pytest.raises(EditError):
        edit("```python\ndef f(xs):\n    return " + "(" * 5000 + ")" * 5000 + "\n```", "f")


def test_a_fence_in_a_docstring_does_not_end_the_block() -> None:
    code = 'def f(xs):\n    """Doc.\n\n```\nexample\n```\n    """\n    return [helper(x) for x in xs]\n'
    assert 'example\n```\n    """' in edit(f"```python\n{code}```\nwords", "f")


@pytest.mark.parametrize(
    "code",
    [
        "    @staticmethod\n    def total(xs):\n        return sum(xs)\n",
        "@staticmethod\ndef total(xs):\n    return sum(xs)\n",
        "def total(xs):\n    return sum(xs)\n",
        "class Box:\n    @staticmethod\n    def total(xs):\n        return sum(xs)\n",
        'class Box:\n    """A box."""\n\n    size = 1\n\n    @staticmethod\n    def total(xs):\n        return sum(xs)\n\n'
        "    def other(self):\n        return self.size\n",
    ],
)
def test_a_method_in_any_wrapping(code: str) -> None:
    assert edit(f"```python\n{code}```", "Box.total") == FILE.replace(
        "        t = 0\n        for x in xs:\n            t += x\n        return t\n", "        return sum(xs)\n"
    )


def test_imports_helpers_and_new_methods_find_their_place() -> None:
    code = (
        "from __future__ import annotations\nimport os\nimport math\n\nTABLE = [1, 2]\n\ndef quick(x):\n    return x\n\n"
        "def f(xs):\n    return [quick(x) for x in xs]\n\nprint(f([1]))\n"
    )
    text = edit(f"```python\n{code}```", "f")
    assert text.index("import os") < text.index("import math") < text.index("LIMIT")
    assert text.index("class Box") < text.index("TABLE") < text.index("def quick") < text.index("def f(")
    assert text.count("import os") == 1 and "print(f([1]))\n" not in text.replace("print(f([1]),", "")
    assert run(text)["f"]([4]) == [4]  # type: ignore[operator]
    text = edit("```python\nclass Box:\n    def total(xs):\n        return Box.add(xs)\n\n"
                "    @staticmethod\n    def add(xs):\n        return sum(xs)\n```", "Box.total")  # fmt: skip
    box = run(text)["Box"]
    assert box.total([1, 2]) == 3 and box().other() == 1  # type: ignore[attr-defined,operator]


def test_strings_over_several_lines_keep_their_text_when_a_method_moves() -> None:
    code = 'def total(xs):\n    text = """\nleft\n  two\n"""\n    return text + f"""\n{xs}\n """\n'
    box = run(edit(f"```python\n{code}```", "Box.total"))["Box"]
    assert box.total(1) == "\nleft\n  two\n\n1\n "  # type: ignore[attr-defined]


def test_a_whole_file_and_a_part_of_a_program() -> None:
    whole = FILE.replace("LIMIT = 3", "LIMIT = 4")
    assert edit(f"```python\n{whole}```", "f") == whole
    assert edit(f"```python\n{whole}```") == whole
    script = "import sys\n\nprint(sum(map(int, sys.stdin)))\n"
    assert edit(f"```python\n{script}```", source="n = 0\nfor l in open(0):\n    n += int(l)\nprint(n)\n") == script
    part = edit(f"```python\n{NEW_F}```")
    assert "comprehension" not in part and "[helper(x) for x in xs]" in part and "LIMIT = 3" in part
    # A class that lost its other methods is a part, whatever else the answer holds.
    text = "def helper(x):\n    return x\n\nclass Box:\n    def total(xs):\n        return sum(xs)\n\n" + NEW_F
    assert "def other" in edit(f"```python\n{text}```", "Box.total")


def test_line_ends_and_tabs_of_the_file_stay() -> None:
    text = edit(f"```python\n{NEW_F}```", "f", source=FILE.replace("\n", "\r\n"))
    assert "\r\n" in text and "\n" not in text.replace("\r\n", "")
    tabs = "class A:\n\tdef m(self):\n\t\treturn 1\n\n\tdef n(self):\n\t\treturn 2\n"
    text = edit("```python\ndef m(self):\n    if True:\n        return 3\n```", "A.m", source=tabs)
    assert run(text)["A"]().m() == 3  # type: ignore[operator]


def test_nested_and_conditional_definitions() -> None:
    source = "try:\n    import x\nexcept ImportError:\n    def f(a):\n        return a + 0\n"
    assert "return a\n" in edit("```python\ndef f(a):\n    return a\n```", "f", source=source)
    source = "def outer():\n    def inner(a):\n        return a + 0\n    return inner\n"
    text = edit("```python\ndef inner(a):\n    return a\n```", "outer.<locals>.inner", source=source)
    assert ast.parse(text) and "a + 0" not in text


def test_several_patches_apply_in_order() -> None:
    answer = (
        "<<<<<<< SEARCH\nLIMIT = 3\n=======\nLIMIT = 4\n>>>>>>> REPLACE\n\n"
        "<<<<<<< SEARCH\nLIMIT = 4\n\n=======\nLIMIT = 5\nMORE = 1\n\n>>>>>>> REPLACE\n"
    )
    assert "LIMIT = 5\nMORE = 1\n" in edit(answer)
    deleted = edit("<<<<<<< SEARCH\nLIMIT = 3\n=======\n>>>>>>> REPLACE\n")
    assert "LIMIT = 3" not in deleted and "LIMIT)" in deleted


def test_a_change_shown_to_the_model_is_in_a_form_that_it_may_answer_in() -> None:
    for new in (FILE.replace("LIMIT", "MOST"), FILE.replace("        t = 0\n", ""), FILE + "x = 1\n", "x = 1\n" + FILE):
        assert edit(as_blocks(FILE, new)) == new


def test_cpp_functions() -> None:
    new = "int sum(const vector<int>& v) {\n    return accumulate(v.begin(), v.end(), 0);\n}\n"
    text = edit(f"```cpp\n#include <numeric>\n#include <vector>\n{new}```", "sum", CPP, "cpp")
    assert text.count("#include <numeric>") == 1 and text.count("#include <vector>") == 1
    assert "accumulate" in text and "size_t i" not in text and "int a, int b" in text and "int main" in text
    text = edit("```c++\ntemplate <typename T>\nT twice(T x) { return 2 * x; }\n```", "twice", CPP, "cpp")
    assert text.count("template") == 1 and "2 * x" in text
    text = edit("```cpp\nint get(int i) const { return v.data()[i]; }\n```", "a::S::get", CPP, "cpp")
    assert "v.data()[i]" in text and "vector<int> v;" in text
    helper = "struct P { int a; };\nstatic int quick(P p) { return p.a; }\n\n"
    text = edit(f"```cpp\n{helper}int sum(int a, int b) {{ return quick({{a + b}}); }}\n```", "sum", CPP, "cpp")
    assert text.index("struct P") < text.index("quick(P p)") < text.index("int sum(int a")
    whole = CPP.replace("a + b", "b + a")
    assert edit(f"```cpp\n{whole}```", "sum", CPP, "cpp") == whole
    assert edit(f"```cpp\n{whole}```", "", CPP, "cpp") == whole


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("```cpp\nint sum(long v) { return 1; }\n```", "overloaded"),
        ("```cpp\nint other(long v) { return 1; }\n```", "does not define sum"),
        ("```cpp\nint sum(int a, int b) { return 1;\n```", "braces"),
        ("Just use -O3.", "no code block"),
    ],
)
def test_cpp_answers_that_do_not_fit(answer: str, why: str) -> None:
    with pytest.raises(EditError, match=why):
        edit(answer, "sum", CPP, "cpp")
    with pytest.raises(EditError, match="not the whole file"):
        edit("```cpp\nint sum(int a, int b) { return b + a; }\n```", "", CPP, "cpp")
