"""CUDA files with an `extern "C"` launcher: beside `NAME.cu` lies `NAME.py`, the reference, with `launch(library, ...)`.

`launch` gets the arguments of the module after the library, allocates what the kernel writes, calls a function of the library
and returns the answer. The library takes tensors for pointers and numbers for numbers, as the function's signature says; a
stream at its end may be left out. Nothing of a CUDA file is run here: a candidate's process compiles and loads it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import jinja2

from codeopt.errors import UserError

SUFFIX = ".cu"
LAUNCH = "launch"
TEMPLATE = Path(__file__).parent.parent / "prompts" / "cuda_module.py.j2"
TYPES = {
    "char": "int8", "int8_t": "int8", "uint8_t": "uint8", "short": "int16", "int16_t": "int16", "uint16_t": "uint16",
    "int": "int32", "int32_t": "int32", "unsigned": "uint32", "unsigned int": "uint32", "uint32_t": "uint32",
    "long": "int64", "long long": "int64", "int64_t": "int64", "ptrdiff_t": "int64", "size_t": "uint64", "uint64_t": "uint64",
    "unsigned long": "uint64", "unsigned long long": "uint64", "bool": "bool", "float": "float", "double": "double",
}  # fmt: skip
"""ctypes' names of C types, without the "c_"."""
POINTER, STREAM = "pointer", "stream"
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_EXTERN = re.compile(r'extern\s+"C"\s*(\{)?')
_FUNCTION = re.compile(r"\s*(?:__declspec\([^)]*\)\s*|__attribute__\s*\(\([^)]*\)\)\s*)?(?:void|int|cudaError_t)\s+(\w+)\s*\(([^)]*)\)\s*\{")


def reference_of(file: Path) -> Path:
    """The reference of a CUDA file. Raises UserError where there is none."""
    found = file.with_suffix(".py")
    if not found.is_file():
        raise UserError(f"{file.name} has no reference", f"write {found.name} beside it: Model, get_inputs() and {LAUNCH}(library, …) (docs/kernels.md)")
    return found


def signatures(file: Path, text: str) -> dict[str, list[str]]:
    """The `extern "C"` functions of a CUDA text: for each argument "pointer", "stream" or ctypes' name of its type.

    Raises:
        UserError: There is none, or an argument's type is not known.
    """
    bare = _COMMENT.sub(" ", text)
    found: dict[str, list[str]] = {}
    for match in _EXTERN.finditer(bare):
        at = match.end()
        # A block holds functions one after the other; what stands between them is skipped.
        while function := (_FUNCTION.search(bare, at) if match[1] else _FUNCTION.match(bare, at)):
            found[function[1]] = [_type(file, word) for word in function[2].split(",") if word.strip() not in ("", "void")]
            at = function.end()
            if not match[1]:
                break
    if not found:
        raise UserError(f'{file.name} defines no extern "C" function', f'write extern "C" void name(…) that launches the kernel; {LAUNCH} in the reference calls it')
    return found


def _type(file: Path, argument: str) -> str:
    words = re.sub(r"\b(const|volatile|__restrict__|restrict|struct)\b", " ", argument)
    if "*" in words:
        return POINTER
    name = " ".join(words.split()[:-1]) if len(words.split()) > 1 else words.strip()
    if name == "cudaStream_t":
        return STREAM
    name = name.removeprefix("std::")
    if name not in TYPES:
        raise UserError(f"{file.name}: an argument of type {name or argument.strip()} cannot be passed", f"one of {', '.join(TYPES)}, a pointer or cudaStream_t")
    return TYPES[name]


def module_text(file: Path, launcher: str, cuda: str) -> str:
    """The Python text of a module that compiles a CUDA text when it is imported, and calls it.

    Args:
        file: Its name.
        launcher: Python text that defines `launch`.
        cuda: The CUDA text.

    Raises:
        UserError: As `signatures`; nvcc is not installed.
    """
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    return template.render(launcher=launcher, cuda=repr(cuda), name=repr(file.name), nvcc=repr(nvcc()), signatures=repr(signatures(file, cuda)))


def nvcc() -> str:
    """The CUDA compiler's path. Raises UserError where there is none."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    found = shutil.which("nvcc") or shutil.which(f"{home}/bin/nvcc")
    if found is None:
        raise UserError("nvcc was not found", "install the CUDA toolkit, or set CUDA_HOME to where it is")
    return found
