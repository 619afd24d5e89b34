"""The figures of an evaluation: the metrics of one candidate, paired differences, tables and curves."""

from __future__ import annotations

from collections.abc import Container
from datetime import date
from typing import Literal

from churn.metrics.interval import ByName, Interval, Number, Part

CHALLENGER, CHAMPION, CHAMPION_RECIPE = "challenger", "champion", "champion_recipe"
"""The names of three candidates: the model under test, the champion as it is, and the champion's recipe,
fitted again for each cutoff.
"""


def champion_reference(candidates: Container[str]) -> str | None:
    """Return the name of the candidate with which the challenger is compared.

    If `champion_recipe` (the champion's recipe, fitted again) is a candidate, return this name. Otherwise,
    return `champion` (the champion as it is) if this is a candidate, or else None.

    >>> champion_reference({"challenger", "champion", "champion_recipe"})
    'champion_recipe'
    """
    return next((name for name in (CHAMPION_RECIPE, CHAMPION) if name in candidates), None)


class Measure(Interval):
    """A metric of one candidate, and reference values that help to judge it.

    Attributes:
        ceiling: The value of the metric for a perfect ranking.
        base_rate: The value of the metric for a random ranking.
        noise_floor: The value of the metric for perfect predictions on the same number of rows.
        optimism: How much too high the value is expected to be. Only given for the profit at the best contact
            share: this profit is measured on the rows on which the share was chosen.
    """

    ceiling: Number = None
    base_rate: Number = None
    noise_floor: Number = None
    optimism: Number = None


class Counts(Part):
    """The number of labelled rows and of churners; a row is one customer at one cutoff.

    Attributes:
        base_rate: The share of rows whose customer left, 0 to 1.
    """

    rows: int
    churners: int
    base_rate: float


class CandidateMetrics(Part):
    """All metrics of one candidate on the rows for which it has a probability.

    Money is in the currency of the company. The fields with money are absent if no residual value is
    known.

    Attributes:
        log_loss: The mean log loss per row, in nats.
        ece: The expected calibration error, 0 to 1, without a 95 % interval.
        best_share: The contacted share of customers at which the profit is highest, 0 to 1.
        empc: The expected maximum profit per customer, averaged over the possible values of the accept share
            (the share of contacted churners who take the offer and stay).
        empc_share: The share of customers to contact for the highest profit, 0 to 1. It is averaged over the
            possible values of the accept share (see `empc`).
        rows_with_known_value: The number of rows whose customer has a known residual value.
    """

    log_loss: Measure
    brier: Measure
    observed_expected: Measure
    calibration_slope: Measure
    calibration_intercept: Measure
    brier_reliability: Measure
    brier_resolution: Measure
    brier_uncertainty: Measure
    brier_within_bin: Measure
    auc: Measure
    average_precision: Measure
    precision_at_contact_share: Measure
    lift_at_contact_share: Measure
    value_lift_at_contact_share: Measure | None = None
    profit_per_customer_at_contact_share: Measure | None = None
    profit_per_customer_at_best_share: Measure | None = None
    best_share: Measure | None = None
    empc: Measure | None = None
    empc_share: Measure | None = None
    ece: Measure
    rows: int
    churners: int
    base_rate: float
    rows_with_known_value: int | None = None

    def metric(self, name: str) -> Measure | None:
        """Return the metric with this name; None if it was not measured."""
        value = getattr(self, name, None)
        return value if isinstance(value, Measure) else None

    @property
    def metrics(self) -> dict[str, Measure]:
        """Return the metrics that were measured, by name."""
        return {name: value for name, value in self if isinstance(value, Measure)}


class Differences(Part):
    """Paired differences between two candidates in each metric: the first candidate minus the second.

    The two candidates are measured on the rows for which both have a probability. The bootstrap draws the
    same customers for both candidates.
    """

    log_loss: Interval
    brier: Interval
    observed_expected: Interval
    calibration_slope: Interval
    calibration_intercept: Interval
    brier_reliability: Interval
    brier_resolution: Interval
    brier_uncertainty: Interval
    brier_within_bin: Interval
    auc: Interval
    average_precision: Interval
    precision_at_contact_share: Interval
    lift_at_contact_share: Interval
    value_lift_at_contact_share: Interval | None = None
    profit_per_customer_at_contact_share: Interval | None = None
    profit_per_customer_at_best_share: Interval | None = None
    best_share: Interval | None = None
    empc: Interval | None = None
    empc_share: Interval | None = None

    def metric(self, name: str) -> Interval | None:
        """Return the difference in the metric with this name; None if it was not measured."""
        value = getattr(self, name, None)
        return value if isinstance(value, Interval) else None


class Range(Part):
    """The lowest and the highest value of a metric among the test cutoffs.

    Attributes:
        sd: The standard deviation between the cutoffs; None if there is only one cutoff.
    """

    min: float
    max: float
    sd: Number


class Spread(Part):
    """How far the main metrics of one candidate differ between the test cutoffs.

    A metric is absent if no cutoff has a value for it.

    Attributes:
        cutoffs: The number of test cutoffs on which the candidate was measured.
    """

    log_loss: Range | None = None
    auc: Range | None = None
    average_precision: Range | None = None
    lift_at_contact_share: Range | None = None
    profit_per_customer_at_contact_share: Range | None = None
    observed_expected: Range | None = None
    cutoffs: int

    def metric(self, name: str) -> Range | None:
        """Return the range of the metric with this name; None if the metric is absent."""
        value = getattr(self, name, None)
        return value if isinstance(value, Range) else None


class CalibrationBin(Part):
    """One of about ten bins with equally many rows, ordered by prediction.

    Attributes:
        bin: The number of the bin, counted from 1.
        predicted: The mean predicted probability of the rows in the bin.
        observed: The share of rows in the bin whose customer left.
        low: The lower bound of Wilson's 95 % interval of `observed`.
        high: The upper bound of Wilson's 95 % interval of `observed`.
    """

    bin: int
    predicted: float
    observed: float
    low: Number
    high: Number
    rows: int


class GainRow(Part):
    """What happens if the customers with the highest probabilities are contacted.

    Attributes:
        share: The share of rows that is contacted, 0 to 1.
        contacted: The number of rows that are contacted.
        churners: The number of churners among the contacted rows. If only some of the rows with
            equal probabilities are contacted, their churners count in proportion, so the number may have
            decimals.
        precision: The share of the contacted rows whose customer left.
        captured: The share of all churners who are among the contacted rows.
        perfect: The share of churners that a perfect ranking would reach with as many contacts.
        lift: `precision` divided by the share of all rows whose customer left.
        ceiling: The lift of a perfect ranking.
        rule: The share of churners that the team's own rule would reach with as many contacts; absent if
            the team has no rule.
        recency: The share of churners that the recency baseline would reach with as many contacts; absent
            if the baseline has no probability for some row.
        base_rate: The share of churners that a random ranking would reach with as many contacts.
    """

    share: float
    contacted: int
    churners: float
    precision: float
    captured: float
    perfect: Number
    lift: Number
    ceiling: Number
    rule: Number = None
    recency: Number = None
    base_rate: Number = None


class ProfitPoint(Part):
    """The challenger's profit per customer if a certain share of customers is contacted.

    Money is in the currency of the company.

    Attributes:
        share: The share of customers that is contacted, 0 to 1.
        ceiling: The profit of a perfect call list.
        rule: The profit of the team's own rule; absent if the team has no rule.
        recency: The profit of the recency baseline; absent if the baseline has no probability for some row.
        base_rate: The profit of the baseline that gives all customers the same probability. Its call list is
            ordered only by the residual value of customers.
    """

    share: float
    value: Number
    low: Number
    high: Number
    ceiling: Number
    rule: Number = None
    recency: Number = None
    base_rate: Number = None


class DecileRow(Part):
    """One tenth of the rows; the first tenth has the highest probabilities.

    Money is in the currency of the company.

    Attributes:
        least: The lowest predicted probability in the tenth.
        predicted: The mean predicted probability of the rows in the tenth.
        observed: The share of rows in the tenth whose customer left.
        captured: The share of all churners who are in this tenth or in an earlier one.
        value: The mean residual value of a customer in the tenth. Absent if no residual value is known.
        value_lost: The total residual value of the churners in the tenth. Absent if no residual value is
            known.
    """

    decile: int
    rows: int
    churners: int
    least: float
    predicted: float
    observed: float
    lift: Number
    captured: float
    value: Number = None
    value_lost: Number = None


class Histogram(Part):
    """How the predictions of churners and of stayers are distributed.

    Attributes:
        scale: The axis on which all bars have the same width: the probability (`linear`) or its logarithm
            (`log`).
        edges: The left edge of each bar, and the right edge of the last bar.
        left: The number of churners in each bar.
        stayed: The number of stayers in each bar.
    """

    scale: Literal["log", "linear"]
    edges: tuple[float, ...]
    left: tuple[int, ...]
    stayed: tuple[int, ...]


class SplitMetrics(Part):
    """The metrics by which different splits into training and test are compared."""

    auc: Measure
    log_loss: Measure
    average_precision: Measure
    lift_at_contact_share: Measure
    observed_expected: Measure
    rows: int
    churners: int
    base_rate: float


class AucAndLogLoss(Part):
    """Paired differences in the AUC and in the log loss between two models, measured on the same rows."""

    auc: Interval
    log_loss: Interval


class UnseenCustomers(SplitMetrics):
    """The challenger's recipe, measured on customers who were in no training set.

    Attributes:
        same_customers_in_training: The metrics on the same rows, predicted by models that had these customers
            in their training set.
        out_minus_in_training: How much the AUC and the log loss change if the customers are unseen: the value
            for unseen customers minus the value in `same_customers_in_training`.
    """

    same_customers_in_training: SplitMetrics
    out_minus_in_training: AucAndLogLoss


class NaiveSplit(SplitMetrics):
    """The figures of a model that was tested on a random part of all rows.

    Attributes:
        label: A warning that the figures of a random split look better than the model is.
    """

    label: str


class SplitComparison(Part):
    """The figures of four tests side by side: three tests of the challenger, and one of the baselines.

    The challenger is tested on the test cutoffs, on unseen customers at these cutoffs, and on a random split.

    Attributes:
        out_of_time: The metrics of the challenger on the test cutoffs.
        out_of_time_and_customer: The metrics of the challenger's recipe on unseen customers; absent if too
            few customers leave.
        naive_split: The figures of a random split; absent if all rows in a part of the split have the same
            label.
        baselines: The metrics of each baseline on the test cutoffs, by the name of the baseline.
    """

    out_of_time: SplitMetrics
    out_of_time_and_customer: UnseenCustomers | None = None
    naive_split: NaiveSplit | None = None
    baselines: ByName[str, SplitMetrics]


class LeadTime(Part):
    """How well customers can be ranked some days before a test cutoff: the AUC of earlier predictions.

    The earlier predictions are compared with the label of the test cutoff.

    Attributes:
        days: The mean number of days between the earlier prediction and the test cutoff.
        cutoffs: The test cutoffs for which there are earlier predictions.
        auc: The AUC of the earlier predictions.
        now: The AUC of the predictions made at the test cutoff, on the rows that have an earlier prediction.
        fall: `now` minus `auc`, as a paired difference.
    """

    days: int
    cutoffs: tuple[date, ...]
    rows: int
    churners: int
    auc: Number
    low: Number
    high: Number
    now: Interval
    fall: Interval

    @property
    def interval(self) -> Interval:
        """Return the AUC of the earlier predictions with its interval."""
        return Interval(value=self.auc, low=self.low, high=self.high)


class SegmentDifference(Part):
    """The challenger's AUC minus the champion's AUC within one segment, as a paired difference."""

    auc: Interval


class SegmentMetrics(Part):
    """The metrics of the challenger on one segment: the rows with one level of an attribute.

    If there are few churners or few stayers, only `observed_expected` is present.

    Attributes:
        level: The value of the attribute, or the band of tenure.
    """

    level: str
    rows: int
    churners: int
    base_rate: float
    auc: Interval | None = None
    log_loss: Interval | None = None
    observed_expected: Interval
    challenger_minus_champion: SegmentDifference | None = None
    challenger_minus_champion_recipe: SegmentDifference | None = None

    def minus(self, reference: str) -> SegmentDifference | None:
        """Return the challenger's AUC minus the AUC of `champion` or `champion_recipe`; None if this
        difference was not measured.
        """
        recipe = reference == CHAMPION_RECIPE
        return self.challenger_minus_champion_recipe if recipe else self.challenger_minus_champion


class CalibrationLevel(Part):
    """Whether the probabilities agree with the outcomes on a set of rows.

    Attributes:
        expected: The sum of the predicted probabilities.
    """

    rows: int
    churners: int
    expected: float
    observed_expected: Interval
    calibration_slope: Interval


class SegmentCalibration(CalibrationLevel):
    """Whether the probabilities agree with the outcomes on one segment: the rows with one level of an
    attribute.

    Attributes:
        z: How far the segment's ratio of observed to expected churners is from the ratio of all rows, in
            standard errors.
        judged: Whether the segment has enough churners to be tested.
        off: Whether `z` is farther from 0 than chance explains; the limit is higher if more segments are
            tested.
    """

    level: str
    z: Number
    judged: bool
    off: bool


class CalibrationBySegment(Part):
    """Whether the probabilities agree with the outcomes on each segment, over all out-of-time predictions."""

    cutoffs: tuple[date, ...]
    all: CalibrationLevel
    groups: ByName[str, tuple[SegmentCalibration, ...]]
