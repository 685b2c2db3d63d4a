"""Who does a candidate's work: kernels of its own text, a compiler, or a library."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from codeopt.types import ProfileRow

AUTHORED, COMPILER, LIBRARY = "authored", "compiler", "library"
LABELS = (AUTHORED, LIBRARY, COMPILER)
SHARE = 0.5
"""Of the device time in kernels of its own text, from which on a candidate counts as authored."""
_OWN = re.compile(r"@(?:triton\.)?(?:jit|autotune|heuristics)\b[^\n]*\n(?:\s*@[^\n]*\n)*\s*def\s+(\w+)|__global__\s+(?:[\w<>(),\s]*?\s)?(\w+)\s*\(")
_COMPILES = re.compile(r"torch\.(?:compile|_dynamo\.\w+|_inductor\b.*|jit\.(?:script|trace)|_export\.aot_compile)")
_INDUCTOR = re.compile(r"triton_[a-z]+_fused|cpp_fused|Torch-Compiled Region|.*\bCompiledFxGraph\b")
_NO_MODULE = ("re", "regex", "ast", "builtins")
_FOREIGN = re.compile(r"(?:at|c10|cub|cublas\w*|cudnn\w*|cutlass\w*|thrust|flash|pytorch_flash|nccl)::")


def label(source: str, rows: Sequence[ProfileRow]) -> str:
    """ "authored", "compiler" or "library".

    What calls torch.compile is a compiler's work, whatever kernels come of it, unless half of the time or more is spent in
    kernels that its text holds.

    Args:
        source: The candidate's text.
        rows: What a call of it ran, by torch's profiler.
    """
    compiles = _compiles(source) or (any(_INDUCTOR.match(row.function) for row in rows) and not _written(source))
    own = {name for pair in _OWN.findall(source) for name in pair if name}
    share = sum(row.share for row in rows if _is_own(row.function, own) and not (compiles and _INDUCTOR.match(row.function)))
    if own and share >= SHARE:
        return AUTHORED
    return COMPILER if compiles else LIBRARY


def _written(source: str) -> bool:
    """Whether kernels that have the names of Inductor's stand in the text itself."""
    return any(_INDUCTOR.match(name) for pair in _OWN.findall(source) for name in pair if name)


def _is_own(function: str, own: set[str]) -> bool:
    """Whether a profiler's row is of one of these kernels: "scaled", "scaled_0" (under torch.compile), "void scaled<float>(float*)"."""
    plain = function.replace("(anonymous namespace)::", "").removeprefix("void ")
    if _FOREIGN.match(plain):
        return False
    name = re.split(r"[<(]", plain, maxsplit=1)[0].split("::")[-1].strip()
    return name in own or re.sub(r"_\d[\dcde]*$", "", name) in own


def _compiles(source: str) -> bool:
    """Whether a text calls torch.compile, or another of torch's compilers."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return re.search(r"\btorch\.compile\b(?!r)", source) is not None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(_COMPILES.fullmatch(f"{node.module}.{name.name}") for name in node.names):
            return True
        if isinstance(node, ast.Attribute):
            held = ast.unparse(node.value)
            if _COMPILES.fullmatch(f"{held}.{node.attr}") or (node.attr == "compile" and held not in _NO_MODULE):
                return True
    return False
