"""What a kernel was compiled to: registers, spills and shared memory, and its PTX text in one line.

Nothing is run here: text of a session or a compiler comes in, numbers and words of this file go out. Sources: the PTX ISA
(docs.nvidia.com/cuda/parallel-thread-execution), what `ptxas -v` prints (the CUDA Binary Utilities and the nvcc manual), the
Itanium C++ ABI for names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_ENTRY = re.compile(r"\.entry\s+([\w$.]+)")
_INSTRUCTION = re.compile(r"^[ \t]*(?:\{[ \t]*)?(?:@!?%\w+[ \t]+)?([a-z][a-z0-9_]*(?:[.:]+[A-Za-z0-9_]+)+)", re.MULTILINE)
_TYPE = re.compile(r"(?:[busfe]|bf|tf)(\d{1,3})(x2|x4)?")
_SHAPE = re.compile(r"m\d+n\d+k\d+")
_ELEMENT = re.compile(r"[busf]\d+|bf16|tf32|e\dm\d")
_COMPILING = re.compile(r"Compiling entry function '([^']+)'")
_SPILLS = re.compile(r"(\d{1,9}) bytes spill stores, \d{1,9} bytes spill loads")
_USED = re.compile(r"Used (\d{1,9}) registers")
_SHARED = re.compile(r"(\d{1,9}) bytes smem")
MOST_MATRIX = 2
MOST_WIDTHS = 4
MOST_TEXT = 1 << 20


@dataclass(frozen=True)
class Compiled:
    """One kernel, compiled.

    Attributes:
        name: As the compiler names it.
        registers: Of a thread.
        local: Bytes of a thread in local memory: what was spilled (from ptxas), or all of it (from the driver).
        shared: Bytes of a block.
        warps, stages: Of a Triton kernel.
        ptx: `summary` of its text.

    What is None or "" is not known.
    """

    name: str
    registers: int | None = None
    local: int | None = None
    shared: int | None = None
    warps: int | None = None
    stages: int | None = None
    ptx: str = ""

    def told(self) -> str:
        """All of it in one line."""
        words = [
            f"{self.registers} registers" if self.registers is not None else "",
            ("no spills" if not self.local else f"{self.local} B spilled") if self.local is not None else "",
            f"{self.shared} B shared memory" if self.shared is not None else "",
            f"{self.warps} warps" if self.warps is not None else "",
            f"{self.stages} stages" if self.stages is not None else "",
        ]
        return "; ".join(filter(None, [", ".join(filter(None, words)), self.ptx]))


def summary(text: str) -> str:
    """Instructions of one kernel's PTX that say how it works: matrix products, widths of global accesses, copies, barriers."""
    matrix: Counter[str] = Counter()
    widths: dict[str, Counter[int]] = {"ld": Counter(), "st": Counter()}
    counts: Counter[str] = Counter()
    for found in _INSTRUCTION.finditer(text[:MOST_TEXT]):
        parts = [part for part in re.split(r"[.:]+", found[1]) if part]
        head = parts[0]
        if named := _matrix(parts):
            matrix[named] += 1
        elif head in widths and "global" in parts:
            widths[head][_bytes(parts)] += 1
        elif head == "cp" and parts[1:2] == ["async"]:
            if "bulk" in parts:
                counts["bulk copies"] += not {"commit_group", "wait_group"} & set(parts)
            elif "shared" in parts:
                counts["cp.async"] += 1
        elif head in ("bar", "barrier") and {"sync", "red"} & set(parts) and "cluster" not in parts:
            counts["barriers"] += 1
        elif head in ("atom", "red") and "shared" not in parts:
            counts["atomics"] += 1
    told = [f"{name} ×{count}" for name, count in matrix.most_common(MOST_MATRIX)] or ["no matrix instructions"]
    for head, named in (("ld", "global loads"), ("st", "global stores")):
        if widths[head]:
            told.append(f"{named} " + ", ".join(f"{size} B ×{count}" for size, count in widths[head].most_common(MOST_WIDTHS)))
    told += [f"{named} ×{counts[named]}" for named in ("cp.async", "bulk copies", "barriers", "atomics") if counts[named]]
    return "; ".join(told)


def _matrix(parts: list[str]) -> str:
    """A matrix instruction with its shape and types; "" for any other one."""
    kind = {"wgmma": "mma_async", "mma": "", "wmma": "mma", "tcgen05": "mma"}.get(parts[0])
    if kind is None or (kind and parts[1:2] != [kind]):
        return ""
    words = [part for part in parts[1:] if _SHAPE.fullmatch(part)]
    types = ".".join(part for part in parts if _ELEMENT.fullmatch(part))
    return " ".join(filter(None, [parts[0] if parts[0] != "mma" else "mma.sync", *words, types]))


def _bytes(parts: list[str]) -> int:
    """Bytes that a thread moves with one load or store."""
    count = next((int(part[1:]) for part in parts if re.fullmatch(r"v[248]", part)), 1)
    kinds = [found for part in parts if (found := _TYPE.fullmatch(part))]
    bits = int(kinds[-1][1]) * int((kinds[-1][2] or "x1")[1:]) if kinds else 0
    return count * bits // 8


def kernels(text: str) -> dict[str, str]:
    """The text of each kernel in a PTX file, by its name."""
    found = list(_ENTRY.finditer(text))
    starts = [entry.start() for entry in found] + [len(text)]
    return {entry[1]: text[starts[number] : starts[number + 1]] for number, entry in enumerate(found)}


def resources(log: str) -> dict[str, Compiled]:
    """What `ptxas -v` says of each kernel, by its name."""
    found: dict[str, Compiled] = {}
    blocks = _COMPILING.split(log)
    for name, block in zip(blocks[1::2], blocks[2::2], strict=True):
        used, spills, shared = _USED.search(block), _SPILLS.search(block), _SHARED.search(block)
        if used:
            found[name] = Compiled(
                name, int(used[1]), int(spills[1]) if spills else None, int(shared[1]) if shared else 0
            )
    return found


def built(log: str, text: str) -> list[Compiled]:
    """The kernels of a CUDA file, from what ptxas says and from its PTX."""
    texts, known = kernels(text), resources(log)
    made = []
    for name in dict.fromkeys([*texts, *known]):
        one = known.get(name, Compiled(name))
        made.append(Compiled(name, one.registers, one.local, one.shared, ptx=summary(texts[name]) if name in texts else ""))
    return made


def of_session(rows: Iterable[Mapping[str, Any]]) -> list[Compiled]:
    """Kernels from what a session said (runner/kernel_compiled.py): numbers are taken as numbers, texts are read here."""
    found: list[Compiled] = []
    for row in rows:
        text = str(row.get("ptx") or "")
        if row.get("log"):
            found += built(str(row["log"]), text)
            continue
        held = {name: _number(row.get(name)) for name in ("registers", "local", "shared", "warps", "stages")}
        found.append(Compiled(str(row.get("name", ""))[:400], **held, ptx=summary(text) if text else ""))
    return found


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else None


def plain(name: str) -> str:
    """A kernel's own name, without what is around it: of "void at::scaled<4>(float*)" and "_Z6scaledILi4EEvPf" it is "scaled"."""
    if name.startswith("_Z"):
        return _mangled(name)
    bare = name.replace("(anonymous namespace)::", "").replace("operator()", "operator")
    words = bare.partition("<")[0].partition("(")[0].split()
    return words[-1].rpartition("::")[2] if words else name


def _mangled(name: str) -> str:
    """The last source name before the template's or the function's arguments."""
    at, found = 2, name
    if name[at : at + 1] == "L":
        at += 1
    if nested := name[at : at + 1] == "N":
        at += 1
    while match := re.match(r"L?(\d{1,4})", name[at:]):
        at += match.end()
        found = name[at : at + int(match[1])]
        at += int(match[1])
        if not nested:
            break
    return found
