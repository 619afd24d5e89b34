"""The definitions of the figures about why customers left."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

LEAVING_REASONS = (
    FigureDefinition(
        name="reasons_recorded",
        title="leavers with a recorded reason",
        unit="%",
        digits=1,
        population="customers whose contract ended for good in the last 364 days",
        definition="leavers whose ended contract has a `reason` / leavers * 100",
        better="higher",
        edges="the end of a contract counts only when `label.grace_days` plus `snapshot.late_days` have "
        "passed after it. The figure is missing if there is no column `reason`, or if nobody left. "
        "Interval: Wilson",
    ),
    FigureDefinition(
        name="leavers_on_risk_list",
        title="leavers with a reason from us before",
        unit="%",
        digits=1,
        population="leavers who were scored on a night in the 31 days before they left",
        definition="of these, customers for whom the last night before they left gave a reason / all * 100; "
        "nights give reasons for the call list and for customers of health 1 and 2",
        better="higher",
        edges="no such night: missing. Interval: Wilson",
    ),
)
