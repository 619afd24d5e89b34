"""Charts as small SVG for the page that a team opens each morning.

The style sheet sets the colours. Each number in a chart names its source: a place in a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from churn.reporting.page.provenance import ROWS_BELOW, Source, alt_sources

WIDTH, HEIGHT = 440.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 20.0, 10.0, 38.0
LINE_HEIGHT = 14.0
EMPTY = Markup("")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """The range of an axis, the number of its ticks, how a tick is written, and the title of the axis."""

    low: float
    high: float
    text: Callable[[float], str]
    title: str = ""
    ticks: tuple[float, ...] = ()

    @property
    def tick_values(self) -> tuple[float, ...]:
        """Return the values at which the axis has ticks."""
        return self.ticks or nice_ticks(self.low, self.high)


@dataclass(frozen=True)
class Series:
    """A line of a chart, with a band `(x, low, high)` or with bars for the intervals.

    Attributes:
        points: The points of the line, each `(x, y)`.
        style: The name of the style, which is a class of the style sheet: `main`, `accent`, `ink` or `soft`.
        band: The interval at each x.
        is_dots: Whether each point is a dot with its interval as a bar; the dots are then not joined by a
            line.
        is_steps: Whether a value is drawn as constant until the next x.
    """

    points: tuple[tuple[float, float], ...]
    style: str = "main"
    band: tuple[tuple[float, float, float], ...] = ()
    is_dots: bool = False
    is_steps: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line at a value of x, with a text beside it."""

    x: float
    text: str | Markup


@dataclass(frozen=True)
class Part:
    """A part of a column in a chart: its size (positive goes up, negative goes down) and its style."""

    size: float
    style: str


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Return round values between two numbers, approximately `count` of them.

    >>> nice_ticks(0, 1)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    >>> nice_ticks(-34, 61)
    (-20.0, 0.0, 20.0, 40.0, 60.0)
    """
    if not high > low:
        return (low,)
    rough = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = unit * next(factor for factor in (1, 2, 2.5, 5, 10) if rough <= factor * unit * 1.0000001)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(number * step, 12) for number in range(first, last + 1))


def tick_digits(tick: float) -> int:
    """Return the number of decimals, at most 2, with which the text of a tick shows its exact value.

    >>> tick_digits(5.0), tick_digits(-2.5), tick_digits(0.1 + 0.15)
    (0, 1, 2)
    """
    return next((digits for digits in (0, 1) if abs(tick - round(tick, digits)) < 1e-9), 2)


class _Frame:
    """The area inside the axes, and the position of each value in it."""

    def __init__(self, x: Axis, y: Axis, foot: float = 0.0) -> None:
        self.x, self.y = x, y
        self.bottom = HEIGHT - BOTTOM
        self.height = HEIGHT + foot

    def at_x(self, value: float) -> float:
        span = (self.x.high - self.x.low) or 1.0
        return round(LEFT + (value - self.x.low) / span * (WIDTH - LEFT - RIGHT), 1)

    def at_y(self, value: float) -> float:
        span = (self.y.high - self.y.low) or 1.0
        inside = min(max(value, self.y.low), self.y.high)
        return round(self.bottom - (inside - self.y.low) / span * (self.bottom - TOP), 1)

    def axes(self) -> Markup:
        parts = []
        for value in self.y.tick_values:
            y = self.at_y(value)
            parts.append(Markup('<path class="gridline" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT))
            parts.append(
                Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
                    LEFT - 6, y + 4, self.y.text(value)
                )
            )
        for value in self.x.tick_values:
            parts.append(
                Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    self.at_x(value), self.bottom + 15, self.x.text(value)
                )
            )
        if self.x.title:
            parts.append(
                Markup('<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>').format(
                    WIDTH - RIGHT, self.bottom + 31, self.x.title
                )
            )
        return Markup("").join(parts)


def line_chart(
    label: str,
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    *,
    marks: Sequence[Mark] = (),
    foot: Sequence[tuple[float, Markup]] = (),
    foot_title: str = "",
) -> Markup:
    """Return a chart of lines over two axes, as SVG.

    Args:
        label: A text that says what the chart shows, for readers who cannot see it.
        series: The lines; the last one is drawn on top.
        x: The horizontal axis.
        y: The vertical axis.
        marks: Vertical lines with a text.
        foot: The numbers below the horizontal axis: for each, the value of x at which it stands, and its
            text.
        foot_title: What the numbers below the axis mean.
    """
    frame = _Frame(x, y, foot=2.2 * LINE_HEIGHT if foot else 0.0)
    parts = [frame.axes()]
    parts += [_draw_series(frame, line) for line in series]
    for mark in marks:
        at = frame.at_x(mark.x)
        is_right = at > WIDTH * 0.6
        parts.append(
            Markup(
                '<path class="mark" d="M{0} {1}V{2}"/>'
                '<text class="note" x="{3}" y="{4}" text-anchor="{5}">{6}</text>'
            ).format(
                at,
                TOP,
                frame.bottom,
                at + (-5 if is_right else 5),
                TOP + 10,
                "end" if is_right else "start",
                mark.text,
            )
        )
    if foot:
        parts.append(
            Markup('<text class="axis" x="{}" y="{}">{}</text>').format(2, frame.height - 18, foot_title)
        )
        parts += [
            Markup('<text class="foot" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                frame.at_x(value), frame.height - 4, number
            )
            for value, number in foot
        ]
    return _svg(label, frame.height, parts)


def _draw_series(frame: _Frame, line: Series) -> Markup:
    parts = []
    corners = [(frame.at_x(x), frame.at_y(y)) for x, y in line.points]
    if line.is_dots:
        parts += [
            Markup('<path class="line {}" d="M{} {}V{}"/>').format(
                line.style, frame.at_x(x), frame.at_y(low), frame.at_y(high)
            )
            for x, low, high in line.band
        ]
        parts += [
            Markup('<circle class="dot {}" cx="{}" cy="{}" r="3.5"/>').format(line.style, *at)
            for at in corners
        ]
        return Markup("").join(parts)
    if line.band:
        upper = [(frame.at_x(x), frame.at_y(high)) for x, _, high in line.band]
        lower = [(frame.at_x(x), frame.at_y(low)) for x, low, _ in line.band]
        path = _path(upper, line.is_steps) + "L" + _path(lower, line.is_steps, is_back=True)[1:] + "Z"
        parts.append(Markup('<path class="band {}" d="{}"/>').format(line.style, path))
    parts.append(Markup('<path class="line {}" d="{}"/>').format(line.style, _path(corners, line.is_steps)))
    return Markup("").join(parts)


def _path(corners: Sequence[tuple[float, float]], is_steps: bool, *, is_back: bool = False) -> str:
    """Return the path through some corners; with `is_back`, it goes from the last corner to the first."""
    walk = list(corners)
    if is_steps:
        walk = [walk[0]]
        for (_, before), (x, y) in pairwise(corners):
            walk += [(x, before), (x, y)]
    if is_back:
        walk.reverse()
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in walk)


def column_chart(
    label: str, columns: Sequence[tuple[str, Sequence[Part]]], text: Callable[[float], str]
) -> Markup:
    """Return a chart of columns with parts above and below zero, such as the customers gained and lost in
    each month.

    Args:
        label: A text that says what the chart shows, with the number of columns, for readers who cannot see
            it.
        columns: For each column, its title and its parts.
        text: A function that writes the value of a tick of the vertical axis.
    """
    tops = [sum(part.size for part in parts if part.size > 0) for _, parts in columns]
    depths = [sum(part.size for part in parts if part.size < 0) for _, parts in columns]
    y = Axis(min([0.0, *depths]), max([0.0, *tops]) or 1.0, text)
    frame = _Frame(Axis(0, len(columns), lambda _: "", ticks=(-1.0,)), y)
    width = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    drawn = [frame.axes()]
    every = math.ceil(len(columns) / 8)
    for number, (title, parts) in enumerate(columns):
        at = LEFT + number * width
        up = down = 0.0
        for part in parts:
            start = up if part.size > 0 else down
            end = start + part.size
            up, down = (end, down) if part.size > 0 else (up, end)
            top, bottom = frame.at_y(max(start, end)), frame.at_y(min(start, end))
            if bottom - top >= 0.1:
                drawn.append(
                    Markup('<rect class="area {}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        part.style,
                        round(at + 0.14 * width, 1),
                        top,
                        round(0.72 * width, 1),
                        round(bottom - top, 1),
                    )
                )
        if (len(columns) - 1 - number) % every == 0:
            drawn.append(
                Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    round(at + width / 2, 1), frame.bottom + 15, title
                )
            )
    drawn.append(Markup('<path class="zero" d="M{} {}H{}"/>').format(LEFT, frame.at_y(0), WIDTH - RIGHT))
    return _svg(label, HEIGHT - 16, drawn, alt_sources([ROWS_BELOW]))


def sparkline(label: str, values: Sequence[float | None]) -> Markup:
    """Return a small line chart without axes; a missing value is a gap in the line."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return EMPTY
    low, span = min(known), (max(known) - min(known)) or 1.0
    step = 116.0 / max(len(values) - 1, 1)
    path, is_open = "", False
    at = (0.0, 0.0)
    for number, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        at = (round(2 + number * step, 1), round(27 - (value - low) / span * 22, 1))
        path += f"{'L' if is_open else 'M'}{at[0]:g} {at[1]:g}"
        is_open = True
    return Markup(
        '<svg class="spark" viewBox="0 0 120 32" role="img" aria-label="{}"><path class="line main" d="{}"/>'
        '<circle class="dot main" cx="{:g}" cy="{:g}" r="2.5"/></svg>'
    ).format(label, path, *at)


def interval_bar(label: str, estimate: tuple[float, float, float], bounds: tuple[float, float]) -> Markup:
    """Return a value and its interval, drawn on a horizontal line with a mark at zero.

    Args:
        label: A text that says what the bar shows, for readers who cannot see it.
        estimate: The value, and the lower and upper bound of its interval.
        bounds: The values at the two ends of the line; zero must lie between them.
    """
    low, high = bounds

    def at(value: float) -> float:
        return round(4 + (min(max(value, low), high) - low) / ((high - low) or 1.0) * 192, 1)

    value, lower, upper = estimate
    style = "good" if lower > 0 else "bad" if upper < 0 else "main"
    return Markup(
        '<svg class="span" viewBox="0 0 200 20" role="img" aria-label="{}"><path class="zero" d="M{} 1V19"/>'
        '<path class="line {}" d="M{} 10H{}"/><circle class="dot {}" cx="{}" cy="10" r="4"/></svg>'
    ).format(label, at(0.0), style, at(lower), at(upper), style, at(value))


def length_bar(share: float, source: Source, style: str = "main") -> Markup:
    """Return a bar for a cell of a table; the number is written beside the bar.

    Args:
        share: The length of the bar as a share of the longest bar, 0 to 1.
        source: The source of the number that the bar shows: a place in a file.
        style: The class of the bar in the style sheet.
    """
    return Markup('<span class="meter"><i class="{}" data-length="{}" style="width:{}%"></i></span>').format(
        style, str(source), round(100 * min(max(share, 0.0), 1.0), 1)
    )


def _svg(label: str, height: float, parts: Sequence[Markup], attributes: Markup = EMPTY) -> Markup:
    return Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"{}>{}</svg>').format(
        WIDTH, height, label, attributes, Markup("").join(parts)
    )
