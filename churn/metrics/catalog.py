"""Every metric of an evaluation, told once: the page, the document and the tests read it from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["", "nats per row", "share", "times", "currency", "squared share"]


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        title: Its name for people; `{share}` stands for the contact share.
        unit: What it is counted in; empty for a plain number.
        definition: How it is computed.
        read: What is good, and what to read it beside.
        source: Where it was taken from.
        digits: How many decimals are shown.
        ceiling: What a perfect ranking reaches, in words; empty where there is no other bound than 1 or 0.
    """

    title: str
    unit: Unit
    definition: str
    read: str
    source: str
    digits: int
    ceiling: str = ""


METRICS: Mapping[str, Metric] = {
    "log_loss": Metric(
        "log loss",
        "nats per row",
        "mean of -log of the probability given to what happened",
        "lower is better; compare in pairs on the same rows",
        "Good 1952",
        4,
    ),
    "auc": Metric(
        "AUC",
        "",
        "chance that a leaver is ranked above a stayer, ties counting half",
        "higher is better; .5 is chance",
        "Hanley and McNeil 1982",
        3,
    ),
    "average_precision": Metric(
        "average precision",
        "",
        "precision averaged over the recall gained at each threshold",
        "higher is better; beside it what chance reaches",
        "Zhu 2004",
        3,
    ),
    "precision_at_contact_share": Metric(
        "precision at {share}",
        "share",
        "leavers among the `evaluate.contact_share` of rows with the highest probability",
        "higher is better",
        "",
        3,
        "min(1, base rate / share)",
    ),
    "lift_at_contact_share": Metric(
        "lift at {share}",
        "times",
        "that precision over the base rate",
        "higher is better; 1 is calling at random",
        "Ling and Li 1998",
        2,
        "min(1 / share, 1 / base rate)",
    ),
    "value_lift_at_contact_share": Metric(
        "value lift at {share}",
        "times",
        "share of the leavers' residual value that a call list by value at risk reaches, over the share "
        "contacted",
        "higher is better; the base rate for everybody is a list by value alone",
        "",
        2,
        "that of a list of leavers by their value",
    ),
    "profit_per_customer_at_contact_share": Metric(
        "profit per customer at {share}",
        "currency",
        "[sum over contacted leavers of g (V - d) - d x contacted stayers - f x contacted] / customers, "
        "by value at risk; f `contact_cost`, d `incentive_cost`, g `accept_share`, V the own residual value",
        "higher is better; above 0 the campaign pays, if the costs and the accept share hold",
        "Neslin et al. 2006, with individual value",
        2,
        "that of a list of leavers by their value",
    ),
    "profit_per_customer_at_best_share": Metric(
        "profit per customer at the best budget",
        "currency",
        "the same where it is highest over the shares contacted; the interval is that of this share",
        "flattered by the optimism beside it, since the share was read off the same rows",
        "Efron 1983 for the optimism",
        2,
        "the highest of a list of leavers by their value",
    ),
    "best_share": Metric(
        "best budget",
        "share",
        "the share contacted at which that profit is highest; 0 where contacting nobody is best",
        "the interval says how sure; a flat curve makes it wide",
        "",
        3,
    ),
    "empc": Metric(
        "expected maximum profit (EMPC)",
        "currency",
        "profit per customer at the best threshold for each accept share, averaged over accept shares that "
        "are beta distributed around `accept_share` (alpha + beta = 20); everybody has the mean value",
        "higher is better; a check, since values are not individual",
        "Verbraken, Verbeke and Baesens 2013",
        2,
    ),
    "empc_share": Metric(
        "share contacted for the EMPC",
        "share",
        "mean share contacted at those thresholds",
        "beside the EMPC",
        "Verbraken, Verbeke and Baesens 2013",
        3,
    ),
    "brier": Metric(
        "Brier score",
        "squared share",
        "mean squared difference of outcome and probability: reliability - resolution + uncertainty + "
        "within bins",
        "lower is better; uncertainty is what the base rate would score",
        "Brier 1950",
        4,
    ),
    "brier_reliability": Metric(
        "Brier: reliability",
        "squared share",
        "squared distance of predicted and observed rates over ten bins of about equally many rows, less "
        "what chance adds",
        "lower is better; 0 is calibrated, and chance may put it below",
        "Murphy 1973; Ferro and Fricker 2012",
        5,
    ),
    "brier_resolution": Metric(
        "Brier: resolution",
        "squared share",
        "squared distance of the bins' observed rates from the base rate, less what chance adds",
        "higher is better",
        "Murphy 1973; Ferro and Fricker 2012",
        5,
        "uncertainty",
    ),
    "brier_uncertainty": Metric(
        "Brier: uncertainty",
        "squared share",
        "base rate x (1 - base rate), with its correction",
        "says nothing of the model",
        "Murphy 1973",
        5,
    ),
    "brier_within_bin": Metric(
        "Brier: within bins",
        "squared share",
        "variance of the predictions within a bin less twice their covariance with the outcome",
        "below 0 the model still orders the rows of a bin",
        "Stephenson, Coelho and Jolliffe 2008",
        5,
    ),
    "observed_expected": Metric(
        "observed / expected",
        "",
        "leavers over the sum of probabilities",
        "1 where the level is right",
        "Steyerberg 2019, chapter 15",
        3,
    ),
    "calibration_slope": Metric(
        "calibration slope",
        "",
        "slope of the logistic regression of the outcome on the predicted log-odds",
        "1 is right; below 1 the predictions are too extreme",
        "Cox 1958",
        2,
    ),
    "calibration_intercept": Metric(
        "calibration intercept",
        "",
        "intercept of that line",
        "0 where slope and level are right",
        "Cox 1958",
        2,
    ),
    "ece": Metric(
        "calibration error (ECE)",
        "share",
        "mean distance of predicted and observed rates over ten bins of about equally many rows",
        "lower is better; the noise beside it is what perfect predictions would have; no interval: "
        "drawn rows are noisier than all rows",
        "Naeini, Cooper and Hauskrecht 2015",
        4,
    ),
}
"""In the order in which they are told."""

COUNTS: Mapping[str, str] = {
    "rows": "customers at test cutoffs; a customer counts once at each",
    "churners": "rows that left",
    "base_rate": "their share",
    "rows_with_known_value": "rows whose money was known at the cutoff, over which everything in currency "
    "and the value lift are taken",
}
"""What stands beside the metrics of a candidate."""


def metrics_table() -> str:
    """Return the metrics as a table, one line each."""
    lines = [
        "| metric | unit | definition | how to read it | ceiling | source |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in METRICS.items():
        cells = (f"`{name}`", one.unit, one.definition, one.read, one.ceiling, one.source)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


MAIN_METRICS = (
    "log_loss",
    "auc",
    "average_precision",
    "lift_at_contact_share",
    "profit_per_customer_at_contact_share",
    "observed_expected",
)
"""The metrics that judge a model, under `judged/`; the others of the test stand under `rest/`.

MLflow makes a section of each such group and sorts the sections by name: this one comes first.
"""


CANDIDATE_NAMES: Mapping[str, str] = {
    "challenger": "the model",
    "champion": "the champion",
    "champion_recipe": "the champion's recipe, fitted anew",
    "logistic": "logistic regression",
    "rfm": "recency, frequency and value",
    "bg_nbd": "buy till you die",
    "rule": "your own rule",
    "recency": "recency rule",
    "base_rate": "base rate for everybody",
}
"""In the order in which they stand beside each other."""

WITHOUT_ARTICLE = ("logistic", "rfm", "bg_nbd")


def candidate_name(candidate: str) -> str:
    """Return what a candidate is called inside a sentence.

    >>> named("rule"), named("rfm"), named("base_rate")
    ('your own rule', 'recency, frequency and value', 'the base rate for everybody')
    """
    words = CANDIDATE_NAMES.get(candidate, candidate.replace("_", " "))
    return words if words.startswith(("the ", "your ")) or candidate in WITHOUT_ARTICLE else f"the {words}"


def pair_name(pair: str) -> str:
    """Return what a paired difference is called.

    >>> pair_named("challenger_minus_champion")
    'the model minus the champion'
    >>> pair_named("challenger_minus_champion_recipe")
    "the model minus the champion's recipe, fitted anew"
    """
    return " minus ".join(candidate_name(candidate) for candidate in pair.split("_minus_"))
