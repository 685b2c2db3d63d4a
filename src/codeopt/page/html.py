"""Templates into pages: every value is escaped, and characters that a reader cannot see are made visible."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from codeopt.errors import UserError

TEMPLATES = Path(__file__).parent / "templates"
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def seen(text: str) -> str:
    """The text with what is not seen, or turns the direction of writing, spelled out.

    Such characters let a program look like another one (Boucher and Anderson, "Trojan Source", 2021), and half a surrogate
    pair cannot be written to a file.
    """
    return _UNSEEN.sub(lambda found: "␍" if found[0] == "\r" else f"⟨U+{ord(found[0]):04X}⟩", text)


def escaped(text: str) -> Markup:
    """The text as HTML."""
    return Markup.escape(seen(text))


def _finalize(value: Any) -> Any:
    return seen(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment(folder: Path) -> jinja2.Environment:
    """Templates of a folder, and `base.html.j2`, which they extend."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, TEMPLATES]), autoescape=True, undefined=jinja2.StrictUndefined, finalize=_finalize,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"duration": duration, "times": times, "percent": percent, "shortened": shortened, "counted": counted}
    return made


def duration(value: float) -> str:
    """Seconds for people: 3 significant digits, the unit that fits, from ns to h."""
    if not math.isfinite(value):
        return "–"
    for unit, factor in (("h", 3600.0), ("min", 60.0)):
        if value >= 2 * factor:
            return f"{value / factor:.3g} {unit}"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def times(value: float | None) -> str:
    """A ratio: "1.59×", "312×"."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.2f}×" if value < 100 else f"{value:,.0f}×"


def percent(share: float | None) -> str:
    """A share of 1 in percent."""
    if share is None or not math.isfinite(share):
        return "–"
    return f"{share:.0%}" if not 0 < share < 0.01 else f"{share:.1%}"


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and how much is left out."""
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most:,} more characters"


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """"20 generated, 3 recorded"."""
    return ", ".join(f"{count:,} {name}" for name, count in counts) or "none"


def write(file: Path, text: str) -> None:
    """Write a whole page or nothing. Raises UserError where that cannot be done."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, "utf-8", errors="replace")
        os.replace(part, file)
    except (OSError, ValueError) as error:
        with suppress(OSError, ValueError):
            part.unlink()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{file} cannot be written ({why})", "name another file with --out") from None
