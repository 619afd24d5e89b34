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
    from churn.reporting.report import read_night_files, render_report, write_report

    night = read_night_files(params.output, cutoff)
    if night.result is None:
        echo.warn("there is no evaluation: the report says so. Run `churn evaluate` for the quality section.")
    path = write_report(params.output, render_report(night))
    echo(f"report of {night.cutoff}: {path}")
    return 0


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("report"))
