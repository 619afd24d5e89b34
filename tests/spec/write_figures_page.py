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

`churn kpis` computes the figures of this page from the store and writes them to `output/kpis/kpis.json`. The
figures are computed for each week (from Monday), each month and each quarter, and for the segments of
`kpis.segments`. Days are local days. A period is
`[start, end)`, and only complete periods count. With `--cutoff`, `churn kpis` computes the figures as they
were known at an earlier midnight. `churn kpis` prints the figures of the latest months;
`output/kpis/tables.txt` also has the tables of all sections. If the company has orders,
`output/kpis/next_orders.csv` says when each customer with orders on three or more days is expected to order
next. The file also gives the customer's last order, the usual interval (the median), and by how many days
the next order is overdue.

Each figure has a value, a unit and the size `n` of its population. Many figures also have a 95 % interval.
Some figures have notes, for example about the variant of the formula. A figure that is not defined has a
`reason` and no value: it is never 0 and never infinite. The key `definitions` of `kpis.json` holds the texts
of this page. `make docs` writes this page from the code.

The label decides whether a customer counts as active at a midnight. With a contract label, a customer is
active if a contract is in force. The customer stays active in a gap of at most `label.grace_days` days before
the next contract. The rows about a contract may arrive late, by up to `snapshot.late_days` days. So the
figures of a period are known only `label.grace_days` plus `snapshot.late_days` days after the end of the
period. With an inactivity label, a customer is active if an event of the label's table lies within the last
`label.active_days`.

In `kpis.json`, the figures of a section are in `series`: one series for each figure, kind of period and
segment. A series has the columns `start`, `value`, `low`, `high` and `n`, each with one value or null
for each period; a column of only nulls is left out. If the periods are not weeks, months or quarters, the
series also has a column `end`, the end of each period.
A series may also have the objects `reason` and `notes`. Each entry of these objects belongs to one period;
not every period has an entry. The key of an entry is the position of its period in `start`: "0" is the first
period, "1" the second. For all customers together, the monthly and quarterly figures go back as far as the
data. Weekly figures and figures of segments go back only three years.

If [the label is an event](labels.md#an-event), `kpis.json` begins with the section `event`. This label
does not say who stays a customer, so the sections about leaving are missing. The key `missing_sections`
lists the missing sections.

A figure with the mark "watched" can raise an alarm. The usual value of a week or month is the median of the
weeks or months shortly before. For each past week or month, its value minus its usual value is computed (the
distance). For the latest week or month, the expected value is the usual value plus the median distance. The
lower limit lies below the expected value, and the upper limit lies above it. If the past distances vary more
(median absolute deviation), the two limits are further apart. A value outside the limits raises an alarm,
unless the value is better than usual. If two years of data exist, both limits are also computed from the
values without their yearly pattern (the season). Of the two pairs of limits, the narrower pair is used.
Groups of customers are watched too: each stage of the playbook, each class of ratings (such as promoters)
and each segment. Segments are watched only by month. Because there are many such groups, an alarm about a
group needs a larger distance from the expected value. For each alarm, `churn kpis` prints a line, and
`kpis.json` has an entry with the expected value (`usual`) and the limit that the latest value crossed
(`limit`); the exit code stays 0.
"""


def written() -> str:
    """Return the text of the document."""
    return "\n".join([HEAD, *_terms(), *_groups(), *_sections()])


def _terms() -> Iterator[str]:
    yield (
        "## Terms\n\nThe section `kpis` of `params.yaml` holds the settings of the figures; every key has "
        "a default. The margin (the share of the revenue that counts) and the discount rate"
    )
    yield "are in the section `score.value`.\n\n| key | default | meaning |\n|---|---|---|"
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
