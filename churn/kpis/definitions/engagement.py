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
        edges="the mean over all customers is always about 50, so compare segments. A customer's "
        "score leaves out each family of events that the customer cannot have, for example mails, if no mail "
        "was sent to the customer. "
        "The notes give the coverage: the share of the families that are not left out, as a mean over "
        "customers. Missing if there is no table of events, or if nobody is active. Interval: over customers",
        by_segment=True,
    ),
)
