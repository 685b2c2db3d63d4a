"""Profiles of calls and scripts: which lines and functions the time goes to, by the tools that are there."""

import runpy
from pathlib import Path

import pytest

_helpers = runpy.run_path(str(Path(__file__).with_name("opsession.py")))
encoded, opened = _helpers["encoded"], _helpers["opened"]

SOURCE = """
import json

def hot(x):
    total = 0
    for i in range(3000):
        total += i * x
    return total

class Box:
    @staticmethod
    def twice(x):
        return hot(x) + hot(x)

    def run(self, xs):
        return [self.twice(x) for x in xs]

def cold(n):
    return json.loads(json.dumps(n))

def work(n):
    cold(n)
    return sum(Box().run(range(n)))

if __name__ == "__main__":
    import sys
    print(work(int(sys.argv[1])), sys.stdin.read())
"""
LINE = SOURCE.splitlines().index("        total += i * x") + 1
# A module that stands in front of a tool and cannot be imported, as if the tool were not installed.
ABSENT = "raise ImportError('not here')\n"


def profiled(folder, function="work", **request):
    with opened(folder, SOURCE, function) as session:
        return session.op("profile", {"seconds": 20.0, **request}, 60)


def check(reply):
    assert reply["error"] == "" and reply["seconds"] > 0
    shares = {function["qualname"]: function for function in reply["functions"]}
    assert reply["functions"][0]["qualname"] == "hot" and shares["hot"]["own_share"] > 0.5
    assert shares["work"]["share"] > shares["hot"]["share"] * 0.9
    assert shares["Box.twice"]["share"] > 0.5 > shares["Box.twice"]["own_share"]
    rows = {row["line"]: row for row in reply["rows"] if row["function"] == "hot"}
    assert rows[LINE]["share"] > 0.15 and rows[LINE]["count"] % 1000 != 1 and rows[LINE]["count"] > 3000
    assert [row["share"] for row in reply["rows"]] == sorted((row["share"] for row in reply["rows"]), reverse=True)


@pytest.mark.parametrize("mode", ["calls", "script"])
def test_lines_and_functions(tmp_path, mode):
    pytest.importorskip("pyinstrument")
    pytest.importorskip("line_profiler")
    reply = profiled(
        tmp_path, mode=mode, blobs=[encoded(60), encoded(80)], script=str(tmp_path / "m.py"), argv=["150"], stdin=b"x"
    )
    assert reply["tool"] == "pyinstrument + line_profiler"
    check(reply)
    files = {function["file"] for function in reply["functions"]}
    assert files == {str(tmp_path / "m.py")}


@pytest.mark.parametrize("mode", ["calls", "script"])
def test_the_same_without_the_tools(tmp_path, mode):
    for tool in ("pyinstrument", "line_profiler"):
        (tmp_path / f"{tool}.py").write_text(ABSENT)
    reply = profiled(
        tmp_path, mode=mode, blobs=[encoded(20)], script=str(tmp_path / "m.py"), argv=["20"], stdin=b"x"
    )
    assert reply["tool"] == "cProfile + settrace"
    check(reply)
    assert next(one for one in reply["functions"] if one["qualname"] == "hot")["calls"] >= 40


def test_the_users_tests_are_profiled_too(tmp_path):
    (tmp_path / "test_m.py").write_text("import m\n\ndef test_it():\n    assert m.work(200) > 0\n")
    reply = profiled(tmp_path, mode="script", pytest=[str(tmp_path / "test_m.py")])
    assert reply["functions"][0]["qualname"] == "hot"


def test_a_script_that_never_ends_is_profiled_until_the_time_is_up(tmp_path):
    (tmp_path / "run.py").write_text("import m\nwhile True:\n    m.hot(2)\n")
    reply = profiled(tmp_path, mode="script", script=str(tmp_path / "run.py"), seconds=3.0)
    assert "stopped" in reply["error"] and reply["functions"][0]["qualname"] == "hot"


def test_library_time_is_named_where_own_code_calls_it(tmp_path):
    source = "import json\ndef f(n):\n    return len(json.dumps(list(range(n)), indent=1))\n"
    with opened(tmp_path, source, "f") as session:
        reply = session.op("profile", {"mode": "calls", "blobs": [encoded(20_000)], "seconds": 10.0}, 40)
    library = [row for row in reply["rows"] if row["line"] == 0]
    assert any(row["function"] == "dumps" and "json" in row["note"] for row in library)
