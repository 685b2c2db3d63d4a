"""A verdict as Markdown, for the summary of a job or a comment."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable

SAME = "same behaviour"
"""What the heading says of a program that does the same; the script of the GitHub action looks for it."""


def printed(show: Callable[[], None]) -> str:
    """What a function prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        show()
    return out.getvalue()


def section(name: str, verdict: str, text: str) -> str:
    """A heading, and the text as it is: it may hold what the judged program says, which must not become markup."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    plain = " ".join(name.split()).replace("`", "'")
    return f"### `{plain}`: {verdict}\n\n{fence}text\n{text.rstrip()}\n{fence}\n"
