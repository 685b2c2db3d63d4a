"""What a candidate would be able to do that the original never does: network, processes, files, environment.

The sandbox keeps a candidate from doing harm while it is judged; what a person then puts in the place of their file
runs without one. A change that is only faster needs no new power over the machine, so one that brings any is refused.
This is a screen over names, against a model that follows a sentence in the file; it is no proof against code that
hides what it does, which the sandbox holds while it is judged and the person who reads the diff afterwards.
"""

from __future__ import annotations

import ast
import re

NETWORK, PROCESSES, FILES, ENVIRONMENT, CODE = (
    "the network",
    "other processes",
    "files",
    "the environment",
    "code made at run time",
)
_MODULES = {
    **dict.fromkeys(
        ("socket", "ssl", "http", "urllib", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "socketserver"),
        NETWORK,
    ),
    **dict.fromkeys(("requests", "httpx", "aiohttp", "urllib3", "websockets", "paramiko", "webbrowser"), NETWORK),
    **dict.fromkeys(("subprocess", "pty", "signal"), PROCESSES),
    **dict.fromkeys(("pathlib", "shutil", "tempfile", "glob", "fileinput", "shelve", "dbm", "sqlite3"), FILES),
    **dict.fromkeys(("ctypes", "cffi", "importlib", "imp", "runpy", "pickle", "marshal", "code"), CODE),
}
_OS = {
    **dict.fromkeys(("environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"), ENVIRONMENT),
    **dict.fromkeys(("system", "popen", "fork", "forkpty", "kill", "killpg", "posix_spawn", "posix_spawnp"), PROCESSES),
    **dict.fromkeys(
        ("open", "remove", "unlink", "rmdir", "removedirs", "rename", "renames", "replace", "mkdir", "makedirs", "chmod"),
        FILES,
    ),
    **dict.fromkeys(("link", "symlink", "listdir", "scandir", "walk", "truncate", "chown", "readlink"), FILES),
}
_BUILTINS = {
    "open": FILES,
    **dict.fromkeys(("exec", "eval", "compile", "__import__", "__builtins__", "__loader__"), CODE),
}
_ATTRIBUTES = dict.fromkeys(("__builtins__", "__subclasses__", "__globals__", "__import__"), CODE)
_STARTS = re.compile(r"exec[lv]p?e?|spawn[lv]p?e?")
# C and C++: reading standard input by any means is an ordinary optimisation and stays allowed.
_CPP = (
    (re.compile(r"#\s*include\s*<(?:sys/socket|sys/un|netdb|arpa/inet|netinet/\w+|curl/\w+)\.h>|\bgetaddrinfo\s*\("), NETWORK),
    (re.compile(r"(?<![\w.>])(?:system|popen|fork|vfork|exec[lv]p?e?|posix_spawnp?)\s*\("), PROCESSES),
    (re.compile(r"\b(?:ofstream|ifstream|fstream|fopen|creat|openat|unlink|remove_all)\b"), FILES),
    (re.compile(r"\b(?:getenv|secure_getenv|environ|setenv)\b"), ENVIRONMENT),
    (re.compile(r"\b(?:dlopen|dlsym)\b"), CODE),
)
_CPP_TEXT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def new_power(new: str, old: str, language: str) -> str:
    """"" or the first power that `new` has and `old` has not, in words. Both parse."""
    powers = _python if language == "python" else _cpp
    before = powers(old).values()
    for word, power in powers(new).items():
        if power not in before:
            return f"it uses {power} ({word}), which the original does not"
    return ""


def _cpp(source: str) -> dict[str, str]:
    text = _CPP_TEXT.sub(" ", source)
    return {match[0].strip("( "): power for pattern, power in _CPP for match in pattern.finditer(text)}


def _python(source: str) -> dict[str, str]:
    """Names that give a power, as they are written -> the power."""
    found: dict[str, str] = {}
    systems: set[str] = set()
    judged: set[ast.expr] = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                _module(name.name, found)
                if name.name in ("os", "posix"):
                    systems.add(name.asname or name.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            _module(node.module, found)
            if node.module in ("os", "posix"):
                for name in node.names:
                    _system(name.name, found)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in systems:
                _system(node.attr, found)
            elif node.attr in _ATTRIBUTES:
                found[node.attr] = _ATTRIBUTES[node.attr]
        elif isinstance(node, ast.Call) and _plain_call(node, found):
            judged.add(node.func)  # together with its argument
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _BUILTINS and node not in judged:
            found[node.id] = _BUILTINS[node.id]
    return found


def _module(name: str, found: dict[str, str]) -> None:
    top = name.partition(".")[0]
    if top in _MODULES and name != "urllib.parse":
        found[top] = _MODULES[top]


def _system(name: str, found: dict[str, str]) -> None:
    power = _OS.get(name) or (PROCESSES if _STARTS.fullmatch(name) else "")
    if name == "*":
        power = FILES
    if power:
        found[f"os.{name}"] = power


def _plain_call(node: ast.Call, found: dict[str, str]) -> bool:
    """Whether this is open(0), standard input, or an import of a named module, which counts as that import."""
    first = node.args[0] if node.args else None
    if not isinstance(node.func, ast.Name) or not isinstance(first, ast.Constant):
        return False
    if node.func.id == "__import__" and isinstance(first.value, str):
        _module(first.value, found)
        # What comes of it has no name to follow: only modules without any power of their own pass.
        if first.value.partition(".")[0] in ("os", "posix"):
            found[f"__import__({first.value!r})"] = FILES
        return True
    return node.func.id == "open" and type(first.value) is int and first.value in (0, 1, 2)
