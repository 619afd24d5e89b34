"""How a verb tells what the guards found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn.finding import Finding
    from churn.params import Params
    from pipelines.echo import Echo


def echo_findings(
    found: Sequence[Finding], params: Params, echo: Echo, section: str = "evaluate.accept"
) -> None:
    """Say what a person signed off, and warn of the rest; `section` is where to sign it off."""
    from churn.guards.sign_off import told

    signed, warnings = told(found, params, section)
    for line in signed:
        echo(line)
    for line in warnings:
        echo.warn(line)


def echo_earlier_findings(found: Sequence[Finding], params: Params, echo: Echo, verb: str) -> None:
    """Say in one line what the guards of an earlier verb found, which that verb told in full."""
    from churn.guards.sign_off import counted

    if found:
        echo(f"guards of `churn {verb}`: {counted(found, params)}.")
