"""istringstream over a line -> a small parser over its characters."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import uses
from codeopt.agent.rules.cpp._facts import Variable, type_of, variables
from codeopt.agent.rules.cppedit import Edit, Source, header, inside, named, parse, replace, rewrite, roots

SUMMARY = "stringstream that splits a line into words and numbers -> a parser over its characters"
EXPECTS = "2.2x measured with reading, on 2e5 short lines"
SOURCE = "Constructing a stringstream costs a locale and allocations (Agner Fog, ch. 9); cppreference, strtod"

PARSER = """\
#include <cstdlib>
#include <string>
#include <type_traits>
struct WordParser {
    std::string text;
    const char* at;
    bool ok = true;
    explicit WordParser(const std::string& s) : text(s), at(text.c_str()) {}
    explicit operator bool() const { return ok; }
    bool skip() {
        while (*at == ' ' || (*at >= 9 && *at <= 13)) ++at;
        return ok = ok && *at != 0;
    }
    template <class T, typename std::enable_if<std::is_arithmetic<T>::value, int>::type = 0>
    WordParser& operator>>(T& x) {
        if (!ok || !skip()) return *this;
        char* end;
        if (std::is_floating_point<T>::value)
            x = (T)std::strtod(at, &end);
        else
            x = (T)std::strtoll(at, &end, 10);
        ok = end != at;
        at = end;
        return *this;
    }
    WordParser& operator>>(char& c) {
        if (ok && skip()) c = *at++;
        return *this;
    }
    WordParser& operator>>(std::string& s) {
        if (!ok || !skip()) return *this;
        const char* start = at;
        while (*at && *at != ' ' && !(*at >= 9 && *at <= 13)) ++at;
        s.assign(start, at);
        return *this;
    }
    WordParser& line(std::string& s, char end) {
        if (*at == 0) ok = false;
        if (!ok) return *this;
        const char* start = at;
        while (*at && *at != end) ++at;
        s.assign(start, at);
        if (*at) ++at;
        return *this;
    }
};
"""


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    edits: list[Edit] = []
    first: Node | None = None
    for v in [v for same in variables(src).values() for v in same]:
        if v.type not in ("stringstream", "istringstream") or not v.plain or not v.alone or v.init is None:
            continue
        kind = v.node.child_by_field_name("type")
        source = (
            named(v.init)[0]
            if v.init.type in ("argument_list", "parameter_list") and len(named(v.init)) == 1
            else None
        )
        if kind is None or source is None or not any(inside(v.node, r) for r in where):
            continue
        own = [_use(src, v, u) for u in uses(src, v)]
        if own and all(e is not None for e in own) and type_of(src, source) in ("string", ""):
            edits += [replace(kind, "WordParser"), *(e for e in own if e is not None and e.text)]
            first = first or v.node
    if edits and "WordParser" not in src.words:
        yield from rewrite(
            src, [header(src, PARSER), *edits], "stringstream -> parser over characters", first
        )


def _use(src: Source, v: Variable, use: Node) -> Edit | None:
    """The edit for one use (an empty one where it stays); None where the stream does more than `>>` and getline."""
    rest = src.data[use.end_byte : use.end_byte + 40].decode(errors="replace").lstrip()
    if rest.startswith(">>"):
        return Edit(use.start_byte, use.start_byte, "")
    args = use.parent
    call = args.parent if args is not None else None
    if (
        args is None
        or call is None
        or args.type != "argument_list"
        or src.get(call, "function") not in ("getline", "std::getline")
    ):
        return None
    kids = named(args)
    if kids[0] != use or len(kids) not in (2, 3):
        return None
    end = src[kids[2]] if len(kids) == 3 else "'\\n'"
    return replace(call, f"{v.name}.line({src[kids[1]]}, {end})")
