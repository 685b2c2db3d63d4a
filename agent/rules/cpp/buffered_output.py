"""All output to standard output through one buffer that is written with fwrite."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import word_set
from codeopt.agent.rules.cppedit import Edit, Source, call_args, find, header, parse, replace, rewrite

SUMMARY = "cout << and printf -> one output buffer with its own number formatting, written with fwrite"
EXPECTS = "4.6x measured on cout, 5.4x on printf, 3e6 integers"
SOURCE = "Common practice in competitive programming and among PIE's human pairs"

WRITER = """\
#include <cstdarg>
#include <cstdio>
#include <string>
#include <type_traits>
struct FastOut {
    static constexpr std::size_t kSize = 1 << 16;
    char buf[kSize];
    std::size_t at = 0;
    ~FastOut() { flush(); }
    void flush() {
        std::fwrite(buf, 1, at, stdout);
        std::fflush(stdout);
        at = 0;
    }
    void put(const char* s, std::size_t n) {
        if (n > kSize - at) flush();
        if (n > kSize) {
            std::fwrite(s, 1, n, stdout);
            return;
        }
        __builtin_memcpy(buf + at, s, n);
        at += n;
    }
    FastOut& operator<<(char c) {
        if (at == kSize) flush();
        buf[at++] = c;
        return *this;
    }
    FastOut& operator<<(const char* s) { return put(s, __builtin_strlen(s)), *this; }
    FastOut& operator<<(const std::string& s) { return put(s.data(), s.size()), *this; }
    template <class T, typename std::enable_if<std::is_integral<T>::value, int>::type = 0>
    FastOut& operator<<(T x) {
        char tmp[24];
        int i = 24;
        bool minus = x < T(0);
        unsigned long long v = minus ? 0 - (unsigned long long)x : (unsigned long long)x;
        do tmp[--i] = char('0' + v % 10), v /= 10;
        while (v);
        if (minus) tmp[--i] = '-';
        return put(tmp + i, std::size_t(24 - i)), *this;
    }
    template <class T, typename std::enable_if<std::is_floating_point<T>::value, int>::type = 0>
    FastOut& operator<<(T x) {
        char tmp[64];
        return put(tmp, std::size_t(std::snprintf(tmp, 64, "%Lg", (long double)x))), *this;
    }
    void print(const char* format, ...) {
        va_list list, again;
        va_start(list, format);
        va_copy(again, list);
        int n = std::vsnprintf(nullptr, 0, format, list);
        std::string s(std::size_t(n) + 1, 0);
        std::vsnprintf(&s[0], s.size(), format, again);
        put(s.data(), std::size_t(n));
        va_end(list);
        va_end(again);
    }
} static fast_out;
"""

_BLOCKERS = word_set(
    "fixed setprecision setw setfill hex oct dec boolalpha showpos left right scientific uppercase ostream iostream"
    " precision width fill fputs fputc putc fwrite stdout fast_out FastOut flush unitbuf ostream_iterator"
    " rdbuf abort _exit quick_exit _Exit fork freopen setf put_time defaultfloat ostreambuf_iterator noshowpoint fflush"
    " showpoint internal setbase put write putchar_unlocked signed_char uint8_t int8_t bitset"
)
_TYPED = {
    "d": "(int)",
    "i": "(int)",
    "ld": "(long)",
    "lld": "(long long)",
    "u": "(unsigned)",
    "lu": "(unsigned long)",
}
_TYPED |= {"llu": "(unsigned long long)", "c": "(char)", "s": "(const char*)"}


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    seen = src.words | src.macro_words
    if (
        code.function not in ("", "main")
        or {"cout", "printf", "puts", "putchar"} & src.macro_words
        or _BLOCKERS & seen
    ):
        return
    edits: list[Edit] = []
    first: Node | None = None
    for node in find(src.root, "identifier"):
        word = src[node]
        if word not in ("cout", "printf", "puts", "putchar", "endl") or (
            word == "endl" and "endl" in src.macro_names
        ):
            continue
        qualified = node.parent is not None and node.parent.type == "qualified_identifier"
        whole = node.parent if qualified and node.parent is not None else node
        if word == "endl":
            edits.append(replace(whole, "'\\n'"))
            continue
        edit = _stream(src, whole) if word == "cout" else _call(src, whole, word)
        if edit is None:
            return
        edits.append(edit)
        first = first or node
    if first is not None:
        yield from rewrite(src, [header(src, WRITER), *edits], "standard output through one buffer", first)


def _stream(src: Source, whole: Node) -> Edit | None:
    rest = src.data[whole.end_byte : whole.end_byte + 40].decode(errors="replace").lstrip()
    if rest.startswith("<<"):
        return replace(whole, "fast_out")
    call = whole.parent.parent if whole.parent is not None else None
    if call is not None and call.type == "call_expression" and re.match(r"\.\s*tie\b", rest):
        return replace(call, "(void)0")
    return None


def _call(src: Source, whole: Node, word: str) -> Edit | None:
    call = whole.parent
    if call is None or call.type != "call_expression" or call.parent is None:
        return None
    if call.parent.type not in ("expression_statement", "comma_expression", "conditional_expression"):
        return None
    args = call_args(call)
    if not args:
        return None
    if word != "printf":
        plain = call.parent.type == "expression_statement"
        text = f"(const char*)({src[args[0]]}) << '\\n'" if word == "puts" else f"(char)({src[args[0]]})"
        return replace(call, f"fast_out << {text}") if plain else None
    chain = _chain(src, args)
    if chain and call.parent.type == "expression_statement":
        return replace(call, chain)
    return replace(whole, "fast_out.print")


def _chain(src: Source, args: list[Node]) -> str:
    """`<<` forms of a printf with plain conversions only, "" for any other."""
    if args[0].type != "string_literal":
        return ""
    pieces = re.split(r"%(lld|llu|ld|lu|[diucs])", src[args[0]][1:-1])
    if any("%" in text for text in pieces[::2]) or len(pieces[1::2]) != len(args) - 1:
        return ""
    out = ["fast_out"]
    for i, text in enumerate(pieces[::2]):
        if text:
            out.append(f"'{text}'" if re.fullmatch(r"\\n|[ ,:]", text) else f'"{text}"')
        if i < len(args) - 1:
            out.append(f"{_TYPED[pieces[2 * i + 1]]}({src[args[i + 1]]})")
    return " << ".join(out) if len(out) > 1 else ""
