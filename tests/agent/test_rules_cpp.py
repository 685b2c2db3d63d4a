"""C++ rules: each case of rules_cpp/*.txt is rewritten; old and new are compiled together and run on the same inputs.

A file is named after its rule and holds programs. `=== fires` programs must be rewritten and print the same on each
`<<<` line (standard input, with \\n for new lines), `=== close` programs the same numbers but for rounding,
`=== never` programs must be left alone.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.catalogue import load
from codeopt.agent.rules.cppedit import parse

FOLDER = Path(__file__).parent / "rules_cpp"
RULES = {rule.name: rule for rule in load("cpp")}
PRELUDE = "#include <bits/stdc++.h>\n#include <unistd.h>\nusing namespace std;\n"
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


@dataclass(frozen=True)
class Case:
    rule: str
    kind: str
    number: int
    program: str
    inputs: tuple[str, ...]

    @property
    def text(self) -> str:
        return PRELUDE + self.program


def case_of(rule: str, kind: str, number: int, body: str) -> Case:
    inputs = tuple(m.replace("\\n", "\n") for m in re.findall(r"^<<< ?(.*)$", body, flags=re.M))
    return Case(rule, kind, number, re.sub(r"^<<<.*\n", "", body, flags=re.M), inputs)


@cache
def cases(*kinds: str) -> tuple[Case, ...]:
    out = []
    for path in sorted(FOLDER.glob("*.txt")):
        parts = re.split(r"^=== (\w+)\n", path.read_text(), flags=re.M)[1:]
        for number, (kind, body) in enumerate(zip(parts[::2], parts[1::2])):
            if kind in kinds:
                out.append(case_of(path.stem, kind, number, body))
    return tuple(out)


def rewrites(rule: str, text: str, function: str = "") -> list[Rewrite]:
    return list(RULES[rule].apply(Code(text, "cpp", function)))


@cache
def programs() -> tuple[Case, ...]:
    """Ordinary programs that no rule was written for; all rules are applied to them, one after another."""
    parts = re.split(r"^=== .*\n", (FOLDER.parent / "rules_cpp_programs.txt").read_text(), flags=re.M)[1:]
    return tuple(case_of("everything", "fires", number, body) for number, body in enumerate(parts))


def composed(text: str) -> str:
    """The text after all rules but those that round differently or set flags, each as often as it fires (at most 4)."""
    for rule in sorted(set(RULES) - {"gcc_pragmas", "compiler_flags", "accumulators", "simd_reduction"}):
        for _ in range(4):
            found = [r for r in rewrites(rule, text) if r.text != text]
            text = found[0].text if found else text
    return text


def name(case: Case) -> str:
    return f"{case.rule}-{case.number}"


def everywhere(case: Case) -> list[Rewrite]:
    """The single rewrites of a case, and all of them one after another."""
    if case.rule == "everything":
        return [Rewrite(composed(case.text), "all rules", 1)]
    found = rewrites(case.rule, case.text)
    text, seen = case.text, set()
    while text not in seen and not found[0].flags and len(seen) < 20:
        seen.add(text)
        again = rewrites(case.rule, text)
        text = again[0].text if again else text
    return [*found, Rewrite(text, "all", 1, found[0].flags)] if text != case.text else found


def test_every_rule_has_cases_and_every_case_a_rule() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(RULES)
    assert {case.rule for case in cases("fires", "close")} == set(RULES)
    assert len(RULES) >= 16


@pytest.mark.parametrize("case", cases("fires", "close"), ids=name)
def test_fires(case: Case) -> None:
    found = rewrites(case.rule, case.text)
    assert found, "the rule did nothing"
    for change in found:
        assert change.note and "\n" not in change.note
        assert change.text != case.text or change.flags
        assert parse(change.text).errors <= parse(case.text).errors


@pytest.mark.parametrize("case", cases("never"), ids=name)
def test_leaves_alone(case: Case) -> None:
    assert rewrites(case.rule, case.text) == []


@pytest.mark.parametrize("case", cases("fires", "close"), ids=name)
def test_comes_to_rest(case: Case) -> None:
    """A rule applied to its own result ends: it never rewrites what it wrote."""
    text = case.text
    for _ in range(12):
        found = [r for r in rewrites(case.rule, text) if r.text != text]
        if not found:
            return
        text = found[0].text
    pytest.fail("the rule goes on rewriting its own result")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_comments_strings_and_macros_are_not_code(rule: str) -> None:
    """Programs of the fires cases inside a comment, a raw string and a macro change nothing outside."""
    if rule == "compiler_flags" or rule == "gcc_pragmas":
        pytest.skip("changes no code")
    for case in cases("fires", "close"):
        if case.rule != rule:
            continue
        inert = case.program.replace("*/", "")
        line = " ".join(inert.replace("#define", "").split())
        text = f'/*\n{inert}*/\nconst char* t = R"x(\n{inert})x";\n#define CODE {line}\nint main() {{ return t[0]; }}\n'
        for change in rewrites(rule, text):
            assert inert in change.text.split('R"x(')[0] and inert in change.text.split('R"x(')[1], (
                change.note
            )


def unit(index: int, text: str) -> str:
    """A program as a namespace with a `run` of its own, so that many fit into one compilation."""
    source = parse(text)
    body = re.sub(r"^#(include|pragma GCC).*\n", "", text, flags=re.M).replace(
        "using namespace std;\n", "", 1
    )
    body = re.sub(r"int main\((?:void)?\)", "int run()", body)
    undef = "".join(f"#undef {word}\n" for word in sorted(source.macro_names))
    body = re.sub(r"\}\s*\Z", "return 0; }\n", body)
    return f"namespace unit{index} {{\n{body}}}\n{undef}"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, int], list[int]]]:
    """Every old and new program in one executable; argv[1] chooses. {(rule, number): [old, new, new, ...]}"""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    folder = tmp_path_factory.mktemp("rules_cpp")
    units: list[str] = []
    index: dict[tuple[str, int], list[int]] = {}
    for case in (*cases("fires", "close"), *programs()):
        for text in dict.fromkeys([case.text, *(r.text for r in everywhere(case))]):
            index.setdefault((case.rule, case.number), []).append(len(units))
            units.append(unit(len(units), text))
    half = len(units) // 2
    jobs = []
    for part, (low, high) in enumerate([(0, half), (half, len(units))]):
        entry = "".join(f"int call{i}() {{ return unit{i}::run(); }}\n" for i in range(low, high))
        (folder / f"part{part}.cpp").write_text(PRELUDE + "\n".join(units[low:high]) + entry)
        command = ["g++", "-std=c++17", "-O1", "-w", "-fopenmp-simd", "-c", f"part{part}.cpp"]
        jobs.append(subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True))
    for job in jobs:
        assert job.communicate()[1] == "" and job.returncode == 0
    declared = "".join(f"int call{i}();\n" for i in range(len(units)))
    table = ", ".join(f"call{i}" for i in range(len(units)))
    driver = f"#include <cstdlib>\n{declared}int (*table[])() = {{{table}}};\n"
    (folder / "driver.cpp").write_text(driver + "int main(int, char** v) { return table[atoi(v[1])](); }\n")
    subprocess.run(["g++", "driver.cpp", "part0.o", "part1.o", "-o", "all"], cwd=folder, check=True)
    return folder / "all", index


def run(binary: Path, unit: int, text: str) -> str:
    done = subprocess.run(
        [binary, str(unit)], input=text, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, f"unit {unit} ended with {done.returncode} on {text!r}"
    return done.stdout


@needs_compiler
@pytest.mark.parametrize("case", (*cases("fires", "close"), *programs()), ids=name)
def test_prints_the_same(case: Case, binary: tuple[Path, dict[tuple[str, int], list[int]]]) -> None:
    path, index = binary
    old, *new = index[case.rule, case.number]
    assert case.inputs
    for text in case.inputs:
        expected = run(path, old, text)
        assert expected
        for candidate in new:
            got = run(path, candidate, text)
            if case.kind == "close":
                pairs = list(zip(expected.split(), got.split(), strict=True))
                assert all(math.isclose(float(a), float(b), rel_tol=1e-6) for a, b in pairs)
            else:
                assert got == expected


def test_a_named_function_is_the_only_place() -> None:
    """With a function named, nothing outside it changes, and whole-file rules (I/O) stay out."""
    body = "{ string s; for (int i = 0; i < 9; i++) s = s + 'x'; return s.size(); }"
    text = f"{PRELUDE}struct A {{ int g() {body} }};\nint f() {body}\nint main() {{ int n; cin >> n; cout << f() << endl; }}\n"
    (change,) = rewrites("string_append", text, "A::g")
    assert change.text.count("s += 'x'") == 1 and change.text.index("s += 'x'") < change.text.index("int f()")
    assert rewrites("string_append", text, "f")[0].text.index("s += 'x'") > text.index("int f()")
    for rule in ("fast_iostreams", "fast_reader", "buffered_output", "endl_newline"):
        assert rewrites(rule, text, "f") == []


def test_the_line_is_where_the_change_is() -> None:
    text = "#include <string>\nint main() {\n    std::string s;\n\n    s = s + 'x';\n}\n"
    assert [change.line for change in rewrites("string_append", text)] == [5]


@pytest.mark.parametrize("cut", range(40))
def test_torn_text_is_no_error(cut: int) -> None:
    """A rule meets any text: none raises, and none makes text that parses worse."""
    text = programs()[cut % len(programs())].text
    at = len(PRELUDE) + cut * (len(text) - len(PRELUDE)) // 40
    torn = text[:at] if cut % 2 else text[:at] + text[at + 7 :]
    for rule in RULES:
        assert all(parse(change.text).errors <= parse(torn).errors for change in rewrites(rule, torn))
