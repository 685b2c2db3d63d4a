"""Real calls recorded from scripts and tests, and a user's tests judged against a candidate that they never import."""

import runpy
from pathlib import Path

import pytest

from codeopt.agent.tasks.pytest_judge import judge
from codeopt.types import Status

_helpers = runpy.run_path(str(Path(__file__).with_name("opsession.py")))
opened, plain = _helpers["opened"], _helpers["plain"]

SCORE = """
def score(xs, bonus=0):
    xs.append(bonus)
    return sum(xs)

def both(xs):
    return score(xs) + score(xs, bonus=2)
"""


def record(folder, source, function, module="m", **request):
    with opened(folder, source, function, module) as session:
        return session.op("record", {"max_calls": 16, "seconds": 30.0, **request}, 60)


def test_arguments_are_those_before_the_call_in_copied_names_too(tmp_path):
    (tmp_path / "run.py").write_text(
        "import sys\nfrom m import score as s, both\ns([1, 2], bonus=3)\nboth([5])\nsys.exit(int(sys.stdin.read()))\n"
    )
    reply = record(tmp_path, SCORE, "score", script=str(tmp_path / "run.py"), stdin=b"4")
    assert reply["exit"] == 4 and reply["total_calls"] == 3
    calls = [plain(call) for call in reply["calls"]]
    assert sorted(calls, key=str) == [([[1, 2]], {"bonus": 3}), ([[5, 0]], {"bonus": 2}), ([[5]], {})]


def test_a_script_that_is_the_file_itself_and_its_own_classes(tmp_path):
    source = """
class Point:
    def __init__(self, x):
        self.x = x

def far(points):
    return max(p.x for p in points)

if __name__ == "__main__":
    import sys
    print(far([Point(int(a)) for a in sys.argv[1:]]))
"""
    reply = record(tmp_path, source, "far", script=str(tmp_path / "m.py"), argv=["3", "9"])
    assert reply["exit"] == 0 and reply["total_calls"] == 1 and reply["stdout"] == b"9\n"
    [point, _] = plain(reply["calls"][0])[0][0]
    assert point.name == "m:Point"


def test_module_mode_and_relative_imports(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("from .core import work\n")
    (tmp_path / "pkg" / "__main__.py").write_text("from . import work\nprint(work(7))\n")
    reply = record(
        tmp_path, "def work(n):\n    return n * 2\n", "work", "pkg.core", script="pkg", module_mode=True
    )
    assert reply["exit"] == 0 and [plain(call)[0] for call in reply["calls"]] == [[7]]


def test_outermost_calls_only_and_repeats_are_counted(tmp_path):
    source = "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
    (tmp_path / "run.py").write_text("import m\nfor _ in range(5):\n    m.fib(10)\nm.fib(3)\n")
    reply = record(tmp_path, source, "fib", script=str(tmp_path / "run.py"))
    assert reply["total_calls"] == 6
    assert sorted((plain(call)[0][0], call["count"]) for call in reply["calls"]) == [(3, 1), (10, 5)]


def test_many_calls_are_sampled_and_the_slowest_kept(tmp_path):
    source = "def f(n):\n    return sum(range(n))\n"
    (tmp_path / "run.py").write_text("import m\nfor i in range(3000):\n    m.f(i)\nm.f(3_000_000)\n")
    reply = record(tmp_path, source, "f", script=str(tmp_path / "run.py"))
    values = [plain(call)[0][0] for call in reply["calls"]]
    assert reply["total_calls"] == 3001 and len(values) <= 16 and 3_000_000 in values
    assert 0 < reply["share"] <= 1


@pytest.mark.parametrize("kind", ["method", "staticmethod", "classmethod"])
def test_methods_of_all_kinds_from_the_users_tests(tmp_path, kind):
    pick = "" if kind == "method" else f"@{kind}"
    first = {"method": "self, ", "staticmethod": "", "classmethod": "cls, "}[kind]
    source = f"""
class Box:
    size = 3
    {pick or "# plain"}
    def scale({first}x):
        return x * 3
"""
    (tmp_path / "test_m.py").write_text("from m import Box\n\ndef test_scale():\n    assert Box().scale(4) == 12\n")
    reply = record(tmp_path, source, "Box.scale", pytest=[str(tmp_path / "test_m.py")])
    assert reply["exit"] == 0, reply
    args = plain(reply["calls"][0])[0]
    assert args[-1] == 4 and len(args) == (2 if kind == "method" else 1)


def test_what_cannot_be_encoded_is_counted_and_a_script_that_hangs_is_stopped(tmp_path):
    (tmp_path / "run.py").write_text("import m\nm.f(open('/dev/null'))\nm.f(1)\nwhile True:\n    pass\n")
    reply = record(tmp_path, "def f(x):\n    return 1\n", "f", script=str(tmp_path / "run.py"), seconds=2.0)
    assert reply["not_encodable"] == 1 and reply["why"] and reply["timed_out"]
    assert [plain(call)[0] for call in reply["calls"]] == [[1]]


def test_failing_tests_show_in_the_exit_code(tmp_path):
    (tmp_path / "test_m.py").write_text("import m\n\ndef test_it():\n    assert m.f(1) == 2\n")
    assert record(tmp_path, "def f(x):\n    return x\n", "f", pytest=[str(tmp_path / "test_m.py")])["exit"] == 1


# --- judging ------------------------------------------------------------------------------------------------------

TESTS = """
import pytest
from m import score

def test_sum():
    xs = [1, 2]
    assert score(xs, bonus=4) == 7
    assert xs == [1, 2, 4]

def test_raises():
    with pytest.raises(TypeError):
        score(["a"])
"""


def judged(folder, candidate, tests=TESTS, function="score", source=SCORE, **keywords):
    (folder / "test_m.py").write_text(tests)
    with (
        opened(folder, source, function) as judge_session,
        opened(folder, source, function, candidate=candidate) as candidate_session,
    ):
        return judge(judge_session, candidate_session, [str(folder / "test_m.py")], 30.0, **keywords)


def test_a_right_candidate_passes_with_its_changes_to_arguments(tmp_path):
    reply = judged(tmp_path, "def score(xs, bonus=0):\n    xs += [bonus]\n    return sum(xs)\n")
    assert reply["status"] is Status.OK, reply
    assert (reply["passed"], reply["failed"], reply["crossed"], reply["not_crossable"]) == (2, 0, 2, 0)


def test_a_wrong_candidate_fails_with_the_test_and_its_message(tmp_path):
    reply = judged(tmp_path, "def score(xs, bonus=0):\n    return sum(xs) + bonus\n")
    assert reply["status"] is Status.WRONG_OUTPUT and "test_sum" in reply["evidence"]
    assert reply["failures"][0]["message"].startswith("assert [1, 2] == [1, 2, 4]")


def test_a_candidate_cannot_reach_the_tests(tmp_path):
    cheat = """
import sys
def score(xs, bonus=0):
    for module in list(sys.modules.values()):
        if hasattr(module, "pytest"):
            raise SystemExit(0)
    return -1
"""
    assert judged(tmp_path, cheat)["status"] is Status.WRONG_OUTPUT


def test_a_candidate_that_hangs_or_dies_is_no_expected_exception(tmp_path):
    tests = "import pytest\nfrom m import score\n\ndef test_raises():\n    with pytest.raises(Exception):\n        score(['a'])\n"
    hangs = judged(tmp_path, "def score(xs, bonus=0):\n    while True:\n        pass\n", tests, call_s=1.0)
    assert hangs["status"] is Status.TIMEOUT and hangs["passed"] == 0
    dies = judged(tmp_path, "import os\ndef score(xs, bonus=0):\n    os._exit(0)\n", tests)
    assert dies["status"] is Status.CRASHED and dies["passed"] == 0


def test_values_that_cannot_cross_decide_nothing(tmp_path):
    tests = "from m import score\n\ndef test_it():\n    assert score(open('/dev/null')) == 1\n"
    source = "def score(x):\n    return 1\n"
    reply = judged(tmp_path, "def score(x):\n    return 2\n", tests, source=source)
    assert reply["status"] is Status.UNDECIDED and reply["not_crossable"] == 1 and reply["passed"] == 1


def test_a_methods_instance_comes_back_changed(tmp_path):
    source = "class Sum:\n    def __init__(self):\n        self.n = 0\n    def add(self, x):\n        self.n += x\n"
    tests = "from m import Sum\n\ndef test_it():\n    s = Sum()\n    s.add(2)\n    s.add(x=3)\n    assert s.n == 5\n"
    right = source.replace("self.n += x", "self.n = self.n + x")
    wrong = source.replace("self.n += x", "self.n = x")
    assert judged(tmp_path, right, tests, "Sum.add", source)["status"] is Status.OK
    assert judged(tmp_path, wrong, tests, "Sum.add", source)["status"] is Status.WRONG_OUTPUT
