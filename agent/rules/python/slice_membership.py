"""`x in a[:i]` in a scan: a set of what came before."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions, walk_scope
from codeopt.agent.rules.pyloops import each, lengths
from codeopt.agent.rules.pymatch import match

SUMMARY = "`x in items[:i]` or `x in items[i+1:]` while scanning items: a set of the elements before, a Counter of those after"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Duplicate detection with a hash set"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        known = lengths(scope)
        for node in walk_scope(scope):
            scan = each(node, known) if isinstance(node, ast.For) else None
            if scan is None or not scan.index or scan.start != "0" or _continues(scan.loop):
                continue
            seq, i = ast.unparse(scan.seq), scan.index
            item = scan.item or f"{seq}[{i}]"
            tests = [n for n in ast.walk(scan.loop) if isinstance(n, ast.Compare) and len(n.ops) == 1
                     and isinstance(n.ops[0], ast.In | ast.NotIn)]  # fmt: skip
            before = [t.comparators[0] for t in tests if match(f"{seq}[:{i}]", t.comparators[0]) or match(f"{seq}[0:{i}]", t.comparators[0])]
            after = [t.comparators[0] for t in tests if match(f"{seq}[{i} + 1:]", t.comparators[0])]
            if before:
                edits = Edits(code.text)
                name = fresh_name(code.tree, "earlier")
                edits.before(scan.loop, f"{name} = set()")
                for use in before:
                    edits.replace(use, name)
                edits.after(scan.loop.body[-1], f"{name}.add({item})")
                yield Rewrite(edits.text(), "membership in the elements before: a set that grows", before[0].lineno)
            if after:
                edits = Edits(code.text)
                name = fresh_name(code.tree, "later")
                edits.before(scan.loop, f"{name} = Counter({seq})")
                edits.before(scan.loop.body[0], f"{name}[{item}] -= 1")
                for t in tests:
                    if t.comparators[0] in after:
                        sign = ">" if isinstance(t.ops[0], ast.In) else "=="
                        edits.replace(t, f"({name}[{ast.unparse(t.left)}] {sign} 0)")
                edits.add_import("from collections import Counter")
                yield Rewrite(edits.text(), "membership in the elements after: a Counter that shrinks", after[0].lineno)


def _continues(loop: ast.For) -> bool:
    return any(isinstance(n, ast.Continue) for n in ast.walk(loop))
