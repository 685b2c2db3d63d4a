"""The view of a program without its names: what stays, what goes, and that all of it comes back."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import warnings
from pathlib import Path

import pytest

from codeopt.datasets.anonymise import LANGUAGES, SUFFIXES, Table, View, anonymised, named, restored, together
from codeopt.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PYTHON = '''import numpy as np
from math import sqrt as root

class Stack(list):
    """All of it."""
    def push(self, item): self.append(item)  # one more

class Node:
    count = 0
    def __init__(self, value=None, *rest):
        self.value, self.next = value, None
    def value_of(self): return self.value

def total(xs: list[int], scale: dict[str, float] | float = 1.5):
    n = len(xs)
    max = xs[0]
    for i, x in enumerate(xs):
        max = x if x > max else max
    node = Node(value=n)
    return np.sum(xs, axis=0) * scale + root(max) + node.value_of() + xs.count(f"{n}!")

print(max(1, 2), total([1.5], scale=2), total.__name__)
'''
CPP = r'''#include <vector>
#include "own.h"
#define LIMIT 100005
#define EACH(i, n) for (int i = 0; i < (n); i++) /* loop */
using namespace std;
typedef long long ll;
struct Point { double x; int size; double norm() const { return x * x; } };
extern int shared;
double sin(double);
vector<int> table(LIMIT);
int main() {
    // read
    vector<Point> points(3);
    ll sum = 0x10;
    EACH(k, 3) { points[k].x = sin(1.0) + std::max(1, 2) + shared; sum += points.size(); }
#pragma omp parallel for reduction(+:sum) num_threads(4)
    for (auto& p : points) sum += p.norm() > 'c';
    printf("%d\n", sum);
}
'''
CUDA = """__global__ void scale(float *out, const float *in, int n) {
    __shared__ float tile[256];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = __ldg(&in[i]) * tile[threadIdx.x];
}
void launch(float *a, float *b, int n) { scale<<<(n + 255) / 256, 256>>>(a, b, n); cudaDeviceSynchronize(); }
"""
FORTRAN = """! a header
module shapes
  use iso_fortran_env, only: real64
  type point
    real(real64) :: z
  end type point
contains
  subroutine axpy(n, a, x, Y)
    integer, intent(in) :: N
    real(real64) :: a, x(n), y(n)
    integer :: i
    !$omp parallel do private(I) schedule(static, 4)
    do i = 1, n
      y(I) = sqrt(a) * x(i) + Y(i)   ! the sum
    end do
    print *, 'done', size(x)
  end subroutine axpy
end module shapes
"""
C = 'static int twice(int v) { return v << 1; }\nint main(void) { int a[2] = {1, 2}; return twice(a[0]); }\n'
TEXTS = {"python": PYTHON, "cpp": CPP, "cuda": CUDA, "fortran": FORTRAN, "c": C}


def renamed(view: View) -> str:
    """The program with every name of its own replaced by another; comments are gone."""
    fresh = {
        placeholder: original if placeholder.startswith(("num_", "str_")) else f"zz{placeholder.replace('_', 'q')}"
        for placeholder, original in view.table.names.items()
    }
    return named(view.text, fresh)


def sound(text: str, language: str, seed: int | None = None) -> View:
    """The view, whose original is checked to come back through JSON as well."""
    view = anonymised(text, language, seed)
    table = Table.from_json(view.table.to_json())
    assert table == view.table
    assert restored(View(view.text, table)) == text
    return view


def test_a_python_view() -> None:
    text = sound(PYTHON, "python").text
    assert "#" not in text and "All of it" not in text
    for kept in ("import numpy as np", "from math import sqrt as root", "np.sum(", "axis=", ".append(", "enumerate(", "len(", ": list[int]", ": dict[str, float] | float = num"):
        assert kept in text
    assert "class type_0(list):\n    str_0\n    def push(var_0, var_1): var_0.append(var_1)\n" in text  # of a foreign base
    assert re.search(r"type_1\(var_\d=var_\d\)", text) and re.search(r"\.func_0\(\) \+ arr_0\.count\(f\"\{var_\d\}str_\d\"\)", text)
    assert re.search(r"\nprint\(max\(num_\d, num_\d\), func_1\(\[num_1\], var_\d=num_\d\), func_1\.__name__\)\n", text)
    assert not re.search(r"\b(total|scale|Node|value|item)\b", text)
    assert re.search(r"\n    (var_\d) = arr_0\[num_0\]\n    for var_\d, var_\d in enumerate\(arr_0\):\n        \1 = ", text)  # its own max


def test_a_cpp_view() -> None:
    text = sound(CPP, "cpp").text
    assert '#include <vector>\n#include "own.h"\n#define var_0 num_0\n' in text
    assert "#define func_0(var_1, var_2) for (int var_1 = num_1; var_1 < (var_2); var_1++)\n" in text
    for kept in ("using namespace std;", "extern int shared;", "double sin(double);", "sin(num", "std::max(", ".size()", "int main()", "printf("):
        assert kept in text
    assert "struct type_1 { double field_0; int size; double func_1() const { return field_0 * field_0; } };" in text
    assert "vector<int> var_3(var_0);" in text and re.search(r"func_0\((var_\d), num_\d\) \{ arr_0\[\1\]\.field_0 = ", text)
    assert re.search(r"#pragma omp parallel for reduction\(\+:var_\d\) num_threads\(num_\d\)\n", text)
    assert not re.search(r"//|/\*|\b(Point|points|norm|sum|LIMIT|k)\b", text)


def test_a_cuda_view() -> None:
    text = sound(CUDA, "cuda").text
    assert "__global__ void func_0(float *arr_0, const float *arr_1, int var_0) {" in text
    assert "__shared__ float arr_2[num_0];" in text and "blockIdx.x * blockDim.x + threadIdx.x" in text
    assert "func_0<<<(var_0 + num_" in text and "cudaDeviceSynchronize()" in text and "__ldg(" in text


def test_a_fortran_view() -> None:
    text = sound(FORTRAN, "fortran").text
    assert text.startswith("module mod_0\n  use iso_fortran_env, only: real64\n  type type_0\n    real(real64) :: field_0\n")
    assert "subroutine func_0(var_0, var_1, arr_0, arr_1)" in text and "end module mod_0" in text
    assert "!$omp parallel do private(var_2) schedule(static, num_" in text
    assert "arr_1(var_2) = sqrt(var_1) * arr_0(var_2) + arr_1(var_2)\n" in text and "size(arr_0)" in text


@pytest.mark.parametrize("language", TEXTS)
def test_renaming_what_a_file_binds_does_not_change_its_view(language: str) -> None:
    view = anonymised(TEXTS[language], language)
    other = renamed(view)
    assert other != view.text and anonymised(other, language).text == view.text


def test_by_hand_renamed_programs_have_one_view() -> None:
    one = "def f(xs, n):\n    best = 0  # so far\n    for x in xs:\n        best = max(best, x * n)\n    return best\n"
    other = "def solve(values, k):\n    acc = 0\n    for v in values:\n        acc = max(acc, v * k)\n    return acc\n"
    third = other.replace("v * k", "v + k")
    assert anonymised(one, "python").text == anonymised(other, "python").text != anonymised(third, "python").text


@pytest.mark.parametrize("language", TEXTS)
def test_a_seed_draws_other_numbers_and_all_comes_back(language: str) -> None:
    text = TEXTS[language]
    views = [sound(text, language, seed) for seed in (1, 1, 2)]
    assert views[0] == views[1] and views[0].text != views[2].text
    assert len(set(views[0].table.names)) == len(views[0].table.names)
    strip = re.compile(r"_\d+")
    assert strip.sub("", views[0].text) == strip.sub("", anonymised(text, language).text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "python"),
        ("\ufeffx = 1\r\ny = x\r\n", "python"),
        ("x = 1if y else 2\nvar_0 = foo(var_1, str_0)  # var_7\n", "python"),
        ("def f(:\n  x == = 3 'unclosed\n", "python"),
        ("print 'a', \"b\"\nexec 'x'\n", "python"),
        ("é = 'ü' # ñ\nprint(é)\n\x00\x0c\ud800 = '\udfff'", "python"),
        ("if x:\n\t# alone\n\ty = 1 \\\n\t  + 2\n#end", "python"),
        ("int a/**/b; x = y-/* c */-z; /*1*/ /*2*/\n//last", "cpp"),
        ("#define A(x) \"é\" // ü\nint }}}} f( { \u00e9 template<", "cpp"),
        ("end do\n  if ( then\n &  x = 'a\n", "fortran"),
        ("PROGRAM Abc\nINTEGER abc, X\nx = 1.0_dp\nEND PROGRAM ABC", "fortran"),
    ],
)
def test_odd_texts_come_back(text: str, language: str) -> None:
    for seed in (None, 0, 7):
        sound(text, language, seed)


def test_placeholders_that_a_text_holds_already_stay_its_own() -> None:
    view = sound("from lib import var_0\nx = var_0 + num_0\n", "python")
    assert view.text == "from lib import var_0\nvar_1 = var_0 + num_0\n"
    assert sound("var_3 = 1\n", "python").text == "var_0 = num_0\n"


def test_damaged_programs_come_back() -> None:
    draw = random.Random(0)
    pieces = [*TEXTS.values(), "'\"`\\\n\t#!/*&*/{}()[]<>;:,.\ud812é\x00", "var_0 num_1 str_2 0x1.5e-3f 'x' \"y\""]
    for number in range(150):
        text = draw.choice(pieces)
        for _ in range(draw.randint(1, 6)):
            at, other = draw.randint(0, len(text)), draw.choice(pieces)
            start = draw.randint(0, len(other))
            text = text[: max(0, at - draw.randint(0, 40))] + other[start : start + draw.randint(0, 60)] + text[at:]
        sound(text, draw.choice(list(LANGUAGES)), number if number % 2 else None)


def test_sources_of_this_repository_come_back_and_their_views_survive_renaming() -> None:
    listed = [path for room in ("agent", "datasets", "examples", "sandbox", "evals") for path in sorted((ROOT / room).rglob("*.*"))]
    texts = [path for path in listed if path.suffix in SUFFIXES and path.stat().st_size < 30_000]
    chosen = [path for path in texts if path.suffix != ".py"] + random.Random(0).sample([path for path in texts if path.suffix == ".py"], 40)
    assert {path.suffix for path in chosen} >= {".py", ".cpp"}
    for path in chosen:
        language = SUFFIXES[path.suffix]
        view = sound(path.read_bytes().decode(), language)
        assert anonymised(renamed(view), language).text == view.text, path


def test_a_renamed_program_compiles(tmp_path: Path) -> None:
    for file in sorted((ROOT / "examples").rglob("*.cpp")):
        text = renamed(anonymised(file.read_text(), "cpp"))
        done = subprocess.run(["g++", "-std=c++17", "-fsyntax-only", "-x", "c++", "-"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif("CODEOPT_DATA" not in os.environ, reason="CODEOPT_DATA names no folder with mbpp/mbpp.jsonl")
def test_all_of_mbpp_comes_back_and_its_views_survive_renaming() -> None:
    lines = Path(os.environ["CODEOPT_DATA"], "mbpp", "mbpp.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > 900
    for number, line in enumerate(lines):
        text = json.loads(line)["code"]
        assert restored(anonymised(text, "python", number)) == text
        view = sound(text, "python")
        other = renamed(view)
        with warnings.catch_warnings(action="ignore"):
            compile(other, "renamed", "exec", dont_inherit=True)
        assert anonymised(other, "python").text == view.text, text


def test_versions_of_a_program_share_their_names() -> None:
    slow, fast = "def f(xs):\n    out = []\n    return out + xs\n", "def f(xs):\n    zs = [1]\n    return zs + xs\n"
    views = together((slow, fast), "python", 3)
    assert [restored(view) for view in views] == [slow, fast]
    back = [{original: name for name, original in view.table.names.items()} for view in views]
    assert back[0]["f"] == back[1]["f"] and back[0]["xs"] == back[1]["xs"] and back[0]["out"] != back[1]["zs"]


def test_what_is_no_language_or_table() -> None:
    with pytest.raises(UserError, match="no anonymised view of cobol"):
        anonymised("x", "cobol")
    for text in ("", "[]", '{"names": 3}', '{"language": "c", "names": {}, "layout": [[1]]}'):
        with pytest.raises(UserError, match="no table"):
            Table.from_json(text)
