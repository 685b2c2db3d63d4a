"""Programs as tokens, fast: by one regular expression a language, with no parser. For duplicates and decontamination.

Two views. The *normal form*: comments, layout, docstrings, annotations of signatures and the style of quotes are gone;
names of the program's own are numbered in the order in which they come; everything else (keywords, built-ins, imported
and standard names, attributes, literals) stands as it is. Blocks are kept, so a line that leaves a loop makes another
program. And *shingles*: hashes of every five tokens in a row, all own names alike, so that one more variable does not
change what follows it.

This is a lexer's idea of a program: a member that is renamed makes another normal form, and in C++ any name that is not a
well-known one of its libraries counts as the program's own.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
SHINGLE = 5
"""Tokens in a row."""
OPEN, CLOSE = "⇥", "⇤"
"""Tokens that stand for the begin and the end of a Python block."""
LEFT_OUT = frozenset("(),")
"""Tokens that shingles leave out: formatters add and drop them."""
OWN = "⋄"
"""Any name of the program's own, in a shingle."""

# What is not ended reaches to the end of the text: each character is looked at once, whatever the text is.
_PYTHON = re.compile(
    r"""
    [ ]*+(\n[ \t\f]*+(?![ \t\f\r\n\#])
    | [^\W\d]\w*+(?!["'])
    | [][(){},:+*=-](?![=>:*]) | \.(?![.\d])
    | [rRbBuUfF]{0,2}(?:\"{3}(?:[^"\\]|\\.|"(?!""))*+(?:\"{3}|\Z) | '{3}(?:[^'\\]|\\.|'(?!''))*+(?:'{3}|\Z)
                      | "(?:[^"\\\n]|\\.)*+"? | '(?:[^'\\\n]|\\.)*+'?)
    | 0[xXbBoO][\da-fA-F_]++ | (?:\d[\d_]*+\.?[\d_]*+|\.\d[\d_]*+)(?:[eE][+-]?\d++)?[jJ]?
    | \*\*=? | //=? | >>=? | <<=? | \.\.\. | -> | := | [-+*/%@&|^=<>!]= | \#[^\n]*+ | [^\s\\])
    """,
    re.VERBOSE | re.DOTALL,
)
_C = re.compile(
    r"""
      //[^\n]*+ | /\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)
    | ^[ \t]*+\#(?:[^\n\\/]|\\\r?\n|\\|/(?![/*]))*+
    | (?:u8|[uUL])?R"([^\s()\\"]{0,16})\((?:[^)]|\)(?!\1"))*+(?:\)\1"|\Z)
    | (?:u8|[uUL])?(?:"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?)
    | [^\W\d]\w*+
    | \.?\d(?:[eEpP][+-]|[\w.']|)*+
    | <<=? | >>=? | <=> | -> | :: | \+\+ | -- | && | \|\| | [-+*/%&|^=<>!]= | [^\s\\]
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_WORDS = re.compile(r"[^\W_]+")
_QUOTES = "\"'"
_PREFIXED = re.compile(r"[rRbBuUfF]{1,2}[\"']")
_BLOCKS = frozenset(("if", "elif", "else", "for", "while", "def", "class", "with", "try", "except", "finally", "async", "match", "case"))
_PYTHON_KNOWN = frozenset((*keyword.kwlist, *dir(builtins), "self", "cls", "__name__", "match", "case"))
_PYTHON_PLAIN = frozenset((*_PYTHON_KNOWN, *(".", ",", "=", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "//", "%", "**", "+=", "-=", "*=", "&", "|"))) - {"def", "async"}
_SHADOWED = frozenset(dir(builtins)) - set(keyword.kwlist)
_LEADS = frozenset(("return", "=", "if", "elif", "while", "in"))
"""What stands before an expression that need not be in parentheses."""
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_C_KNOWN = frozenset(
    """alignas alignof and asm auto bool break case catch char char8_t char16_t char32_t class concept const consteval constexpr
    constinit const_cast continue co_await co_return co_yield decltype default delete do double dynamic_cast else enum explicit
    export extern false float for friend goto if inline int long mutable namespace new noexcept not nullptr operator or private
    protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast
    struct switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor size_t ssize_t ptrdiff_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t
    std main NULL EOF string wstring string_view vector array deque list forward_list map multimap set multiset unordered_map
    unordered_set unordered_multimap unordered_multiset stack queue priority_queue pair tuple bitset optional variant any
    function unique_ptr shared_ptr weak_ptr make_unique make_shared make_pair make_tuple tie get move forward swap begin end
    rbegin rend cbegin cend next prev advance distance iterator istream ostream iostream cin cout cerr clog endl flush ws
    getline ios ios_base sync_with_stdio setprecision fixed setw setfill hex dec oct boolalpha ifstream ofstream fstream
    stringstream istringstream ostringstream sort stable_sort partial_sort nth_element is_sorted lower_bound upper_bound
    equal_range binary_search find find_if count count_if accumulate reduce inner_product partial_sum iota max min minmax
    max_element min_element minmax_element reverse rotate unique remove remove_if replace transform copy copy_n copy_if fill
    fill_n generate for_each all_of any_of none_of merge next_permutation prev_permutation shuffle random_shuffle gcd lcm
    __gcd abs fabs labs llabs sqrt cbrt pow exp exp2 log log2 log10 floor ceil round trunc fmod hypot sin cos tan asin acos
    atan atan2 sinh cosh tanh isnan isinf greater less greater_equal less_equal plus minus multiplies hash numeric_limits
    initializer_list back_inserter to_string stoi stol stoll stod stof strlen strcmp strncmp strcpy strncpy strcat strchr strstr
    strtok memset memcpy memmove memcmp malloc calloc realloc free exit abort assert printf scanf fprintf fscanf sprintf
    snprintf sscanf puts gets fgets fputs putchar getchar getchar_unlocked putchar_unlocked fread fwrite fopen fclose stdin
    stdout stderr FILE atoi atol atoll atof strtol strtoll strtod qsort bsearch rand srand time clock isdigit isalpha isalnum
    isspace isupper islower toupper tolower INT_MAX INT_MIN LONG_MAX LLONG_MAX LLONG_MIN DBL_MAX FLT_MAX M_PI exception
    runtime_error invalid_argument out_of_range chrono thread mutex lock_guard atomic mt19937 mt19937_64
    uniform_int_distribution complex valarray span ranges views threadIdx blockIdx blockDim gridDim warpSize dim3 float2
    float4 int2 int4 half half2 rsqrtf sqrtf expf logf fmaxf fminf fmaf atomicAdd atomicMax atomicMin atomicCAS""".split()  # noqa: SIM905
)
_C_KNOWN_PREFIXES = ("__", "cuda", "cublas", "omp_", "MPI_", "_mm")


class Lexed(NamedTuple):
    """A program's tokens.

    Attributes:
        tokens: Of its normal form: own names are `OWN` and a number.
        starts: Where each top-level definition begins and ends in `tokens`: (begin, end); Python only.
        imports: How many tokens of `import` lines there are, at the top level, before anything else.
    """

    tokens: list[str]
    starts: list[tuple[int, int]]
    imports: int


def lex(text: str, language: str) -> Lexed:
    """Tokens of a program's normal form; any text is lexed, in time that grows with its length alone.

    Args:
        language: "python" (and "triton"); everything else is read as C++.
    """
    return _lex_python(text) if language in ("python", "triton") else _lex_c(text)


def normalised(text: str, language: str) -> str:
    """The normal form: two programs that differ in own names, comments and layout only have the same."""
    return " ".join(lex(text, language).tokens)


def hash_of(tokens: Iterable[str]) -> int:
    """64 bits of a normal form's BLAKE2b."""
    text = "\0".join(tokens).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def problem_of(text: str, language: str) -> str:
    """An id for a program that came without one: 16 hex digits of its normal form's hash."""
    return f"{hash_of(lex(text, language).tokens):016x}"


def shingles(tokens: Sequence[str]) -> frozenset[int]:
    """64-bit hashes of every `SHINGLE` tokens in a row, own names all alike, parentheses and commas left out."""
    return frozenset(rolling([token for token in tokens if token not in LEFT_OUT], SHINGLE).tolist())


def words(text: str) -> list[str]:
    """The words of a text, small, as they stand: of names, numbers, comments and docstrings alike."""
    return _WORDS.findall(text.lower())


def rolling(tokens: Sequence[str], size: int) -> Hashes:
    """A hash of every `size` tokens in a row, in their order; one of all where there are fewer, none of nothing."""
    values = np.fromiter(map(_token_hash, tokens), np.uint64, len(tokens))
    size = min(size, len(tokens))
    windows = np.ndarray((len(values) - size + 1 if size else 0, size), np.uint64, values, strides=(8, 8))
    return windows.dot(_FACTORS[:size])


_FACTORS = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(1, 33)], np.uint64)


@lru_cache(1 << 17)
def _token_hash(token: str) -> int:
    token = OWN if token[0] == OWN else token
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _lex_python(text: str) -> Lexed:
    found = _PYTHON.findall("\n" + text)
    found.append("\n")
    out: list[str] = []
    put = out.append  # looked up once: the loop below is most of what a filter costs
    numbers: dict[str, str] = {}
    fixed = set[str]()
    indents = [0]
    starts: list[tuple[int, int]] = []
    top = -1  # where the top-level definition that is open began
    imports = depth = 0
    wrapped = -1  # where a parenthesis that may be too much is
    first = before = ""  # of the line; of the token
    header = inline = skip = False
    for at, token in enumerate(found):
        if not header and (token in numbers if before != "." else token in _PYTHON_PLAIN):
            put(numbers[token] if before != "." else token)
            first, before = first or token, token
            continue
        if not header and token in _PYTHON_PLAIN and (found[at + 1] != "=" or token not in _SHADOWED):
            put(token)
            first, before = first or token, token
            continue
        if token[0] == "\n":
            if depth > 0 and at < len(found) - 1:
                continue
            if inline and before != ":":
                put(CLOSE)
            inline = header = skip = False
            width = len(token.expandtabs()) - 1
            if before == ":" and width > indents[-1]:
                indents.append(width)
            while width < indents[-1]:
                indents.pop()
                put(CLOSE)
            if not width:
                if first in ("import", "from") and top < 0 and not starts:
                    imports = len(out)
                following = found[at + 1] if at + 1 < len(found) else ""
                if top >= 0 and following not in ("else", "elif", "except", "finally"):
                    starts.append((top, len(out)))
                    top = -1
                if following in ("def", "class", "async", "@"):
                    top = len(out)
            depth, wrapped, first, before = 0, -1, "", "\n"
            continue
        head = token[0]
        if head == "#" or token == ";":
            continue
        if not first:
            first = token
            header = token in ("def", "async")
        if head in _BRACKETS:
            if depth == 0 and head == "(" and before in _LEADS:
                wrapped = len(out)
            depth += _BRACKETS[head]
            if depth == 0 and wrapped >= 0:
                if found[at + 1][0] in "\n:;#" and wrapped < len(out) - 1:
                    del out[wrapped]
                    before, wrapped = token, -1
                    continue
                wrapped = -1
        if header and depth <= 1:  # annotations
            if skip and ((depth == 1 and token in (",", "=")) or (depth == 0 and token in (":", ")"))):
                skip = False
            elif (depth == 0 and token == "->") or (depth == 1 and token == ":"):
                skip = True
        if skip:
            before = token
            continue
        if head in _QUOTES or (token[-1] in _QUOTES and _PREFIXED.match(token)):
            if first is token and before == "\n" and found[at + 1][0] in "\n#":
                continue  # a docstring, or a text that is nobody's
            token = _unquoted(token)
        elif "." in token and len(token) > 1 and token != "...":
            token = f"0{token}" if head == "." else f"{token}0" if token[-1] == "." else token
        elif token.isidentifier():
            if before == "." or token in fixed:
                pass
            elif token in _SHADOWED and ((header and depth == 1 and before in ("(", ",", "*", "**")) or (depth <= 0 and found[at + 1] == "=")):
                token = numbers.setdefault(token, f"{OWN}{len(numbers)}")  # from here on it is no built-in
            elif token not in _PYTHON_KNOWN:
                if first in ("import", "from") and before != "as":
                    fixed.add(token)
                elif token in numbers:
                    token = numbers[token]
                elif header or depth <= 0 or found[at + 1] != "=":  # else the name of some function's argument
                    token = numbers.setdefault(token, f"{OWN}{len(numbers)}")
        elif head == ":" and depth == 0 and first in _BLOCKS and not inline:
            put(OPEN)
            inline = True
            before = ":"
            continue
        put(token)
        before = token
    return Lexed(out, starts, imports)


def _unquoted(token: str) -> str:
    """A text in one style of quotes."""
    prefix = token[: len(token) - len(token.lstrip("rRbBuUfF"))].lower()
    body = token[len(prefix) :]
    for quotes in ('"""', "'''", '"', "'"):
        if body.startswith(quotes):
            body = body[len(quotes) :].removesuffix(quotes)
            break
    if "r" in prefix:
        body = body.replace("\\", "\\\\")
    return f'{prefix.strip("ru")}"{body}"'


def _lex_c(text: str) -> Lexed:
    out: list[str] = []
    numbers: dict[str, str] = {}
    found = [match[0] for match in _C.finditer(text)]
    before = ""
    for at, token in enumerate(found):
        head = token[0]
        if head == "/" and token[1:2] in ("/", "*"):
            continue
        if head.isalpha() or head == "_":
            if token in numbers and before not in (".", "->", "::"):
                token = numbers[token]
            elif (
                token.isidentifier()
                and token not in _C_KNOWN
                and before not in (".", "->", "::")
                and found[(at + 1) % len(found)] != "::"
                and not token.startswith(_C_KNOWN_PREFIXES)
            ):
                token = numbers.setdefault(token, f"{OWN}{len(numbers)}")
        elif head in "# \t":
            token = " ".join(token.split())
        out.append(token)
        before = token
    return Lexed(out, [], 0)
