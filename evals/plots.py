"""Plots of scored runs beside each other, as SVG text that is the same for the same runs.

Needs the extra `report` (matplotlib). Colours are those of Okabe and Ito, which people with colour-blindness tell
apart; each run has a marker of its own, too.
"""

from __future__ import annotations

import io
import logging
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.compare import Run
from codeopt.evals.costs import Cost
from codeopt.evals.rows import summary
from codeopt.machine import library_version

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
MARKERS = "osD^vPX*<>h"
MOST_KS = 20
"""Points of a curve over k."""
NAME_WIDTH = 30
"""Most characters of a run's name in a legend; the tables have all of it."""
NARROW = 3.0
"""Ratios that differ by less than this factor are legible on a linear axis."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 12,
    "legend.fontsize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#DDDDDD",
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        title: A few words.
        caption: How to read it, and which runs are not in it.
        svg: An <svg> element without scripts and links; "" where no run has what it shows.
    """

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Look:
    """How a run looks in all plots."""

    name: str
    colour: str
    marker: str


@dataclass(frozen=True)
class Curve:
    """The headline figure of a run for the best of k samples, with its interval over problems."""

    ks: list[int]
    values: list[float]
    low: list[float]
    high: list[float]


def draw(runs: Sequence[Run], costs: Sequence[Cost | None]) -> list[Plot]:
    """All plots of runs of one kind.

    Raises:
        UserError: matplotlib is not installed.
    """
    if not library_version("matplotlib"):
        raise UserError("plots need matplotlib", 'pip install "codeopt[report]"')
    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # that it builds a cache of fonts is nobody's concern
    looks = [Look(_short(run.name), COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, run in enumerate(runs)]
    curves = [curve(run) for run in runs]
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's own fonts draw the text
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        return [
            _over_k(runs, looks, curves),
            _distribution(runs, looks),
            _trade(runs, looks),
            *_cost(runs, looks, curves, costs),
        ]


def curve(run: Run) -> Curve:
    """The headline over k = 1 … the least number of samples of a problem; some of them where there are many."""
    groups = list(run.scores.values())
    least = min(map(len, groups))
    ks = sorted({round(least ** (i / (MOST_KS - 1))) for i in range(MOST_KS)}) if least > MOST_KS else list(range(1, least + 1))
    name = run.row.headline.removesuffix("1")
    table = [[run.row.at_k(k)[f"{name}{k}"](group) for group in groups] for k in ks]
    bounds = metrics.mean_intervals(table)
    return Curve(ks, [sum(row) / len(row) for row in table], [low for low, _ in bounds], [high for _, high in bounds])


def _over_k(runs: Sequence[Run], looks: Sequence[Look], curves: Sequence[Curve]) -> Plot:
    row = runs[0].row
    figure, axes = _figure(len(looks))
    alone = [i for i, one in enumerate(curves) if len(one.ks) == 1]
    for i, (look, one) in enumerate(zip(looks, curves)):
        if i in alone:  # side by side: all of them are at k = 1
            place = 1 + (alone.index(i) - (len(alone) - 1) / 2) * 0.06
            _cross(axes, look, (place, place, place), (one.values[0], one.low[0], one.high[0]))
        else:
            axes.fill_between(one.ks, one.low, one.high, color=look.colour, alpha=0.13, linewidth=0)
            axes.plot(one.ks, one.values, color=look.colour, marker=look.marker)
    most = max(one.ks[-1] for one in curves)
    axes.set_xlim(0.5, most + 0.5)
    axes.xaxis.set_major_locator(_whole_numbers(most))
    axes.set_xlabel("k: samples of which the best counts")
    axes.set_ylabel(row.headline.replace("@1", "@k"))
    _scale(axes.yaxis, [one.low[0] for one in curves] + [one.high[-1] for one in curves], row.ratio)
    caption = "Mean over problems, expected for the best of k samples; the bands (bars) are 95 % bootstrap intervals over problems."
    return Plot(f"{row.headline.replace('@1', '@k')} over k", caption, _svg(figure, looks, "over-k"))


def _distribution(runs: Sequence[Run], looks: Sequence[Look]) -> Plot:
    row = runs[0].row
    figure, axes = _figure(len(looks))
    found = [sorted(one.gain for one in run.rows) for run in runs]
    positive = [gain for gains in found for gain in gains if gain > 0] or [1.0]
    if row.ratio:
        left, right = min(0.8, min(positive) * 0.9), max(1.3, max(positive) * 1.1)
    else:
        left, right = -0.02, max(1.05, max(positive) * 1.05)
    for look, gains in zip(looks, found):
        # A sample that did not pass has no place on a logarithmic axis: its share is where the line begins.
        xs, ys = [left], [0.0]
        for number, gain in enumerate(gains, 1):
            xs.append(max(left, gain))
            ys.append(number / len(gains))
        right_ones = [place for place, x in enumerate(xs) if x > max(left, 0.0)]
        marks = sorted({right_ones[len(right_ones) * quarter // 4] for quarter in (1, 2, 3)}) if right_ones else [0]
        axes.plot([*xs, right], [*ys, 1.0], color=look.colour, drawstyle="steps-post", marker=look.marker, markevery=marks)
    axes.axvline(1.0, color="#555555", linewidth=1, linestyle=(0, (4, 3)))
    _scale(axes.xaxis, [left, right], row.ratio)
    axes.set_xlim(left, right)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(row.gain_name)
    axes.set_ylabel("share of samples at or below")
    caption = "Of all samples of a run, the share that gains at most so much: further right and lower is better. "
    caption += "The line begins at the share that did not pass" + ("." if row.ratio else ", or passed too slowly to score.")
    return Plot("Gain of single samples", caption, _svg(figure, looks, "distribution"))


def _trade(runs: Sequence[Run], looks: Sequence[Look]) -> Plot:
    row = runs[0].row
    figure, axes = _figure(len(looks))
    heights, missing = [], []
    for run, look in zip(runs, looks):
        figures = summary(run.rows, [1])
        if row.given_pass not in figures:
            missing.append(run.name)
            continue
        _cross(axes, look, _around(figures["pass@1"]), _around(figures[row.given_pass]))
        heights += figures[row.given_pass]
    axes.set_xlabel("pass@1")
    axes.set_ylabel(row.given_pass.replace("_", " "))
    _scale(axes.yaxis, heights, row.ratio)
    caption = "How often a sample is right, and how good it is when it is; bars are 95 % bootstrap intervals over problems."
    if missing:
        caption += f" Not shown, as no sample passed: {', '.join(missing)}."
    svg = _svg(figure, looks, "trade") if heights else ""
    return Plot("Right, and good when right", caption, svg)


def _cost(runs: Sequence[Run], looks: Sequence[Look], curves: Sequence[Curve], costs: Sequence[Cost | None]) -> list[Plot]:
    """By tokens, and by dollars where a run knows them."""
    if not any(costs):
        said = "No run knows what its samples cost: that is kept where codeopt generated them, and their samples.jsonl is still there."
        return [Plot("Cost", said, "")]
    plots = [_cost_in("tokens", runs, looks, curves, [one.tokens if one else None for one in costs])]
    if any(one is not None and one.dollars is not None for one in costs):
        plots.append(_cost_in("dollars", runs, looks, curves, [one.dollars if one else None for one in costs]))
    return plots


def _cost_in(
    unit: str, runs: Sequence[Run], looks: Sequence[Look], curves: Sequence[Curve], each: Sequence[float | None]
) -> Plot:
    row = runs[0].row
    figure, axes = _figure(len(looks))
    xs: list[float] = []
    ys: list[float] = []
    for look, one, cost in zip(looks, curves, each):
        if cost is None:
            continue
        places = [k * cost for k in one.ks]
        if len(places) == 1:
            _cross(axes, look, (places[0],) * 3, (one.values[0], one.low[0], one.high[0]))
        else:
            axes.fill_between(places, one.low, one.high, color=look.colour, alpha=0.13, linewidth=0)
            axes.plot(places, one.values, color=look.colour, marker=look.marker)
        xs += places
        ys += [one.low[0], one.high[-1]]
    _cost_scale(axes.xaxis, xs)
    _scale(axes.yaxis, ys, row.ratio)
    axes.set_xlabel(f"{unit} for each problem")
    axes.set_ylabel(row.headline.replace("@1", "@k"))
    caption = f"What k samples for each problem cost in {unit}, and what the best of them is worth; k = 1 is the leftmost point of a run."
    if missing := [run.name for run, cost in zip(runs, each) if cost is None]:
        caption += f" Not shown, as their {unit} are not known: {', '.join(missing)}."
    shown = [look for look, cost in zip(looks, each) if cost is not None]
    return Plot(f"Cost in {unit}", caption, _svg(figure, shown, unit))


def _figure(runs: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.5 + 0.24 * math.ceil(runs / 2)), layout="constrained")
    return figure, figure.add_subplot()


def _cross(axes: Any, look: Look, across: Sequence[float], up: Sequence[float]) -> None:
    """A point with intervals, each as (value, low, high)."""
    bars = [[[max(0.0, value - low)], [max(0.0, high - value)]] for value, low, high in (across, up)]
    axes.errorbar(
        across[0], up[0], xerr=bars[0] if across[1] < across[2] else None, yerr=bars[1], color=look.colour, marker=look.marker,
        capsize=3, elinewidth=1.2, linestyle="none",
    )


def _around(figure: Sequence[float]) -> tuple[float, float, float]:
    value, low, high = figure
    return value, low, high


def _whole_numbers(most: int) -> Any:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    return FixedLocator(range(1, most + 1)) if most <= 12 else MaxNLocator(integer=True)


def _scale(axis: Any, values: Sequence[float], ratio: bool) -> None:
    """Ratios on a logarithmic axis where they differ by much, written as "2×"; other values as they are."""
    if ratio:
        wide = bool(values) and min(values) > 0 and max(values) / min(values) >= NARROW
        _ticks(axis, max(values) / min(values) if wide else 0.0, lambda value: f"{value:g}×")


def _cost_scale(axis: Any, values: Sequence[float]) -> None:
    """Logarithmic where costs differ by much; with rules, which cost nothing, as well."""
    least, most = min((value for value in values if value > 0), default=0.0), max(values)
    if not least or most / least < NARROW:
        axis.axes.set_xlim(left=0)
        axis.set_major_formatter(_written(lambda value: f"{value:,g}"))
    elif min(values) > 0:
        _ticks(axis, most / least, lambda value: f"{value:,g}")
    else:
        decades = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
        axis.axes.set_xscale("symlog", linthresh=least)
        axis.set_ticks([0.0, *(10.0**decade for decade in decades if 10.0**decade >= least)])
        axis.set_ticks([], minor=True)
        axis.set_major_formatter(_written(lambda value: f"{value:,g}"))


def _ticks(axis: Any, factor: float, text: Callable[[float], str]) -> None:
    """A logarithmic axis over that factor, linear for 0, with its ticks written by `text`."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if factor:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        steps = (1, 1.5, 2, 3, 5, 7) if factor < 12 else (1, 2, 5) if factor < 200 else (1,)
        axis.set_major_locator(LogLocator(subs=steps, numticks=12))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(_written(text))


def _written(text: Callable[[float], str]) -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: text(round(value, 10)))


def _svg(figure: Any, looks: Sequence[Look], name: str) -> str:
    """The figure with a legend below it, as an element of an HTML page."""
    import matplotlib
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=look.colour, marker=look.marker) for look in looks]
    # The names come last: a label that begins with "_" would be left out, and one with "$" read as a formula.
    legend = figure.legend(handles, ["run"] * len(looks), loc="outside lower center", ncols=min(2, len(looks)))
    for text, look in zip(legend.get_texts(), looks):
        text.set_parse_math(False)
        text.set_text(look.name)
    out = io.StringIO()
    matplotlib.rcParams["svg.hashsalt"] = f"codeopt-{name}"  # ids of two plots on one page differ
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    # Groups have ids that nothing refers to and that would be there once for each plot.
    return re.sub(r'<g id="[^"]*">', "<g>", text[text.index("<svg") :])


def _short(name: str) -> str:
    """A name that fits into a legend."""
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH // 2]}…{name[1 - NAME_WIDTH // 2 :]}"
