"""Charts that become parts of a page: the style sheet of the page sets the size, the font and the colours of
their SVG.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from markupsafe import Markup
from matplotlib.figure import Figure

from churn.reporting.plots import style

PAGE_COLOURS = {
    "#ffffff": "none",
    style.INK: "var(--ink)",
    style.MAIN: "var(--main)",
    style.ACCENT: "var(--accent)",
    style.SOFT: "var(--soft)",
}
"""For each colour of a chart, the variable of the style sheet that replaces it, so that charts follow light,
dark and print.
"""


def inline_figure(figure: Figure, name: str, label: str) -> Markup:
    """Return a figure as a part of a page; the same figure gives the same bytes.

    Args:
        figure: The figure of matplotlib.
        name: A name that is unique on the page, because two charts must not have the same id of a clip path.
        label: A text that says what the chart shows, for readers who cannot see it.
    """
    out = io.StringIO()
    no_metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with style.saving(figure, name):
        figure.savefig(out, format="svg", metadata=no_metadata)
    return inline_svg(out.getvalue(), name, label)


def inline_svg(svg: str, name: str, label: str, colours: Mapping[str, str] = PAGE_COLOURS) -> Markup:
    """Change an SVG from matplotlib so that it can be a part of a page, and return it.

    Args:
        svg: The text of the SVG file.
        name: A name that is unique on the page, because two charts must not have the same id of a clip path.
        label: A text that says what the chart shows, for readers who cannot see it.
        colours: For each colour in the SVG, the new colour.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(
        r"<style.*?</style>", "", svg, count=1, flags=re.DOTALL
    )  # the style is removed because it would apply to the whole page
    for colour, variable in colours.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font: \1px var(--font)", svg)
    svg = re.sub(r"font-family: [^;\"]+", "font-family: var(--font)", svg)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1).strip())
