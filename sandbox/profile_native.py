"""Where a native program spends its time: the profilers' command lines, and their output as profile rows.

Nothing is run here. The commands are meant for the inside of a sandbox, whose files come back as bytes; compile the
program with `-g` to get lines. Sources: the perf-record, perf-report and valgrind manuals; the Callgrind format
specification (valgrind.org/docs/manual/cl-format.html).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from codeopt.errors import UserError
from codeopt.types import Profile, ProfileRow

PERF_DATA, PERF_REPORT, CALLGRIND_OUT = "perf.data", "perf.txt", "callgrind.out"
_MIN_SHARE = 0.0005

Argv = tuple[str, ...]


@dataclass(frozen=True)
class Commands:
    """What to run, in order, and the file under `out_dir` that then holds the text for the parser.

    Each command is a whole argv. The program's stdin is redirected by `sh`; its stdout and stderr are thrown away.
    """

    argvs: tuple[Argv, ...]
    output: str


def choose_profiler(available: Collection[str]) -> str:
    """ "perf" where it is there (and permitted: leave it out where `perf record` fails), else "callgrind".

    Raises:
        UserError: Neither perf nor valgrind is among the `available` programs.
    """
    if "perf" in available:
        return "perf"
    if "valgrind" in available:
        return "callgrind"
    raise UserError("no profiler for native programs was found", "install linux-perf or valgrind")


def perf_commands(
    binary: str, stdin_path: str, out_dir: str, args: Sequence[str] = (), hz: int = 1999
) -> Commands:
    """Sample by the CPU clock in user mode: needs no hardware counters and perf_event_paranoid at most 2."""
    data, text = posixpath.join(out_dir, PERF_DATA), posixpath.join(out_dir, PERF_REPORT)
    record = ("perf", "record", "-q", "-e", "cpu-clock:u", "-F", str(hz), "-o", data, "--", binary, *args)
    report = (
        "perf",
        "report",
        "-i",
        data,
        "--stdio",
        "-q",
        "-t",
        "\t",
        "-F",
        "sample,sym,srcline",
        "--full-source-path",
    )
    return Commands((_redirected(record, stdin_path), _redirected(report, "/dev/null", text)), PERF_REPORT)


def callgrind_commands(
    binary: str, stdin_path: str, out_dir: str, args: Sequence[str] = (), seconds: float = 30
) -> Commands:
    """Count instructions, about 100 times slower than the program itself.

    After `seconds` the program is interrupted; what was counted until then is the profile.
    """
    out = posixpath.join(out_dir, CALLGRIND_OUT)
    count = (
        "timeout",
        "--signal=INT",
        f"{seconds:g}",
        "valgrind",
        "-q",
        "--tool=callgrind",
        "--dump-instr=no",
        f"--callgrind-out-file={out}",
        binary,
        *args,
    )
    return Commands((_redirected(count, stdin_path),), CALLGRIND_OUT)


def commands(
    profiler: str, binary: str, stdin_path: str, out_dir: str, args: Sequence[str] = (), seconds: float = 30
) -> Commands:
    """The commands of a profiler that `choose_profiler` named, which takes about `seconds` at most."""
    if profiler == "perf":
        return perf_commands(binary, stdin_path, out_dir, args)
    return callgrind_commands(binary, stdin_path, out_dir, args, seconds)


def parse(profiler: str, text: str, files: Collection[str] = (), seconds: float = 0.0) -> Profile:
    """The output of `commands(profiler, ...)` as a profile."""
    return (parse_perf_report if profiler == "perf" else parse_callgrind)(text, files, seconds)


def _redirected(argv: Argv, stdin_path: str, stdout_path: str = "/dev/null") -> Argv:
    script = 'stdin=$1; stdout=$2; shift 2; exec "$@" <"$stdin" >"$stdout" 2>/dev/null'
    return ("sh", "-c", script, "sh", stdin_path, stdout_path, *argv)


class _Cost(NamedTuple):
    """What one line costs itself (`callee` is ""), or in `calls` calls of a function."""

    function: str
    file: str
    line: int
    cost: float
    callee: str = ""
    calls: int = 0


def _profile(tool: str, costs: Sequence[_Cost], files: Collection[str], seconds: float) -> Profile:
    """Line rows and function rows of the user's files; library code counts for the function or line that uses it."""
    homes: dict[str, str] = {}
    for c in costs:
        name = _own(c.file, files)
        if name and c.line > 0 and not c.callee:
            homes.setdefault(c.function, name)
    lines: dict[tuple[str, int, str], float] = {}
    functions: dict[str, float] = {}
    counts: dict[str, int] = {}
    total = 0.0
    for c in costs:
        if c.callee:
            counts[c.callee] = counts.get(c.callee, 0) + c.calls
        else:
            total += c.cost
        if c.callee and (c.callee in homes or not files):
            continue
        functions[c.function] = functions.get(c.function, 0.0) + c.cost
        name = _own(c.file, files)
        if name and c.line > 0:
            key = (name, c.line, c.function)
            lines[key] = lines.get(key, 0.0) + c.cost
    whole = total or 1.0
    rows = [
        ProfileRow(file=file, line=line, function=function, share=min(cost / whole, 1.0))
        for (file, line, function), cost in lines.items()
    ]
    rows += [
        ProfileRow(file=homes[fn], line=0, function=fn, share=min(cost / whole, 1.0), count=counts.get(fn, 0))
        for fn, cost in functions.items()
        if fn in homes
    ]
    kept = [r for r in rows if r.share >= _MIN_SHARE]
    return Profile(
        tool=tool, seconds=seconds, rows=tuple(sorted(kept, key=lambda r: (-r.share, r.file, r.line)))
    )


def _own(path: str, files: Collection[str]) -> str:
    """The user's name of a file, "" for a file that is not the user's. With no names given all are."""
    if not files or path in files:
        return path
    base = posixpath.basename(path)
    return next((f for f in files if posixpath.basename(f) == base), "")


# ---------------------------------------------------------------- callgrind
_CALL = re.compile(r"calls=(\d+)")
_COMPRESSED = re.compile(r"\((\d+)\)(?: (.*))?")
_COST_LINE = re.compile(r"(?:(?:[+-]?\d+|\*|0x[0-9a-f]+)\s+)+\d+(?:\s+\d+)*\s*")


def parse_callgrind(text: str, files: Collection[str] = (), seconds: float = 0.0) -> Profile:
    """Rows from a callgrind.out file.

    Args:
        text: The whole file.
        files: The user's source files; matched by path, then by base name. With none given every file counts.
        seconds: Wall-clock of the profiled run, where known.

    Returns:
        Line rows and function rows (line 0), each its own cost plus that of the library functions it calls; inlined
        library code counts for the function. `count` is a function's calls. Shares are of all instructions; line and
        function rows overlap, and a comparator that a library calls counts for both sides.
    """
    costs: list[_Cost] = []
    names: dict[tuple[str, str], str] = {}
    file = function = called = ""
    line = calls = 0
    columns = 1

    def name(kind: str, value: str) -> str:
        m = _COMPRESSED.fullmatch(value)
        if m is None:
            return value
        if m[2] is not None:
            names[kind, m[1]] = m[2]
        return names.get((kind, m[1]), "")

    for raw in text.splitlines():
        key, _, value = raw.partition("=")
        if key in ("fl", "fi", "fe"):
            file = name("file", value)
        elif key == "fn":
            function = _short(name("function", value))
        elif key in ("cfi", "cfl"):
            name("file", value)
        elif key == "cfn":
            called = _short(name("function", value))
        elif key == "calls":
            m = _CALL.match(raw)
            calls = int(m[1]) if m else 0
        elif raw.startswith("positions:"):
            columns = max(1, len(raw.split()) - 1)
        elif _COST_LINE.fullmatch(raw):
            parts = raw.split()
            line = _position(parts[min(columns, len(parts)) - 1], line)
            amount = float(parts[columns]) if len(parts) > columns else 0.0
            costs.append(_Cost(function, file, line, amount, called if calls else "", calls))
            calls = 0
    return _profile("callgrind", costs, files, seconds)


def _position(text: str, last: int) -> int:
    """A line number, absolute or relative to the last one (subposition compression)."""
    if text == "*":
        return last
    return last + int(text) if text[0] in "+-" else int(text, 0)


def _short(function: str) -> str:
    """A function's name without parameters and callgrind's recursion mark: "f(int)'2" -> "f"."""
    name = re.sub(r"'\d+$", "", function)
    depth = 0
    for i, ch in enumerate(name):
        depth += (ch == "<") - (ch == ">")
        if ch == "(" and depth == 0 and i > 0 and not name[:i].endswith("operator"):
            return name[:i].split(" ")[-1] if "<" not in name[:i] else name[:i]
    return name


# ---------------------------------------------------------------- perf
def parse_perf_report(text: str, files: Collection[str] = (), seconds: float = 0.0) -> Profile:
    """Rows from `perf report --stdio -t TAB -F sample,sym,srcline --full-source-path`; arguments as in `parse_callgrind`.

    Inlined library code is credited to the function that holds it (line 0), known by its symbol.
    """
    costs: list[_Cost] = []
    for raw in text.splitlines():
        parts = [p.strip() for p in raw.split("\t")]
        if len(parts) >= 3 and parts[0].isdigit():
            path, _, line = parts[2].rpartition(":")
            symbol = _short(re.sub(r"^\[.\]\s*", "", parts[1]))
            costs.append(_Cost(symbol, path, int(line) if line.isdigit() else 0, float(parts[0])))
    return _profile("perf", costs, files, seconds)
