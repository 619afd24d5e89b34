"""The report of a night: one HTML page that needs no other file."""

from __future__ import annotations

from pathlib import Path

from churn.data.files import write_atomically
from churn.params import words_of
from churn.reporting.page.page import render_page
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Language, Words


def report_path(output: Path) -> Path:
    """Return the path of the report."""
    return output / "report" / "index.html"


def write_report(output: Path, html: str) -> Path:
    """Write the page in one step: a reader sees the whole old page or the whole new page."""
    path = report_path(output)
    write_atomically(path, html.encode())
    return path


def render_report(night: ReportSources, language: Language = "en") -> str:
    """Return the report as HTML in a language; everything that comes from data is escaped."""
    return render_page(night, Words(language, words_of(night.facts.label)))
