"""Where the report is, and putting it there in one step."""

from __future__ import annotations

from pathlib import Path

from churn.data.files import write_whole


def report_path(output: Path) -> Path:
    """Return the place of the report."""
    return output / "report" / "index.html"


def write_report(output: Path, html: str) -> Path:
    """Write the page; readers see the old page or the new one."""
    path = report_path(output)
    write_whole(path, html.encode())
    return path
