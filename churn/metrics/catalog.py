"""The catalogue of metrics, and of candidates: the models and rules that an evaluation compares.

Pages, model card, console, MLflow and docs take the names and the explanations from this catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from churn.metrics.interval import HasInterval, format_interval

Unit = Literal["", "nats per row", "share", "times", "currency", "squared share"]
Better = Literal["", "higher", "lower", "closer to 1", "closer to 0"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of an evaluation.

    Attributes:
        key: The key of the metric in metrics.json, and its name in MLflow.
        title: The name of the metric for people; `{share}` stands for the contact share.
        unit: The unit; empty for a plain number.
        digits: The number of decimals to show.
        definition: The way in which the metric is computed.
        better: The direction of better values; empty if the metric does not rank models.
        note: A further fact that helps to read the values.
        ceiling: The value that a perfect ranking reaches, as a formula or in words. The text is empty if this
            value is 0 or 1, or if the catalogue does not state the value.
        source: The source of the definition.
    """

    key: str
    title: str
    unit: Unit = ""
    digits: int
    definition: str
    better: Better = ""
    note: str = ""
    ceiling: str = ""
    source: str = ""

    @property
    def reading(self) -> str:
        """Return the text that explains how to read the values: the better direction, then the note."""
        return "; ".join(filter(None, (f"{self.better} is better" if self.better else "", self.note)))

    def title_at(self, share: float | None = None) -> str:
        """Return the title with the contact share in per cent, or with "the contact share" if none is given.

        >>> METRICS["lift_at_contact_share"].title_at(0.1)
        'lift at 10%'
        """
        return self.title.format(share="the contact share" if share is None else f"{share:.0%}")

    def format(self, estimate: HasInterval | None, *, signed: bool = False) -> str:
        """Return a value of the metric with its interval as text.

        >>> from churn.metrics.interval import Interval
        >>> METRICS["auc"].format(Interval(value=0.7312, low=0.7201, high=0.7423))
        '0.731 [0.720, 0.742]'
        """
        return format_interval(estimate, self.digits, signed=signed)


METRICS: Mapping[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            key="log_loss",
            title="log loss",
            unit="nats per row",
            digits=4,
            definition="mean of -log(p) over all rows; p is the predicted probability of the observed "
            "outcome",
            better="lower",
            note="compare in pairs on the same rows",
            source="Good 1952",
        ),
        Metric(
            key="auc",
            title="AUC",
            digits=3,
            definition="chance that a churner is ranked above a stayer, ties counting half",
            better="higher",
            note="a random ranking reaches .5",
            source="Hanley and McNeil 1982",
        ),
        Metric(
            key="average_precision",
            title="average precision",
            digits=3,
            definition="precision averaged over the recall gained at each threshold",
            better="higher",
            note="a random ranking reaches the base rate",
            source="Zhu 2004",
        ),
        Metric(
            key="precision_at_contact_share",
            title="precision at {share}",
            unit="share",
            digits=3,
            definition="share of churners among the `evaluate.contact_share` of rows with the highest "
            "probability",
            better="higher",
            ceiling="min(1, base rate / share)",
        ),
        Metric(
            key="lift_at_contact_share",
            title="lift at {share}",
            unit="times",
            digits=2,
            definition="`precision_at_contact_share` divided by the base rate",
            better="higher",
            note="a random call list reaches 1",
            ceiling="min(1 / share, 1 / base rate)",
            source="Ling and Li 1998",
        ),
        Metric(
            key="value_lift_at_contact_share",
            title="value lift at {share}",
            unit="times",
            digits=2,
            definition="share of the churners' residual value that a call list by value at risk reaches, "
            "divided by the contact share",
            better="higher",
            note="the base rate for everybody gives a list that is ordered only by value",
            ceiling="the value lift of a list that holds the churners first, ordered by value",
        ),
        Metric(
            key="profit_per_customer_at_contact_share",
            title="profit per customer at {share}",
            unit="currency",
            digits=2,
            definition="[sum over contacted churners of g (V - d) - d x contacted stayers - f x contacted] / "
            "customers, for a call list by value at risk; f is `contact_cost`, d is `incentive_cost`, g is "
            "`accept_share`, V is the residual value of the churner",
            better="higher",
            note="above 0 the campaign makes a profit, if the costs and the accept share are right",
            ceiling="the profit of a list that holds the churners first, ordered by value",
            source="Neslin et al. 2006, with individual value",
        ),
        Metric(
            key="profit_per_customer_at_best_share",
            title="profit per customer at the best budget",
            unit="currency",
            digits=2,
            definition="highest profit per customer over all contact shares; the interval is for the share "
            "with "
            "this profit",
            better="higher",
            note="the value is too high by about the optimism, because the share was chosen on the same rows",
            ceiling="the highest profit of a list that holds the churners first, ordered by value",
            source="Efron 1983 for the optimism",
        ),
        Metric(
            key="best_share",
            title="best budget",
            unit="share",
            digits=3,
            definition="contact share at which the profit per customer is highest; 0 if it is best to "
            "contact "
            "nobody",
            note="a flat profit curve makes the interval wide",
        ),
        Metric(
            key="empc",
            title="expected maximum profit (EMPC)",
            unit="currency",
            digits=2,
            definition="profit per customer at the best threshold for each accept share, averaged over "
            "accept shares that are beta distributed around `accept_share` (alpha + beta = 20); everybody "
            "has the mean residual value",
            better="higher",
            note="use it only as a check, because it ignores the individual values",
            source="Verbraken, Verbeke and Baesens 2013",
        ),
        Metric(
            key="empc_share",
            title="share contacted for the EMPC",
            unit="share",
            digits=3,
            definition="mean contact share at the thresholds of `empc`",
            note="read it together with the EMPC",
            source="Verbraken, Verbeke and Baesens 2013",
        ),
        Metric(
            key="brier",
            title="Brier score",
            unit="squared share",
            digits=4,
            definition="mean squared difference of outcome and probability: reliability - resolution + "
            "uncertainty + within bins",
            better="lower",
            note="a model that predicts the base rate for everybody scores the uncertainty",
            source="Brier 1950",
        ),
        Metric(
            key="brier_reliability",
            title="Brier: reliability",
            unit="squared share",
            digits=5,
            definition="mean squared distance between predicted and observed rates over ten bins of about "
            "equally "
            "many rows, minus the part that chance adds",
            better="lower",
            note="0 means calibrated; the value may be below 0 by chance",
            source="Murphy 1973; Ferro and Fricker 2012",
        ),
        Metric(
            key="brier_resolution",
            title="Brier: resolution",
            unit="squared share",
            digits=5,
            definition="mean squared distance between the observed rates of the bins and the base rate, "
            "minus the "
            "part that chance adds",
            better="higher",
            ceiling="uncertainty",
            source="Murphy 1973; Ferro and Fricker 2012",
        ),
        Metric(
            key="brier_uncertainty",
            title="Brier: uncertainty",
            unit="squared share",
            digits=5,
            definition="base rate x (1 - base rate), corrected for chance",
            note="the value depends only on the rows, not on the model",
            source="Murphy 1973",
        ),
        Metric(
            key="brier_within_bin",
            title="Brier: within bins",
            unit="squared share",
            digits=5,
            definition="variance of the predictions within a bin minus twice their covariance with the "
            "outcome",
            note="a value below 0 means that the model also orders the rows within a bin",
            source="Stephenson, Coelho and Jolliffe 2008",
        ),
        Metric(
            key="observed_expected",
            title="observed / expected",
            digits=3,
            definition="number of churners divided by the sum of probabilities",
            better="closer to 1",
            note="above 1 means that more customers left than expected",
            source="Steyerberg 2019, chapter 15",
        ),
        Metric(
            key="calibration_slope",
            title="calibration slope",
            digits=2,
            definition="slope of the logistic regression of the outcome on the predicted log-odds",
            better="closer to 1",
            note="below 1 means that the predictions are too extreme",
            source="Cox 1958",
        ),
        Metric(
            key="calibration_intercept",
            title="calibration intercept",
            digits=2,
            definition="intercept of the regression of `calibration_slope`",
            better="closer to 0",
            source="Cox 1958",
        ),
        Metric(
            key="ece",
            title="calibration error (ECE)",
            unit="share",
            digits=4,
            definition="mean distance between predicted and observed rates over ten bins of about equally "
            "many "
            "rows",
            better="lower",
            note="perfect predictions reach the noise floor; there is no interval, because drawn rows are "
            "noisier than all rows",
            source="Naeini, Cooper and Hauskrecht 2015",
        ),
    )
}
"""All metrics by key, in the order in which they are shown."""

MAIN_METRICS = (
    "log_loss",
    "auc",
    "average_precision",
    "lift_at_contact_share",
    "profit_per_customer_at_contact_share",
    "observed_expected",
)
"""The metrics that MLflow shows first, under `judged/`; the others of the test are under `rest/`.

MLflow shows each group as a section and sorts the sections by name, so `judged/` comes first.
"""

COUNTS: Mapping[str, str] = {
    "rows": "customers at test cutoffs; a customer counts once at each cutoff",
    "churners": "rows whose customer left",
    "base_rate": "the share of churners among the rows",
    "rows_with_known_value": "rows whose customer has a known value; the metrics in currency and the "
    "value lift use only these rows",
}
"""The numbers of a candidate that are not metrics, each with its meaning."""

CANDIDATE_NAMES: Mapping[str, str] = {
    "challenger": "the model",
    "champion": "the champion",
    "champion_recipe": "the champion's recipe, refitted",
    "logistic": "logistic regression",
    "rfm": "recency, frequency and value",
    "bg_nbd": "buy till you die",
    "rule": "your own rule",
    "recency": "recency rule",
    "base_rate": "base rate for everybody",
}
"""The names of all candidates for people, in the order in which they are shown."""

WITHOUT_ARTICLE = ("logistic", "rfm", "bg_nbd")


def candidate_name(candidate: str) -> str:
    """Return the name of a candidate as it stands in a sentence.

    >>> candidate_name("rule"), candidate_name("rfm"), candidate_name("base_rate")
    ('your own rule', 'recency, frequency and value', 'the base rate for everybody')
    """
    words = CANDIDATE_NAMES.get(candidate, candidate.replace("_", " "))
    return words if words.startswith(("the ", "your ")) or candidate in WITHOUT_ARTICLE else f"the {words}"


def pair_name(pair: str) -> str:
    """Return the name of a pair of candidates, in the form `the first minus the second`.

    >>> pair_name("challenger_minus_champion")
    'the model minus the champion'
    >>> pair_name("challenger_minus_champion_recipe")
    "the model minus the champion's recipe, refitted"
    """
    return " minus ".join(candidate_name(candidate) for candidate in pair.split("_minus_"))


def metrics_table() -> str:
    """Return the metrics as a Markdown table, one line each."""
    lines = [
        "| metric | unit | definition | how to read it | ceiling | source |",
        "|---|---|---|---|---|---|",
    ]
    for key, metric in METRICS.items():
        cells = (
            f"`{key}`",
            metric.unit,
            metric.definition,
            metric.reading,
            metric.ceiling,
            metric.source,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def units_in_words() -> str:
    """Return sentences that name the unit of each main metric."""
    units = "; ".join(f"{METRICS[key].title_at()}: {METRICS[key].unit or 'a number'}" for key in MAIN_METRICS)
    return (
        f"Units: {units}. `_low` and `_high` are the ends of the 95% interval, in the unit of the metric. "
        "Currency is the currency of your tables."
    )
