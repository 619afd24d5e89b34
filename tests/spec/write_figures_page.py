"""Write docs/figures.md from the catalogue of figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from churn.kpis.catalog import GROUPS
from churn.kpis.definitions.definition import FigureDefinition
from churn.params import KpisParams
from tests.spec.figure_sections import SECTION_TEXTS

DOCUMENT = "docs/figures.md"

HEAD = """# The figures of retention

`churn kpis` computes these figures from the store and writes them to `output/kpis/kpis.json`: by week (from
Monday), month and quarter of local days, and by the segments of `kpis.segments`. A period is
`[start, end)`, and only complete periods count. `--cutoff` computes the figures as of an earlier midnight.
The screen shows the latest months; `output/kpis/tables.txt` also has the tables of all sections. With orders,
`output/kpis/next_orders.csv` names each customer with orders on three or more days: the last order, the usual
interval (the median), the day on which the next order is expected, and by how many days it is overdue.

Each figure has a value, its unit, the size `n` of its population, a 95 % interval where one can be computed,
and notes where a formula has variants. A figure that is not defined has a `reason` and no value: it is never
0 and never infinite. `definitions` in the file holds the texts of this page. `make docs` writes this page
from the code.

A customer is active at a midnight as the label says: a contract is in force (the grace of `label.grace_days`
closes the gap to the next contract), or an event of the label's table lies within `label.active_days`
before. So with contracts, the figures of a period are known only after the grace.

In the file, the figures of a section stand in `series`: one for each figure, kind of period and segment. A
series has the columns `start`, `value`, `low`, `high` and `n`, each with an entry for each period; a column
without any entry is absent. A window also has an `end`. `reason` and `notes` are objects with an entry for
the number of the period, from 0. The file holds the last three years of weeks and of segments, and all months
and quarters of all customers.

With [a label of an event](labels.md#an-event) the section `event` stands first, and `missing_sections` says
why those about leaving are absent: an event does not say who stays a customer.

The figures marked as watched raise an alarm: the latest week or month is compared with the median of the
weeks or months shortly before, and this distance with the distances of the past, by their median and median
absolute deviation. Where two years exist, the season is taken out first. Watched are also the stages, the
classes of ratings and, by month, the segments; there are many of these, so their limits lie further away. An
alarm is a line of `churn kpis` and an entry in `kpis.json` with the usual value and the limit; the exit code
stays 0.
"""


def written() -> str:
    """Return the text of the document."""
    return "\n".join([HEAD, *_terms(), *_groups(), *_sections()])


def _terms() -> Iterator[str]:
    yield "## Terms\n\nThe section `kpis` of params.yaml; every key has a default. The margin and discount"
    yield "are those of `score.value`.\n\n| key | default | meaning |\n|---|---|---|"
    for name, entry in KpisParams.model_fields.items():
        default = "" if entry.default in (None, ()) else f"`{entry.default}`"
        yield f"| `{name}` | {default} | {entry.description} |"
    yield ""


def _groups() -> Iterator[str]:
    for title, definitions in GROUPS.items():
        yield f"## {title}\n"
        yield "| figure | unit | definition | population | edge cases |\n|---|---|---|---|---|"
        for definition in definitions:
            yield _row(definition)
        yield ""


def _sections() -> Iterator[str]:
    for title, text in SECTION_TEXTS.items():
        yield f"## {title}\n\n{text.strip()}\n"


def _row(definition: FigureDefinition) -> str:
    direction = f"; {definition.better} is better" if definition.better else ""
    direction += "; watched" if definition.is_watched else ""
    cells = (
        f"`{definition.name}` {definition.title}",
        f"{definition.unit}{direction}",
        definition.definition + (f" ({definition.source})" if definition.source else ""),
        definition.population,
        definition.edges,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    Path(DOCUMENT).write_text(written(), encoding="utf-8")
