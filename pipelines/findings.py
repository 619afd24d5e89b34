"""How a verb tells what the guards found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn.guards.finding import Finding
    from churn.params import Params
    from pipelines.say import Say


def say_findings(
    found: Sequence[Finding], params: Params, say: Say, section: str = "evaluate.accept"
) -> None:
    """Say what a person signed off, and warn of the rest; `section` is where to sign it off."""
    from churn.guards.model.signing import told

    signed, warnings = told(found, params, section)
    for line in signed:
        say(line)
    for line in warnings:
        say.warn(line)


def say_earlier(found: Sequence[Finding], params: Params, say: Say, verb: str) -> None:
    """Say in one line what the guards of an earlier verb found, which that verb told in full."""
    from churn.guards.model.signing import counted

    if found:
        say(f"guards of `churn {verb}`: {counted(found, params)}.")
