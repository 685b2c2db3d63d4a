"""Loops that count or shift bits one by one -> __builtin_popcountll."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import INTEGERS, lookup
from codeopt.agent.rules.cppedit import bare, find, parse, replace, rewrite, roots, squeeze, statements

SUMMARY = "while (n) { count += n & 1; n >>= 1; } -> __builtin_popcountll"
EXPECTS = "5.2x measured"
SOURCE = "Warren, Hacker's Delight, ch. 5; GCC manual, __builtin_popcountll"

_COUNT = (
    r"(?P<c>\w+)\+=\(?(?P<n>\w+)(?:&1|%2)\)?;",
    r"if\(\(?(?P<n>\w+)(?:&1|%2)\)?(?:==1|!=0)?\)\{?(?:(?P<c>\w+)\+\+|\+\+(?P<c2>\w+)|(?P<c3>\w+)\+=1);\}?",
)
_SHIFT = r"(?P<n>\w+)(?:>>=1|/=2|=(?P=n)>>1|=(?P=n)/2);"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for loop in find(roots(src, code), "while_statement"):
        body, test = statements(loop.child_by_field_name("body")), bare(loop.child_by_field_name("condition"))
        if len(body) != 2 or test is None:
            continue
        name = re.sub(r"(?:>0|!=0)$", "", squeeze(src[test]))
        count = next((m for p in _COUNT if (m := re.fullmatch(p, squeeze(src[body[0]])))), None)
        step = re.fullmatch(_SHIFT, squeeze(src[body[1]]))
        if count is None or step is None or {name, count["n"], step["n"]} != {name}:
            continue
        v = next((lookup(src, n) for n in find(test, "identifier") if src[n] == name), None)
        if v is None or v.type not in INTEGERS or not v.plain:
            continue
        counter = next(g for k, g in count.groupdict().items() if k.startswith("c") and g)
        signed = v.type not in ("unsigned", "size_t") and not v.type.startswith(("u", "bool"))
        guard = f"if ({name} > 0) " if signed else ""
        new = f"{guard}{{ {counter} += __builtin_popcountll((unsigned long long){name}); {name} = 0; }}"
        yield from rewrite(src, [replace(loop, new)], f"bits of {name} -> popcount", loop)
