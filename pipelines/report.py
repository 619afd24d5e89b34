"""Write the report of a night: one page that opens anywhere."""

from __future__ import annotations

from datetime import date

from churn.params import Params
from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Write `output/report/index.html` from the files of a night (the latest by default) and the evaluation.

    Raises:
        CallError: no night is there, or not the one asked for.
    """
    from churn.reporting.report import read_sources, render, write_report

    sources = read_sources(params.output, cutoff)
    if sources.metrics is None:
        echo.warn("there is no evaluation: the report says so. Run `churn evaluate` for the quality section.")
    path = write_report(params.output, render(sources))
    echo(f"report of {sources.cutoff}: {path}")
    return 0


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("report"))
