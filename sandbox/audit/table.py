"""What an audit found, as text for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from codeopt.sandbox.audit.run import Row, counts

HEAD = ("", "row", "expected", "got", "evidence")
_MARK = {"passed": "ok", "missed": "MISSED", "false_alarm": "FALSE ALARM", "skipped": "skipped"}


def summary(rows: Sequence[Row], sandbox: str) -> str:
    """One line: how many exploits were caught, how many controls were refused, where."""
    found = counts(rows)
    skipped = f", {found['skipped']} skipped" if found["skipped"] else ""
    return (
        f"{found['caught']} of {found['exploits']} exploits caught, "
        f"{found['false_alarms']} of {found['controls']} controls refused{skipped}; {sandbox}"
    )


def cells(row: Row) -> tuple[str, str, str, str, str]:
    """One row of the table, in the order of `HEAD`."""
    got = row.status if row.outcome == "passed" else f"{_MARK[row.outcome]} {row.status}".strip()
    return row.entry, str(row.row) if row.row else "-", row.expected, got, row.evidence


def line(row: Row, width: int = 30) -> str:
    """One row as text; the evidence is cut so that it fits a wide terminal."""
    name, number, expected, got, evidence = cells(row)
    return f"{name:<{width}} {number:>3}  {expected:<9.9} {got:<16} {evidence[:100]}".rstrip()


def markdown(rows: Sequence[Row]) -> str:
    """The whole table as Markdown."""
    made = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    for row in rows:
        made.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells(row)) + " |")
    return "\n".join(made) + "\n"
