"""Several rewrites as one: rules applied one after the other, each where it applied before."""

from __future__ import annotations

from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.agent.proposers.rules import create
from codeopt.types import Candidate, Proposal

SOURCE = """import math


def energy(xs, scale):
    total = 0.0
    seen = []
    for x in xs:
        if x not in seen:
            seen.append(x)
            total += (x ** 2 + scale ** 2) ** 0.5 * (4 * math.pi ** 2)
    return total
"""


def context(source: str, language: str = "python") -> ProposeContext:
    parent = Candidate(id="c0", parent="", proposal=Proposal(source=source, proposer="", note=""))
    return ProposeContext(parent=parent, source=source, language=language)


def proposals(source: str, *rules: str, language: str = "python") -> list[Proposal]:
    found = list(create(ProposerSettings()).propose(context(source, language)))
    return [next(item for item in found if item.rule == rule) for rule in rules]


def test_rules_that_change_the_same_line_both_apply() -> None:
    powers, hoisted, seen = proposals(SOURCE, "power_forms", "hoist_invariant", "seen_list")
    both = create(ProposerSettings()).combine(context(SOURCE), [hoisted, powers, seen])
    assert both is not None and both.rule == "hoist_invariant+power_forms+seen_list"
    assert "x * x" in both.source and "4 * math.pi ** 2" not in both.source.split("for x in xs")[1]
    assert "seen_set" in both.source and both.note.count(";") >= 2
    values: dict[str, object] = {}
    before: dict[str, object] = {}
    exec(both.source, values)
    exec(SOURCE, before)
    args = ([1.0, 2.0, 2.0, 5.5], 0.5)
    assert abs(values["energy"](*args) - before["energy"](*args)) < 1e-9  # type: ignore[operator]


def test_one_rewrite_alone_is_no_combination() -> None:
    (powers,) = proposals(SOURCE, "power_forms")
    assert create(ProposerSettings()).combine(context(SOURCE), [powers, powers]) is None


def test_what_no_longer_applies_is_left_out() -> None:
    powers, seen = proposals(SOURCE, "power_forms", "seen_list")
    gone = powers.model_copy(update={"rule": "prefix_sums", "note": "line 3: sums of slices"})
    both = create(ProposerSettings()).combine(context(SOURCE), [gone, powers, seen])
    assert both is not None and both.rule == "power_forms+seen_list"


def test_flags_of_compilers_add_up() -> None:
    source = (
        "#include <iostream>\n#include <vector>\nint main() {\n    int n;\n    std::cin >> n;\n"
        "    for (int i = 0; i < n; i++) {\n        std::cout << i << std::endl;\n    }\n    return 0;\n}\n"
    )
    flags, endl = proposals(source, "compiler_flags", "endl_newline", language="cpp")
    both = create(ProposerSettings()).combine(context(source, "cpp"), [flags, endl])
    assert both is not None and both.flags == flags.flags and "endl" not in both.source
