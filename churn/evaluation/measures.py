"""The figures of an evaluation: metrics of one candidate, paired differences, tables and curves."""

from __future__ import annotations

from collections.abc import Container
from datetime import date
from typing import Literal

from churn.metrics.interval import ByName, Interval, Number, Part

CHALLENGER, CHAMPION, CHAMPION_RECIPE = "challenger", "champion", "champion_recipe"
"""The candidate under test, the champion as it is, and the champion's recipe refitted for each cutoff."""


def champion_reference(candidates: Container[str]) -> str | None:
    """Return the candidate that is compared as the champion: its recipe if present, else the champion.

    >>> champion_reference({"challenger", "champion", "champion_recipe"})
    'champion_recipe'
    """
    return next((name for name in (CHAMPION_RECIPE, CHAMPION) if name in candidates), None)


class Measure(Interval):
    """A metric of one candidate, with the numbers that it must be compared with.

    Attributes:
        ceiling: The value of a perfect ranking.
        base_rate: The value of a random ranking.
        noise_floor: The value of perfect predictions on the same number of rows.
        optimism: The part of the value that comes from the choice of the best budget on the same rows.
    """

    ceiling: Number = None
    base_rate: Number = None
    noise_floor: Number = None
    optimism: Number = None


class Counts(Part):
    """Labelled rows: a row is one customer at one cutoff.

    Attributes:
        base_rate: The share of rows that left, 0 to 1.
    """

    rows: int
    churners: int
    base_rate: float


class CandidateMetrics(Part):
    """All metrics of one candidate on the rows for which it has a probability.

    Money is in units of the company's currency. The fields on money are absent if no money is known.

    Attributes:
        log_loss: The mean log loss per row, in nats.
        ece: The expected calibration error, 0 to 1, without an interval.
        best_share: The share of customers whose contact earns most, 0 to 1.
        empc: The expected maximum profit per customer, over the distribution of the accept share.
        empc_share: The share of customers that `empc` contacts, 0 to 1.
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
        """Return a metric by its name; None if it was not measured."""
        value = getattr(self, name, None)
        return value if isinstance(value, Measure) else None

    @property
    def metrics(self) -> dict[str, Measure]:
        """Return the metrics that were measured, by name."""
        return {name: value for name, value in self if isinstance(value, Measure)}


class Differences(Part):
    """Paired differences of two candidates, metric by metric: the first minus the second.

    Both candidates are measured on the rows for which both have a probability. The bootstrap draws the same
    customers for both.
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
        """Return the difference of a metric by its name; None if it was not measured."""
        value = getattr(self, name, None)
        return value if isinstance(value, Interval) else None


class Range(Part):
    """The lowest and highest value of a metric over the test cutoffs.

    Attributes:
        sd: The standard deviation of a sample; None with one cutoff.
    """

    min: float
    max: float
    sd: Number


class Spread(Part):
    """How far the main metrics of one candidate differ between the test cutoffs.

    A metric is absent where no cutoff defines it.

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
        """Return the range of a metric by its name; None if there is no range."""
        value = getattr(self, name, None)
        return value if isinstance(value, Range) else None


class CalibrationBin(Part):
    """One of about ten bins with equally many rows, in the order of the predictions.

    Attributes:
        bin: The number of the bin, from 1.
        predicted: The mean predicted probability.
        observed: The share of rows that left.
        low: The lower bound of Wilson's 95 % interval of `observed`.
        high: The upper bound.
    """

    bin: int
    predicted: float
    observed: float
    low: Number
    high: Number
    rows: int


class GainRow(Part):
    """The result of a contact of the customers with the highest probabilities.

    Attributes:
        share: The share of rows contacted, 0 to 1.
        contacted: The number of rows contacted.
        churners: The number of churners among the contacted rows; a fraction if
            equal probabilities are divided.
        precision: The share of churners among the contacted rows.
        captured: The share of all churners that is among the contacted rows.
        perfect: `captured` of a perfect ranking.
        lift: `precision` over the base rate.
        ceiling: The lift of a perfect ranking.
        rule: `captured` of the team's own rule. Absent without a rule.
        recency: `captured` of the recency baseline. Absent if the baseline has no probability for some row.
        base_rate: `captured` of a random ranking.
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
    """The challenger's profit per customer at one contact share, in units of the company's currency.

    Attributes:
        share: The share of customers contacted, 0 to 1.
        ceiling: The profit of a perfect call list.
        rule: The profit of the team's own rule. Absent without a rule.
        recency: The profit of the recency baseline. Absent if the baseline has no probability for some row.
        base_rate: The profit of a list that is ordered by the customers' values only.
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
    """One tenth of the rows; the first has the highest probabilities.

    Attributes:
        least: The lowest predicted probability of the tenth.
        predicted: The mean predicted probability.
        observed: The share of rows that left.
        captured: The share of all churners in this tenth and the tenths before it.
        value: The mean residual value of a row in currency. Absent if no money is known.
        value_lost: The residual value of the churners in currency. Absent if no money is known.
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
        scale: Whether the bars are equally wide in the probability or in its logarithm.
        edges: The edges of the bars, one more than there are bars.
        left: The number of churners per bar.
        stayed: The number of stayers per bar.
    """

    scale: Literal["log", "linear"]
    edges: tuple[float, ...]
    left: tuple[int, ...]
    stayed: tuple[int, ...]


class SplitMetrics(Part):
    """The metrics by which the ways of splitting rows are compared."""

    auc: Measure
    log_loss: Measure
    average_precision: Measure
    lift_at_contact_share: Measure
    observed_expected: Measure
    rows: int
    churners: int
    base_rate: float


class AucAndLogLoss(Part):
    """Paired differences of the two metrics that need no budget."""

    auc: Interval
    log_loss: Interval


class UnseenCustomers(SplitMetrics):
    """The challenger's recipe on customers that were in no training set.

    Attributes:
        same_customers_in_training: The same rows, predicted by models that were trained on these customers.
        out_minus_in_training: Unseen customers minus the same customers in training.
    """

    same_customers_in_training: SplitMetrics
    out_minus_in_training: AucAndLogLoss


class NaiveSplit(SplitMetrics):
    """A random split of the rows.

    Attributes:
        label: A warning that the figures flatter the model.
    """

    label: str


class SplitComparison(Part):
    """The four numbers: later time, later time and unseen customers, a naive split, and the baselines.

    Attributes:
        out_of_time: The challenger on the test cutoffs.
        out_of_time_and_customer: Absent where too few customers leave.
        naive_split: Absent where a part of the split has one class only.
        baselines: The baselines on the test cutoffs, by name.
    """

    out_of_time: SplitMetrics
    out_of_time_and_customer: UnseenCustomers | None = None
    naive_split: NaiveSplit | None = None
    baselines: ByName[str, SplitMetrics]


class LeadTime(Part):
    """The AUC of older predictions of the same customers.

    Attributes:
        days: The mean number of days between the older prediction and the test cutoff.
        cutoffs: The test cutoffs that have an older snapshot.
        auc: The AUC of the older prediction.
        now: The AUC of the prediction at the test cutoff, on the same rows.
        fall: `now` minus `auc`, paired.
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
        """Return the AUC of the older prediction with its interval."""
        return Interval(value=self.auc, low=self.low, high=self.high)


class SegmentDifference(Part):
    """The paired difference of challenger and champion within one segment."""

    auc: Interval


class SegmentMetrics(Part):
    """The challenger on one level of a segment.

    With few churners or few stayers only `observed_expected` is present.

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
        """Return the challenger minus `champion` or `champion_recipe`; None if it was not measured."""
        recipe = reference == CHAMPION_RECIPE
        return self.challenger_minus_champion_recipe if recipe else self.challenger_minus_champion


class CalibrationLevel(Part):
    """Whether the probabilities hold for a set of rows.

    Attributes:
        expected: The sum of the probabilities.
    """

    rows: int
    churners: int
    expected: float
    observed_expected: Interval
    calibration_slope: Interval


class SegmentCalibration(CalibrationLevel):
    """Whether the probabilities hold for one level of a segment.

    Attributes:
        z: The distance of the level's observed/expected from the value of all rows, in standard errors.
        judged: Whether the level has enough churners for a test.
        off: Whether the distance is larger than chance explains, given the number of tests.
    """

    level: str
    z: Number
    judged: bool
    off: bool


class CalibrationBySegment(Part):
    """Whether the probabilities hold for each segment, on all out-of-time predictions."""

    cutoffs: tuple[date, ...]
    all: CalibrationLevel
    groups: ByName[str, tuple[SegmentCalibration, ...]]
