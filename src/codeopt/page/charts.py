"""Small charts as inline SVG: curves, estimates with intervals, points under a roof. Their colours are those of the page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from codeopt.page.html import escaped

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 70, 14, 12, 44
ROW = 22
WIDE_NAME = 22
"""Characters of a row's name."""
MOST = 1e100
"""No axis reaches further."""
SERIES = 3
"""Colours of curves."""
Write = Callable[[float], str]


def plain(value: float) -> str:
    """A number on an axis."""
    if value and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return f"{value:,.10g}"


@dataclass(frozen=True)
class Curve:
    """Points of a line, in their order.

    Attributes:
        points: (x, y); those that an axis cannot hold are left out.
        step: A value holds until the next point.
        marks: (x, y, text) of points that are dots with a word.
        span: (x, low, high), an interval that stands at a place.
    """

    name: str
    points: Sequence[tuple[float, float]]
    step: bool = False
    marks: Sequence[tuple[float, float, str]] = ()
    span: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Bar:
    """An estimate with its interval; `colour` numbers its kind."""

    name: str
    low: float
    value: float
    high: float
    colour: int = 0


@dataclass(frozen=True)
class Roof:
    """A point of a roofline plot: operations per byte, what was reached and what can be, in operations per second."""

    name: str
    intensity: float
    reached: float
    roof: float


@dataclass
class Axis:
    """Values from `low` to `high` along pixels from `start` to `end`, linear or logarithmic."""

    values: Sequence[float]
    start: float
    end: float
    log: bool = False
    write: Write = plain
    room: float = 0.0  # share of the span that stays free at both ends
    whole: bool = False  # ticks at whole numbers only
    low: float = field(init=False)
    high: float = field(init=False)

    def __post_init__(self) -> None:
        fit = [value for value in self.values if self.holds(value)] or [1.0]
        low, high = self._in(min(fit)), self._in(max(fit))
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = (low - 0.05, high + 0.05) if self.log or low else (low, high + 1.0)
        spare = self.room * (high - low)
        self.low, self.high = low - spare, high + spare

    def holds(self, value: float) -> bool:
        """Whether the value has a place on it."""
        return abs(value) < MOST and (value > 1 / MOST or not self.log)

    def _in(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (self._in(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values on it, three to seven of them where that can be."""
        if self.log and self.high - self.low > 0.3:
            decades = range(math.floor(self.low), math.ceil(self.high) + 1)
            for steps in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
                found = [step * 10.0**decade for decade in decades for step in steps]
                found = [value for value in found if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9]
                if len(found) <= 7:
                    return found
            return found[:: len(found) // 6 + 1]
        low, high = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
        rough = (high - low) / 5
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * of for of in (1, 2, 2.5, 5, 10) if size * of >= rough * 0.999)
        if self.whole:
            step = max(1.0, round(step))
        first = math.ceil(low / step - 1e-9)
        return [round(number * step, 12) for number in range(first, first + 12) if number * step <= high + 1e-9 * step]


def curves(
    lines: Sequence[Curve], *, title: str, x: str, y: str, log_y: bool = False, write_x: Write = plain, write_y: Write = plain, even: float | None = None,
    whole: bool = False,
) -> Markup:
    """Curves over one axis; `even` draws a line at that height, `whole` counts along x in whole numbers."""
    everything = [point for line in lines for point in line.points] + [mark[:2] for line in lines for mark in line.marks]
    spans = [line.span for line in lines if line.span]
    ys = [point[1] for point in everything] + [value for span in spans for value in span[1:]] + ([even] if even is not None else [])
    across = Axis([point[0] for point in everything] + [span[0] for span in spans], LEFT, WIDTH - RIGHT, write=write_x, whole=whole)
    up = Axis(ys, HEIGHT - BOTTOM, TOP, log_y, write_y, room=0.06)
    parts = _frame(across, up, x, y)
    if even is not None:
        parts.append(f'<line class="even" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up.at(even):.1f}" y2="{up.at(even):.1f}"/>')
    for number, line in enumerate(lines):
        style = f"s{number % SERIES}"
        points = [(across.at(a), up.at(b)) for a, b in line.points if across.holds(a) and up.holds(b)]
        if line.step and points:
            points = _stepped(points)
        if len(points) > 1:
            parts.append(f'<polyline class="curve {style}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>')
        elif points:
            parts.append(_dot(*points[0], style))
        if line.span and across.holds(line.span[0]) and all(map(up.holds, line.span[1:])):
            place, low, high = across.at(line.span[0]), up.at(line.span[1]), up.at(line.span[2])
            parts.append(f'<path class="bar {style}" d="M{place:.1f} {low:.1f}V{high:.1f}M{place - 5:.1f} {low:.1f}h10M{place - 5:.1f} {high:.1f}h10"/>')
        for a, b, text in line.marks:
            if across.holds(a) and up.holds(b):
                px, py = across.at(a), up.at(b)
                end = px > WIDTH * 0.7
                above = max(TOP + 8, py - 6)
                parts += [_dot(px, py, style), _text(px + (-7 if end else 7), py + 17 if number % 2 else above, text, "end" if end else "start")]
    return _svg(parts, title)


def intervals(bars: Sequence[Bar], *, title: str, x: str, write: Write = plain) -> Markup:
    """Estimates below each other on a logarithmic axis, with a line at 1."""
    left, height = 150, TOP + ROW * len(bars) + BOTTOM
    across = Axis([value for bar in bars for value in (bar.low, bar.value, bar.high)] + [1.0], left, WIDTH - RIGHT - 20, True, write, room=0.04)
    floor = height - BOTTOM
    parts = []
    for tick in across.ticks():
        parts.append(f'<line class="grid" x1="{across.at(tick):.1f}" x2="{across.at(tick):.1f}" y1="{TOP}" y2="{floor}"/>')
        parts.append(_text(across.at(tick), floor + 16, write(tick), "middle", "soft"))
    parts.append(f'<line class="even" x1="{across.at(1):.1f}" x2="{across.at(1):.1f}" y1="{TOP}" y2="{floor}"/>')
    parts.append(_text((left + WIDTH - RIGHT) / 2, height - 8, x, "middle"))
    for number, bar in enumerate(bars):
        y, style = TOP + ROW * number + ROW / 2, f"s{bar.colour % SERIES}"
        parts.append(_text(left - 8, y + 4, _short(bar.name), "end"))
        if across.holds(bar.low) and across.holds(bar.high):
            parts.append(f'<line class="bar {style}" x1="{across.at(bar.low):.1f}" x2="{across.at(bar.high):.1f}" y1="{y}" y2="{y}"/>')
        if across.holds(bar.value):
            parts.append(_dot(across.at(bar.value), y, style))
    return _svg(parts, title, height)


def roofline(points: Sequence[Roof], *, title: str) -> Markup:
    """What was reached under what the device can do at that intensity; the roof is known at these intensities only."""
    points = sorted(points, key=lambda point: point.intensity)
    across = Axis([point.intensity for point in points], LEFT, WIDTH - RIGHT, True, room=0.1)
    up = Axis([value for point in points for value in (point.reached, point.roof)], HEIGHT - BOTTOM, TOP, True, _rate, room=0.08)
    parts = _frame(across, up, "operations per byte", "operations per second")
    top = [(across.at(point.intensity), up.at(point.roof)) for point in points]
    if len(top) > 1:
        parts.append(f'<polyline class="curve s1" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in top)}"/>')
    parts += [f'<line class="bar s1" x1="{a - 8:.1f}" x2="{a + 8:.1f}" y1="{b:.1f}" y2="{b:.1f}"/>' for a, b in top]
    for point in points:
        px, py = across.at(point.intensity), up.at(point.reached)
        parts += [_dot(px, py, "s0"), _text(px, py + 17, _short(point.name), "middle")]
    return _svg(parts, title)


def _rate(value: float) -> str:
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return plain(value)


def _stepped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found = [points[0]]
    for (_, before), (a, b) in itertools.pairwise(points):
        found += [(a, before), (a, b)]
    return found


def _frame(across: Axis, up: Axis, x: str, y: str) -> list[str]:
    parts = []
    for tick in up.ticks():
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up.at(tick):.1f}" y2="{up.at(tick):.1f}"/>')
        parts.append(_text(LEFT - 6, up.at(tick) + 4, up.write(tick), "end", "soft"))
    for tick in across.ticks():
        parts.append(f'<line class="grid" x1="{across.at(tick):.1f}" x2="{across.at(tick):.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>')
        parts.append(_text(across.at(tick), HEIGHT - BOTTOM + 18, across.write(tick), "middle", "soft"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x, "middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text text-anchor="middle" transform="translate(12 {middle:.1f}) rotate(-90)">{escaped(y)}</text>')
    return parts


def _short(name: str) -> str:
    return name if len(name) <= WIDE_NAME else f"{name[: WIDE_NAME - 1]}…"


def _dot(x: float, y: float, style: str) -> str:
    return f'<circle class="dot {style}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(text)}</text>'


def _svg(parts: Iterable[str], title: str, height: float = HEIGHT) -> Markup:
    body = "\n".join(parts)
    name = escaped(title)
    return Markup(f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}"><title>{name}</title>\n{body}\n</svg>')
