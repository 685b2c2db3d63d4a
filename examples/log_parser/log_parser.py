"""Summarise a web server's access log in the common log format."""

import re


def summarise(lines: list[str]) -> dict[str, object]:
    """Count requests, errors, bytes and visitors.

    Lines that do not look like the common log format are counted as skipped.
    """
    visitors: list[str] = []
    by_path: dict[str, int] = {}
    errors = 0
    skipped = 0
    total_bytes = 0
    for line in lines:
        match = re.match(r'^(\S+) \S+ \S+ \[[^\]]+\] "(\w+) (\S+) [^"]*" (\d{3}) (\d+|-)', line)
        if match is None:
            skipped += 1
            continue
        address, method, path, status, size = match.groups()
        if address not in visitors:
            visitors.append(address)
        if path in by_path:
            by_path[path] = by_path[path] + 1
        else:
            by_path[path] = 1
        if status.startswith("4") or status.startswith("5"):
            errors += 1
        if size != "-":
            total_bytes += int(size)
    return {
        "visitors": len(visitors),
        "first": visitors[:5],
        "paths": by_path,
        "errors": errors,
        "skipped": skipped,
        "bytes": total_bytes,
    }
