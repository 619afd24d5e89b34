"""The definition of the engagement score."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

ENGAGEMENT = (
    FigureDefinition(
        name="engagement",
        title="engagement score, mean",
        unit="0..100",
        digits=1,
        population="customers active at the cutoff",
        definition="mean over customers of 100 * sum of w_f * percentile_f / sum of w_f: the percentile of "
        "the customer's activity of each family in the last 28 days, among the active customers of the same "
        "plan and band of tenure; a family is a table of events, all weights are 1, and mails count as "
        "opened / sent",
        better="higher",
        edges="the mean over all customers is always about 50, so compare segments. A family is left out of "
        "a customer's score if the customer cannot have its events. For example, mails are left out if no "
        "mail was sent to the customer. The notes of this figure give the coverage: the share of the "
        "families that a customer's score includes, as a mean over customers. Missing if there is no table "
        "of events, or if nobody is active. Interval: over customers",
        by_segment=True,
    ),
)
