"""Records of a JSON file, one at a time: an object on each line, or a list of objects over many lines.

No line or object is read further than `MOST_BYTES`; what is longer is skipped to its end and told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from codeopt.datasets.importers import Bad, Record, Unusable
from codeopt.errors import UserError

MOST_BYTES = 16 << 20
MOST_DEPTH = 100
_CHUNK = 1 << 20
_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'"|\\.', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


def records(path: Path) -> Iterator[tuple[int, Record] | Bad]:
    """Line and content of each record of a file.

    Raises:
        UserError: There is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(256).removeprefix(_BOM).lstrip()
            file.seek(0)
            raw = _listed(path, file) if start.startswith(b"[") else lines(path, file)
            for one in raw:
                if isinstance(one, Bad):
                    yield one
                    continue
                line, data, ended = one
                try:
                    yield line, parsed(data)
                except Unusable as error:
                    torn = error.why == "not JSON" and not ended
                    yield Bad(path, line, "truncated" if torn else error.why, error.detail)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})", "name a file that is there") from error


def lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes, bool] | Bad]:
    """Number, bytes, and whether its end was there, of each line that is not blank."""
    number = 0
    while data := file.readline(MOST_BYTES + 1):
        number += 1
        ended = data.endswith(b"\n")
        if len(data) > MOST_BYTES:
            while not data.endswith(b"\n") and (data := file.readline(_CHUNK)):
                pass
            yield Bad(path, number, "too long", f"over {MOST_BYTES >> 20} MiB in a line")
        elif data.strip() and (number > 1 or data.removeprefix(_BOM).strip()):
            yield number, data.removeprefix(_BOM) if number == 1 else data, ended


def parsed(data: bytes) -> dict[str, Any]:
    """The object that the bytes of a record are. Raises Unusable where they are not one."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise Unusable("not UTF-8", f"byte {error.start} of the record") from None
    except RecursionError:
        raise Unusable("nested too deep") from None
    except ValueError as error:
        raise Unusable("not JSON", str(error)[:100]) from None
    if not isinstance(value, dict):
        raise Unusable("not an object")
    if _deeper(value):
        raise Unusable("nested too deep", f"over {MOST_DEPTH} levels")
    return value


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(fields)
    if len(found) != len(fields):
        raise Unusable("field twice", next(name for name in found if sum(name == one for one, _ in fields) > 1)[:40])
    return found


def _deeper(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _listed(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes, bool] | Bad]:
    """Line, bytes and a True of each element of a list, found by its brackets, so that a broken one ends where it ends."""
    depth, in_text, line, started, long = 0, False, 1, 1, False
    element = bytearray()
    between = bytearray()
    rest = b""
    while chunk := file.read(_CHUNK):
        data = rest + chunk
        at = kept = 0
        while mark := (_INSIDE if in_text else _OUTSIDE).search(data, at):
            at = mark.end()
            token = mark[0]
            if in_text:
                in_text = token != b'"'
            elif token == b'"':
                in_text = True
            elif token in b"{[":
                depth += 1
                if depth == 2:
                    between += data[kept : mark.start()]
                    line += data.count(b"\n", kept, mark.start())
                    kept, started = mark.start(), line
            else:
                depth -= 1
                if depth == 1:
                    element += data[kept:at]
                    line += data.count(b"\n", kept, at)
                    kept = at
                    if between.strip(b" \t\r\n,[" + _BOM):
                        yield Bad(path, started, "not an object", "between two records")
                    if long or len(element) > MOST_BYTES:
                        yield Bad(path, started, "too long", f"over {MOST_BYTES >> 20} MiB in a record")
                    else:
                        yield started, bytes(element), True
                    between.clear()
                    element.clear()
                    long = False
        # A backslash at the end waits for what it escapes.
        cut = len(data) - 1 if in_text and data.endswith(b"\\") and at < len(data) else len(data)
        line += data.count(b"\n", kept, cut)
        (element if depth > 1 else between).extend(data[kept:cut])
        rest = data[cut:]
        if len(element) > MOST_BYTES:
            long = True
            element.clear()
        if len(between) > _CHUNK:
            del between[_CHUNK:]
    if depth > 0:
        yield Bad(path, started if depth > 1 else line, "truncated", "the list has no end")
    elif between.strip(b" \t\r\n,[]" + _BOM):
        yield Bad(path, line, "not an object", "after the list")
