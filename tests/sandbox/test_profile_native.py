"""Profiles and compiler remarks of a real program, by the real tools; each test skips where its tool is absent."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.profile_native import (
    Commands,
    choose_profiler,
    commands,
    parse,
    parse_callgrind,
    parse_perf_report,
)
from codeopt.sandbox.remarks import merge_remarks, parse_remarks, remark_flags
from codeopt.types import Profile, ProfileRow

PROGRAM = """\
#include <algorithm>
#include <cstdio>
#include <vector>

struct Table {
    std::vector<int> v;
    __attribute__((noinline)) int divisible(int x) const {
        int c = 0;
        for (size_t i = 0; i < v.size(); ++i) {
            if (v[i] % x == 0)
                c += v[i] & 3;
        }
        return c;
    }
};

__attribute__((noinline)) static double total(const double* a, int n) {
    double s = 0;
    for (int i = 0; i < n; ++i)
        s += a[i] * 0.5;
    return s;
}

__attribute__((noinline)) static void arrange(std::vector<int>& v) {
    std::stable_sort(v.begin(), v.end());
}

int main() {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    Table t;
    for (int i = 0; i < n; ++i) t.v.push_back(int(i * 2654435761u >> 7));
    long long sum = 0;
    for (int k = 1; k < 1200; ++k) sum += t.divisible(k);
    for (int k = 0; k < 4; ++k) {
        std::vector<int> copy = t.v;
        arrange(copy);
        sum += copy[k];
    }
    std::vector<double> d(t.v.begin(), t.v.end());
    printf("%lld %g\\n", sum, total(d.data(), n));
}
"""


def line_of(text: str) -> int:
    return next(i for i, line in enumerate(PROGRAM.splitlines(), 1) if text in line)


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("g++")
    folder = tmp_path_factory.mktemp("native profile")
    (folder / "hot.cpp").write_text(PROGRAM)
    subprocess.run(["g++", "-O2", "-g", "hot.cpp", "-o", "hot"], cwd=folder, check=True)
    (folder / "big").write_text("40000")
    (folder / "small").write_text("1500")
    return folder


def output(made: Commands, folder: Path) -> str:
    for argv in made.argvs:
        if subprocess.run(argv, cwd=folder, check=False).returncode != 0:
            pytest.skip(f"{argv[6]} is not permitted here")
    return (folder / made.output).read_bytes().decode(errors="replace")


def check(profile: Profile) -> None:
    shares = [row.share for row in profile.rows]
    assert shares == sorted(shares, reverse=True)
    assert all(0 < s <= 1 for s in shares)
    assert {row.file for row in profile.rows} == {"src/hot.cpp"}
    functions = [row for row in profile.rows if row.line == 0]
    assert functions[0].function.endswith("divisible") and functions[0].share > 0.5
    lines = [row for row in profile.rows if row.line]
    assert lines[0].line in range(line_of("for (size_t i"), line_of("return c;"))
    assert lines[0].function.endswith("divisible")


def test_perf_finds_the_hot_line(built: Path) -> None:
    need("perf")
    text = output(commands("perf", str(built / "hot"), str(built / "big"), str(built)), built)
    profile = parse("perf", text, ["src/hot.cpp"], 0.25)
    assert (profile.tool, profile.seconds) == ("perf", 0.25)
    check(profile)


def test_callgrind_finds_the_hot_line_and_counts_calls(built: Path) -> None:
    need("valgrind")
    text = output(commands("callgrind", str(built / "hot"), str(built / "small"), str(built)), built)
    profile = parse("callgrind", text, ["src/hot.cpp"])
    check(profile)
    rows = {row.function: row for row in profile.rows if row.line == 0}
    assert next(row.count for name, row in rows.items() if name.endswith("divisible")) == 1199
    assert rows["arrange"].share > 0.005, "what a library call costs belongs to the function that makes it"
    everything = parse_callgrind(text)
    assert len({row.file for row in everything.rows}) > 3


def test_callgrind_lines_sum_to_the_tools_own_total(built: Path) -> None:
    need("valgrind", "callgrind_annotate")
    text = output(commands("callgrind", str(built / "hot"), str(built / "small"), str(built)), built)
    top = next(
        row
        for row in parse_callgrind(text, ["hot.cpp"]).rows
        if row.function.endswith("divisible") and row.line == 0
    )
    done = subprocess.run(
        ["callgrind_annotate", "callgrind.out"], cwd=built, capture_output=True, text=True, check=True
    )
    theirs = next(line for line in done.stdout.splitlines() if "divisible" in line)
    assert top.share == pytest.approx(float(theirs.split("(")[1].split("%")[0]) / 100, abs=0.02)


@pytest.mark.parametrize("read", [parse_callgrind, parse_perf_report])
@pytest.mark.parametrize("text", ["", "\x00\ufffd\n=\ncalls=\nfn=(9)\n+\n", "# no samples\n\n"])
def test_torn_output_gives_no_rows(read: object, text: str) -> None:
    assert callable(read)
    assert read(text).rows == ()


def test_which_profiler() -> None:
    assert choose_profiler({"perf", "valgrind"}) == "perf"
    assert choose_profiler(["valgrind"]) == "callgrind"
    with pytest.raises(UserError, match="install"):
        choose_profiler([])


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_remarks_land_on_the_hot_line(compiler: str, built: Path) -> None:
    need(compiler)
    command = [compiler, "-O3", *remark_flags(compiler), "-c", "hot.cpp", "-o", f"{compiler}.o"]
    done = subprocess.run(command, cwd=built, capture_output=True, text=True, check=True)
    rows = parse_remarks(done.stderr, ["src/hot.cpp"])
    assert rows and {row.file for row in rows} == {"src/hot.cpp"}
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    body, head = line_of("s += a[i]"), line_of("for (int i = 0; i < n; ++i)\n".strip())
    hot = ProfileRow(file="src/hot.cpp", line=body, function="total", share=0.9)
    cold = ProfileRow(file="src/hot.cpp", line=line_of("c += v[i]"), share=0.001)
    whole = ProfileRow(file="src/hot.cpp", line=0, function="total", share=0.95)
    merged = merge_remarks(Profile(tool="perf", seconds=1, rows=(whole, hot, cold)), rows)
    assert "vectoriz" in merged.rows[1].note and head < body
    assert (merged.rows[0], merged.rows[2]) == (whole, cold)
    assert merge_remarks(merged, rows) == merged


def test_no_remarks_change_nothing() -> None:
    profile = Profile(tool="perf", seconds=1, rows=(ProfileRow(file="a.cpp", line=3, share=0.5),))
    assert merge_remarks(profile, parse_remarks("a.cpp:3:1: warning: unused\n")) == profile
