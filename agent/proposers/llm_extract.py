"""Finding the code in a model's answer, however it is wrapped."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

import tree_sitter_cpp
from tree_sitter import Language, Parser, Tree

CPP = Language(tree_sitter_cpp.language())

_THINK = re.compile(r"<(think|thinking|reasoning|thought)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_THINK_END = re.compile(r"^.*</(?:think|thinking|reasoning|thought)>", re.DOTALL | re.IGNORECASE)
_THINK_OPEN = re.compile(r"^\s*<(?:think|thinking|reasoning|thought)>.*", re.DOTALL | re.IGNORECASE)
_PATCH = re.compile(
    r"^[ \t]*<{5,9} ?SEARCH[^\n]*\n(?P<old>.*?)^[ \t]*={5,9}[ \t]*\n(?P<new>.*?)^[ \t]*>{5,9}(?: ?REPLACE)?[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<rest>[^\n]*)$")
_LANGUAGES = {
    "python": {"", "python", "py", "python3", "py3"},
    "cpp": {"", "cpp", "c++", "c", "cc", "cxx", "h", "hpp"},
}


class EditError(Exception):
    """The answer cannot be made into an edit; the message tells the model why."""


@dataclass(frozen=True)
class Patch:
    """Replace the text `old`, which occurs once, by `new`."""

    old: str
    new: str


@dataclass(frozen=True)
class Answer:
    """What an answer holds: either patches or code.

    Attributes:
        patches: SEARCH/REPLACE blocks in order.
        code: A function, some functions, or a whole file.
    """

    patches: tuple[Patch, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class _Block:
    language: str
    text: str
    closed: bool


def extract(answer: str, language: str, function: str = "", finish: str = "") -> Answer:
    """The edit in a model's answer.

    Reasoning tags and prose are left out. Of several blocks of code the last one that defines `function` counts, else
    the longest one that parses. An answer without any fence counts when it is code as it stands.

    Args:
        answer: What the model wrote.
        language: "python" or "cpp".
        function: Qualified name of the function in question; "" for a whole file.
        finish: Why the model stopped; "length" and "time" explain a block that was cut off.

    Raises:
        EditError: There is no usable code in it.
    """
    text = _without_reasoning(answer.replace("\r\n", "\n"))
    patches = tuple(Patch(match["old"], match["new"]) for match in _PATCH.finditer(text))
    if patches:
        return Answer(patches=patches)
    blocks = [block for block in _blocks(text) if block.language in _LANGUAGES[language] and block.text.strip()]
    cut = finish in ("length", "time")
    usable = [block for block in blocks if parses(block.text, language) and (block.closed or not cut)]
    named = [block for block in usable if function and defines(block.text, language, function)]
    if named:
        return Answer(code=named[-1].text)
    if usable:
        return Answer(code=max(usable, key=lambda block: len(block.text)).text)
    if cut:
        raise EditError("your answer was cut off before its end; answer shorter, with the changed function only")
    if any(not block.closed for block in blocks):
        raise EditError("the code block of your answer has no end")
    if blocks:
        raise EditError(f"the code does not parse: {_syntax_error(blocks[-1].text, language)}")
    if parses(text, language) and _is_code(text, language):
        return Answer(code=text)
    raise EditError("there is no code block in your answer")


def parses(code: str, language: str) -> bool:
    """Whether `code` has the form of the language."""
    return not _syntax_error(code, language)


def parse_python(code: str) -> ast.Module:
    """The syntax tree of code that nobody trusts.

    Raises:
        EditError: It does not parse.
    """
    try:
        return ast.parse(code)
    except SyntaxError as error:
        raise EditError(f"line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise EditError(f"it cannot be parsed ({type(error).__name__})") from None


def parse_cpp(code: str) -> Tree:
    """The syntax tree of C++ text; it may hold ERROR nodes."""
    return Parser(CPP).parse(code.encode("utf-8", "surrogatepass"))


def defines(code: str, language: str, function: str) -> bool:
    """Whether `code` defines a function with the last part of that name."""
    last = re.split(r"\.|::", function)[-1]
    if language == "cpp":
        return re.search(rf"\b{re.escape(last)}\s*\(", code) is not None
    return re.search(rf"^\s*(?:async\s+)?def\s+{re.escape(last)}\b", code, re.MULTILINE) is not None


def dedented(code: str) -> str:
    """Python text without the indentation of its first line, where all of it has that indentation."""
    lines = code.strip("\n").split("\n")
    first = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    if first and all(line.startswith(first) or not line.strip() for line in lines):
        lines = [line[len(first) :] if line.strip() else "" for line in lines]
    return "\n".join(lines) + "\n"


def _without_reasoning(text: str) -> str:
    text = _THINK.sub("", text)
    text = _THINK_END.sub("", text)
    return _THINK_OPEN.sub("", text)


def _blocks(text: str) -> list[_Block]:
    """Fenced blocks. A fence inside code (a docstring with Markdown) ends a block only if what it leaves parses."""
    lines = text.split("\n")
    found: list[_Block] = []
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if not opening or "`" in opening["rest"]:
            at += 1
            continue
        ends = [i for i in range(at + 1, len(lines)) if _closes(lines[i], opening["mark"])]
        label = opening["rest"].strip().split(" ")[0].strip("{}.").lower()
        bodies = ["\n".join(lines[at + 1 : end]) + "\n" for end in ends]
        end, body = (ends[0], bodies[0]) if ends else (len(lines), "\n".join(lines[at + 1 :]) + "\n")
        if ends and label in _LANGUAGES["python"] and not parses(body, "python"):
            for later, longer in zip(ends[1:4], bodies[1:4]):
                if parses(longer, "python"):
                    end, body = later, longer
                    break
        found.append(_Block(label, body, bool(ends)))
        at = end + 1
    return found


def _closes(line: str, mark: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(mark) and set(stripped) == {mark[0]}


def _syntax_error(code: str, language: str) -> str:
    """Why `code` does not parse; "" when it does."""
    if language == "cpp":
        root = parse_cpp(code).root_node
        if not root.has_error:
            return ""
        # Macros can confuse the grammar: only unbalanced braces, the mark of cut-off code, are held against C++.
        bare = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', "", code, flags=re.DOTALL)
        balanced = bare.count("{") == bare.count("}") and "{" in bare
        return "" if balanced else "the braces are not balanced"
    try:
        parse_python(dedented(code))
    except EditError as error:
        return str(error)
    return ""


def _is_code(text: str, language: str) -> bool:
    """Whether bare text is code rather than words that happen to parse."""
    if language == "cpp":
        return any(node.type == "function_definition" for node in parse_cpp(text).root_node.children)
    body = parse_python(dedented(text)).body
    return any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import)) for node in body)
