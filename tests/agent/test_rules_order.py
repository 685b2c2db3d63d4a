"""In which order rules are tried: the largest possible gain of the whole program first (Amdahl's bound)."""

from __future__ import annotations

import pytest

from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.rules import code_of
from codeopt.agent.rules.base import Code
from codeopt.agent.rules.catalogue import MOST, expected_factor, guessed_heat, propose
from codeopt.types import Candidate, Profile, ProfileRow, Proposal

TWO_LOOPS = """def f(xs, ys):
    seen = []
    for x in xs:
        if x not in seen:
            seen.append(x)
    total = 0
    for y in ys:
        total += y ** 2 + y ** 2
    return seen, total
"""
CPP = """#include <iostream>
#include <string>
std::string join(int n) {
    std::string text;
    for (int i = 0; i < n; i++) {
        text = text + "x";
    }
    return text;
}
int main() {
    int n;
    std::cin >> n;
    std::cout << join(n) << std::endl;
}
"""


@pytest.mark.parametrize(
    ("expects", "factor"),
    [
        ("O(n^2) -> O(n)", MOST),
        ("2x measured on max(xs); O(n^2) -> O(n) for sums", MOST),
        ("exponential -> O(n)", MOST),
        ("1.2x measured on an edit distance; O(n*m) -> O(m) memory", 1.2),
        ("1.4-2.4x on grouping", 2.4),
        ("100x measured", MOST),
        ("1.0x measured on streaming loops", 1.05),
    ],
)
def test_a_claim_is_one_number(expects: str, factor: float) -> None:
    assert expected_factor(expects) == factor


def test_a_claim_without_a_number_is_a_small_one() -> None:
    assert 1.0 < expected_factor("the part of the scan after the first match") < 1.5


def rules(code: Code) -> list[str]:
    return [name for name, _ in propose(code)]


def test_without_a_profile_a_better_order_of_growth_goes_first() -> None:
    assert rules(Code(TWO_LOOPS))[0] == "seen_list"


def test_what_takes_no_time_goes_last_whatever_it_promises() -> None:
    order = rules(Code(TWO_LOOPS, hot={8: 0.97, 7: 0.02, 4: 0.01}))
    assert order.index("power_forms") < order.index("seen_list")


def test_a_loop_is_as_hot_as_its_body() -> None:
    order = rules(Code(TWO_LOOPS, hot={4: 0.5, 5: 0.4, 8: 0.1}))
    assert order[0] == "seen_list"


def test_time_in_inlined_library_code_counts_for_the_lines_of_its_function() -> None:
    rows = (
        ProfileRow(file="a.cpp", line=0, function="join[abi:cxx11]", share=0.9),
        ProfileRow(file="a.cpp", line=13, function="main", share=0.1),
    )
    parent = Candidate(id="c0", parent="", proposal=Proposal(source=CPP, proposer="", note=""))
    context = ProposeContext(
        parent=parent, source=CPP, language="cpp", file_name="a.cpp", profile=Profile(tool="callgrind", seconds=1, rows=rows)
    )
    code = code_of(context)
    assert code.hot[6] == pytest.approx(0.9) and code.hot[13] == pytest.approx(0.1) and 12 not in code.hot
    assert rules(code)[0] == "string_append"


KERNEL = """#include <iostream>
#include <vector>
typedef std::vector<std::vector<double>> Matrix;
Matrix multiply(Matrix a, Matrix b) {
    int n = a.size();
    Matrix c(n, std::vector<double>(n, 0.0));
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < n; k++) {
                c[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    return c;
}
int main() {
    int n;
    std::cin >> n;
    Matrix m(n, std::vector<double>(n, 1.0));
    std::cout << multiply(m, m)[0][0] << std::endl;
}
"""


def test_without_a_profile_the_deepest_loops_are_taken_for_hot() -> None:
    assert rules(Code(KERNEL, language="cpp"))[0] == "matmul_order"
    assert rules(Code(CPP, language="cpp"))[0] == "string_append"


def test_the_guess_adds_up_and_grows_with_every_loop() -> None:
    heat = guessed_heat(KERNEL)
    assert sum(heat.values()) == pytest.approx(1)
    assert heat[10] == pytest.approx(10 * heat[9]) == pytest.approx(1000 * heat[5])
