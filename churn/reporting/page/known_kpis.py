"""The figures of retention that the page of a night may show, each with its place in kpis.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from churn.errors import SourceError
from churn.kpis.figure import Figure
from churn.kpis.section import SectionResult
from churn.kpis.sections import Kpis, read_kpis
from churn.kpis.series import SERIES, in_series
from churn.reporting.page.provenance import Source

FILE = Source("kpis.json")
COMPUTE_AGAIN = "Run `churn kpis`, then `churn report`."
NO_KPIS = f"The figures of retention are not computed yet. {COMPUTE_AGAIN}"


@dataclass(frozen=True)
class RowSource(Source):
    """The place of a table's row in a file. The file holds one list for each column of the table.

    >>> str(RowSource("kpis.json", ("sections", "retention", "series", 3), 7).at("value"))
    'kpis.json#/sections/retention/series/3/value/7'
    """

    row: int = 0

    def at(self, *steps: str | int) -> Source:
        """Return the place of the row's value in one column; `steps` are the keys that lead to the column."""
        return Source(self.file, (*self.steps, *steps, self.row))


@dataclass(frozen=True)
class PlacedFigure:
    """A figure of retention and its place in kpis.json."""

    figure: Figure
    source: Source


@dataclass(frozen=True)
class KnownKpis:
    """The figures of retention that were already known on a night.

    Attributes:
        kpis: The figures; None if the page shows none.
        reason: Why there are no figures, as a sentence; empty if there are figures.
        warning: A sentence about something that a person must repair, with a way out; empty if there is
            nothing.
    """

    kpis: Kpis | None
    reason: str = ""
    warning: str = ""

    def section(self, name: str) -> SectionResult | None:
        """Return a section of kpis.json; None if there are no figures, or no section of this name."""
        return None if self.kpis is None else self.kpis.sections.get(name)

    @cached_property
    def figures(self) -> Mapping[tuple[str, str], tuple[PlacedFigure, ...]]:
        """Return the figures that cover all customers, by name and kind of period, in order of time."""
        result: dict[tuple[str, str], list[PlacedFigure]] = {}
        for name, section in self.kpis.sections.items() if self.kpis else ():
            for number, figures in enumerate(in_series(section.figures)):
                for row, figure in enumerate(figures if figures[0].slice is None else ()):
                    source = RowSource(FILE.file, ("sections", name, SERIES, number), row)
                    result.setdefault((figure.name, figure.period.kind), []).append(
                        PlacedFigure(figure, source)
                    )
        return {
            key: tuple(sorted(figures, key=lambda placed: placed.figure.period.start))
            for key, figures in result.items()
        }

    def history(self, name: str) -> tuple[PlacedFigure, ...]:
        """Return the monthly values of a figure; if there are none, its values for other periods."""
        return self.figures.get((name, "month")) or self.figures.get((name, "window")) or ()

    def by_month(self, name: str) -> Mapping[date, PlacedFigure]:
        """Return the monthly values of a figure, each under the first day of its month; months without a
        value are left out.
        """
        return {
            placed.figure.period.start: placed
            for placed in self.figures.get((name, "month"), ())
            if placed.figure.value is not None
        }


UNKNOWN_KPIS = KnownKpis(None, NO_KPIS)


def read_known_kpis(output: Path, night: date, label_id: str) -> KnownKpis:
    """Read the figures of retention, unless they use data from after the night.

    Args:
        output: The output folder.
        night: The cutoff of the night that the page shows.
        label_id: The id of the label that the night predicts.
    """
    try:
        kpis = read_kpis(output)
    except FileNotFoundError:
        return UNKNOWN_KPIS
    except SourceError as error:
        return KnownKpis(
            None,
            f"The figures of retention cannot be read. {COMPUTE_AGAIN}",
            f"{error} The report leaves out the figures of retention.",
        )
    if kpis.cutoff > night:
        return KnownKpis(
            None,
            f"The figures of retention use data up to {kpis.cutoff}, which is after this night. Run "
            f"`churn kpis --cutoff {night}`, then `churn report --cutoff {night}`.",
        )
    if kpis.label_id != label_id:
        return KnownKpis(
            None,
            f"The figures of retention use another definition of leaving than this night. {COMPUTE_AGAIN}",
        )
    return KnownKpis(kpis)
