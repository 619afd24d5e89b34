"""Small line charts as SVG, written without a library; each has a few hundred bytes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

PADDING = 3
NO_ATTRIBUTES = Markup("")


def sparkline(
    values: Sequence[float | None],
    label: str,
    attributes: Markup = NO_ATTRIBUTES,
    width: int = 132,
    height: int = 32,
) -> Markup:
    """Return a line through values, with a dot at the last value; empty if fewer than two values are known.

    Args:
        values: The values in order; where a value is not known, the line has a gap.
        label: A text that says what the chart shows, for readers who cannot see it.
        attributes: Further HTML attributes of the `svg` element.
        width: The width in units of the drawing.
        height: The height in units of the drawing.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = (width - 2 * PADDING) / (len(values) - 1)
    points = [
        None
        if value is None
        else (
            PADDING + index * step,
            height / 2 if high == low else PADDING + (high - value) / span * (height - 2 * PADDING),
        )
        for index, value in enumerate(values)
    ]
    path, is_open = [], False
    for point in points:
        if point is not None:
            path.append(f"{'L' if is_open else 'M'}{point[0]:.1f} {point[1]:.1f}")
        is_open = point is not None
    x, y = [point for point in points if point is not None][-1]
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}"'
        f"{attributes}>"
        f'<path d="{"".join(path)}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )
