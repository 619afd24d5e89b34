"""Write the report of a night: one page that needs no other file."""

from __future__ import annotations

from datetime import date

from churn.params import Params
from churn.reporting.page.sources import read_report_sources
from churn.reporting.report import render_report, write_report
from pipelines.browser import open_page
from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, echo: Echo, open: bool = False) -> int | None:
    """Write the page of a night (the latest by default) from its files and the evaluation.

    `output/report/nights` keeps the page of each night; `output/report/index.html` is the latest one.

    Args:
        params: All of params.yaml.
        cutoff: The night; by default the latest one that was scored.
        echo: Prints lines, warnings and progress.
        open: Whether to open the page in a browser.

    Raises:
        CallError: no night was scored, or the requested night was not scored.
    """
    night = read_report_sources(params.output, cutoff)
    for warning in night.warnings:
        echo.warn(warning)
    if night.result is None:
        echo.warn(
            "there is no evaluation, so the report has no quality section. Run `churn evaluate` to add "
            "this section."
        )
    language = params.page_language
    path = write_report(night, render_report(night, language), language)
    echo(f"report of {night.cutoff}: {path}")
    if open:
        open_page(path.absolute().as_uri(), echo)
    return 0


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("report"))
