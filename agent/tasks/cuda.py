"""CUDA files: beside `NAME.cu` lies `NAME.py`, the reference, with `launch(library, ...)`.

`launch` gets the arguments of the module after the library, allocates what the kernel writes, calls a function of the library
and returns the answer. Of a file with an `extern "C"` launcher the library takes tensors for pointers and numbers for numbers, as
the function's signature says; a stream at its end may be left out. Of a file with a PyTorch binding (`PYBIND11_MODULE`,
`TORCH_LIBRARY`), which may be C++, too, it is the extension module or the operators. Nothing of such a file is run here: a
candidate's process compiles and loads it.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jinja2

from codeopt.errors import UserError

SUFFIX = ".cu"
LAUNCH = "launch"
CPP = (".cpp", ".cc", ".cxx")
"""Suffixes of files that are tasks of this kind only with a binding."""
PROMPTS = Path(__file__).parent.parent / "prompts"
TYPES = {
    "char": "int8", "int8_t": "int8", "uint8_t": "uint8", "short": "int16", "int16_t": "int16", "uint16_t": "uint16",
    "int": "int32", "int32_t": "int32", "unsigned": "uint32", "unsigned int": "uint32", "uint32_t": "uint32",
    "long": "int64", "long long": "int64", "int64_t": "int64", "ptrdiff_t": "int64", "size_t": "uint64", "uint64_t": "uint64",
    "unsigned long": "uint64", "unsigned long long": "uint64", "bool": "bool", "float": "float", "double": "double",
}  # fmt: skip
"""ctypes' names of C types, without the "c_"."""
POINTER, STREAM = "pointer", "stream"
PYTHON_MODULE = "TORCH_EXTENSION_NAME"
_MODULE = re.compile(r"\bPYBIND11_MODULE\s*\(\s*(\w+)")
_OPERATORS = re.compile(r"\bTORCH_LIBRARY(?:_FRAGMENT)?\s*\(\s*(\w+)")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_EXTERN = re.compile(r'extern\s+"C"\s*(\{)?')
_FUNCTION = re.compile(r"\s*(?:__declspec\([^)]*\)\s*|__attribute__\s*\(\([^)]*\)\)\s*)?(?:void|int|cudaError_t)\s+(\w+)\s*\(([^)]*)\)\s*\{")


def reference_of(file: Path) -> Path:
    """The reference of a CUDA file. Raises UserError where there is none."""
    found = file.with_suffix(".py")
    if not found.is_file():
        raise UserError(f"{file.name} has no reference", f"write {found.name} beside it: Model, get_inputs() and {LAUNCH}(library, …) (docs/kernels.md)")
    return found


def has_binding(text: str) -> bool:
    """Whether a text binds itself to PyTorch."""
    bare = _COMMENT.sub(" ", text)
    return bool(_MODULE.search(bare) or _OPERATORS.search(bare))


def is_source(file: Path, text: str) -> bool:
    """Whether a file is a CUDA file, or a C++ file that binds itself to PyTorch."""
    return file.suffix == SUFFIX or (file.suffix in CPP and has_binding(text))


def checked(file: Path, text: str) -> None:
    """Raises UserError where nothing in the file can be called."""
    if has_binding(text):
        _names(file, text)
    else:
        signatures(file, text)


def _names(file: Path, text: str) -> tuple[bool, str]:
    """Whether a binding makes a Python module, and the namespace of its operators ("" for none). Raises UserError."""
    bare = _COMMENT.sub(" ", text)
    module, operators = _MODULE.search(bare), _OPERATORS.search(bare)
    if module and module[1] != PYTHON_MODULE:
        raise UserError(f"{file.name}: PYBIND11_MODULE({module[1]}, …) has a name of its own", f"write PYBIND11_MODULE({PYTHON_MODULE}, …)")
    return bool(module), operators[1] if operators else ""


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
        raise UserError(f'{file.name} defines no extern "C" function', f'write extern "C" void name(…) that launches the kernel, or PYBIND11_MODULE({PYTHON_MODULE}, m); {LAUNCH} in the reference calls it')
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


def module_text(file: Path, launcher: str, text: str) -> str:
    """The Python text of a module that compiles such a text when it is imported, and calls it.

    Args:
        file: Its name.
        launcher: Python text that defines `launch`.
        text: The CUDA text, or the C++ text with a binding.

    Raises:
        UserError: As `checked`; nvcc is not installed.
    """
    compiler = nvcc() if file.suffix == SUFFIX else ""
    fields: dict[str, Any] = {"launcher": launcher, "text": repr(text), "name": repr(file.name), "architecture": inspect.getsource(architecture)}
    if has_binding(text):
        python, namespace = _names(file, text)
        template, fields = "extension_module.py.j2", {**fields, "python": python, "namespace": repr(namespace)}
    else:
        template, fields = "cuda_module.py.j2", {**fields, "nvcc": repr(compiler), "signatures": repr(signatures(file, text))}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string((PROMPTS / template).read_text("utf-8")).render(fields)


def architecture(major, minor):  # type: ignore[no-untyped-def]  # its text goes into modules as it is
    """nvcc's flag for a device: from Hopper on, the instructions of one generation alone have an architecture of their own."""
    arch = f"{major}{minor}{'a' if major >= 9 else ''}"
    return f"-gencode=arch=compute_{arch},code=sm_{arch}"


def needs_cuda(file: Path, text: str, torch: str) -> None:
    """Raises UserError where a CUDA file has a binding, and PyTorch (of that version) is built without CUDA."""
    if file.suffix == SUFFIX and has_binding(text) and torch.endswith("+cpu"):
        hint = "install one with CUDA; a .cpp file with a binding runs here, too"
        raise UserError(f"{file.name} has a PyTorch binding, and PyTorch {torch} is built without CUDA", hint)


def nvcc() -> str:
    """The CUDA compiler's path. Raises UserError where there is none."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    found = shutil.which("nvcc") or shutil.which(f"{home}/bin/nvcc")
    if found is None:
        raise UserError("nvcc was not found", "install the CUDA toolkit, or set CUDA_HOME to where it is")
    return found
