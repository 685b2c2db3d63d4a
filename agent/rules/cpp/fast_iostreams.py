"""`ios::sync_with_stdio(false); cin.tie(nullptr);` at the start of main."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import word_set
from codeopt.agent.rules.cppedit import Edit, functions, parse, rewrite

SUMMARY = "cin and cout freed from C's stdio: sync_with_stdio(false), cin.tie(nullptr)"
EXPECTS = "4.6x measured on 2e6 integers read with cin"
SOURCE = "cppreference, std::ios_base::sync_with_stdio; common practice among PIE's human pairs"

_STDIO = word_set(
    "scanf printf puts putchar getchar gets fgets fputs fread fwrite getc putc ungetc stdin stdout fscanf fprintf"
)


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    main = next((f for f in functions(src) if f.name == "main"), None)
    if (
        main is None
        or code.function not in ("", "main")
        or not {"cin", "cout"} & (src.words | src.macro_words)
    ):
        return
    own_reader = {"fread", "stdin"} if "fast_in" in src.words else set()
    if ((_STDIO - own_reader) | {"sync_with_stdio"}) & (src.words | src.macro_words):
        return
    at = main.body.start_byte + 1
    text = "\n    std::ios::sync_with_stdio(false);\n    std::cin.tie(nullptr);"
    if src.data[at : at + 1] not in (b"\n", b"\r"):
        text += "\n   "
    yield from rewrite(src, [Edit(at, at, text)], "iostreams no longer synchronised with stdio", main.node)
