"""The report of a night: an HTML page that needs no other file, and the pages of earlier nights beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from churn.data.files import dated_paths, write_atomically
from churn.params import words_of
from churn.reporting.page.history import NightFigures
from churn.reporting.page.page import render_page
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Language, Words
from churn.scoring.past_nights import scored_nights

NIGHTS = "nights"
"""The folder with the pages of all nights; it is beside the page of the latest night."""

NIGHTS_INDEX = "index.html"


def report_path(output: Path) -> Path:
    """Return the path of the report of the latest night."""
    return output / "report" / "index.html"


def night_page_path(output: Path, night: date) -> Path:
    """Return the path of the page of a night; this page stays when later nights come."""
    return output / "report" / NIGHTS / f"{night}.html"


def write_report(night: ReportSources, html: str, language: Language = "en") -> Path:
    """Write the page of a night and the list of all nights, and return the path of the page.

    `index.html` is always the page of the latest night. Each file is replaced in one step, so a reader sees
    either the whole old page or the whole new page.

    Args:
        night: The contents of the files about the night.
        html: The page of the night.
        language: The language of the list of nights.
    """
    path = night_page_path(night.output, night.cutoff)
    write_atomically(path, _one_folder_deeper(html).encode())
    index = render_nights(night, Words(language, words_of(night.facts.label)))
    write_atomically(path.with_name(NIGHTS_INDEX), index.encode())
    if any(later > night.cutoff for later in scored_nights(night.output)):
        return path
    write_atomically(report_path(night.output), html.encode())
    return report_path(night.output)


def _one_folder_deeper(html: str) -> str:
    """Return a page whose links are changed so that they work from the folder of nights."""
    return html.replace('href="../', 'href="../../').replace(f'href="{NIGHTS}/', 'href="')


def render_report(night: ReportSources, language: Language = "en") -> str:
    """Return the report as HTML in a language; all texts from the data are escaped."""
    return render_page(night, Words(language, words_of(night.facts.label)))


@dataclass(frozen=True)
class NightLine:
    """One night in the list of nights.

    Attributes:
        night: The cutoff of the night.
        has_page: Whether the night has a page.
        figures: The figures of the night; None if the night is not in the history that the page shows.
    """

    night: date
    has_page: bool
    figures: NightFigures | None


def render_nights(night: ReportSources, words: Words) -> str:
    """Return the list of all nights that have a page or scores, the latest night first."""
    figures = {figures.night: figures for figures in night.history.nights}
    pages = set(dated_paths(night.output / "report" / NIGHTS, suffix=".html"))
    nights = sorted(pages | set(scored_nights(night.output)), reverse=True)
    lines = tuple(NightLine(cutoff, cutoff in pages, figures.get(cutoff)) for cutoff in nights)
    return str(words.render("nights.html", lines=lines))
