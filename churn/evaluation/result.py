"""The result of an evaluation: the whole content of `evaluate/metrics.json` as typed objects."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal, Self

from churn.data.own_files import own_json_text, read_own_json, write_own_json
from churn.errors import CallError
from churn.evaluation.measures import (
    CHALLENGER,
    CalibrationBin,
    CalibrationBySegment,
    CandidateMetrics,
    Counts,
    DecileRow,
    Differences,
    GainRow,
    Histogram,
    LeadTime,
    Measure,
    ProfitPoint,
    SegmentMetrics,
    SplitComparison,
    Spread,
    champion_reference,
)
from churn.finding import GuardReport
from churn.metrics.interval import ByName, Interval, Number, Part
from churn.params import CHURN_WORDS, LabelWords, event_words
from churn.snapshots.exposure import CutoffExposure
from churn.training.recipe import Recipe


class EvaluatedModel(Part):
    """The model that was evaluated.

    Attributes:
        name: The name of the model in the registry.
        run_id: The id of the MLflow run that trained the model.
        digest: The digest of the model's files.
        candidate: The name of the candidate, which says the type of the model.
    """

    name: str
    version: str
    run_id: str
    digest: str
    candidate: str


class ChampionIdentity(Part):
    """The champion at the time of the evaluation, even if the challenger could not be compared with it."""

    version: str
    digest: str


class Cohort(Part):
    """How many customers could still leave at the last test cutoff, and how many were excluded, by reason."""

    cutoff: date
    rows: int
    excluded: ByName[str, int]


class CutoffRate(Counts):
    """How many customers of one cutoff left; the cutoff is earlier than the test cutoffs."""

    cutoff: date


class Purging(Part):
    """The snapshots on which a model is trained for one test cutoff, and the snapshots that are left out.

    Attributes:
        trained_on: The cutoffs of the snapshots whose labels were known at the test cutoff.
        purged: The cutoffs of the other earlier snapshots, whose labels were not yet known at the test
            cutoff.
    """

    cutoff: date
    trained_on: tuple[date, ...]
    trained_rows: int
    purged: tuple[date, ...]
    purged_rows: int


class CampaignTerms(Part):
    """The costs and the effect of a campaign, from which its profit is computed.

    Attributes:
        contact_cost: The cost of a contact, in currency.
        incentive_cost: The cost of an offer that is accepted, in currency.
        accept_share: The share of the contacted churners who accept the offer and stay, 0 to 1.
    """

    contact_cost: float
    incentive_cost: float
    accept_share: float


class MeasuredShare(Interval):
    """The share of churners whom a contact keeps, as `churn measure` measured it over all contacts together.

    Attributes:
        as_of: The day up to which outcomes were known.
        is_used: Whether the measured share replaces the assumed share.
        reason: Why the measured share is used, or why it is not used.
    """

    as_of: date
    is_used: bool
    reason: str


class MeasuredCost(Interval):
    """The mean cost of a contact in currency, as `churn measure` measured it over all contacts together.

    Attributes:
        contacts: The number of contacts.
        with_cost: The number of contacts whose cost is recorded; the mean is taken over them.
        as_of: Only contacts that happened and were known before this day count.
        is_used: Whether the mean cost replaces the assumed cost.
        reason: Why the measured cost is not used; empty if it is used.
    """

    contacts: int
    with_cost: int
    as_of: date
    is_used: bool
    reason: str


class CustomerValue(Part):
    """The residual value of the customers in the test rows, and the inputs for computing value and profit.

    Attributes:
        rows: The number of test rows.
        known: The number of test rows with a known value.
        mean: The mean residual value, in currency.
        median: The median residual value, in currency.
        profit: The costs and the effect of a campaign, from which its profit is computed. The cost of an
            offer is taken from the parameters. The cost of a contact and the share of churners who accept the
            offer are taken from the parameters or from `churn measure`.
        measured_share: The measured share of churners whom a contact keeps; absent if it was not measured.
        measured_cost: The measured cost of a contact; absent if no table has the costs of contacts.
        months: The number of coming months whose payments count.
        margin: The share of the payments that the company earns, 0 to 1.
        discount_year: The discount rate of a year, 0 to 1.
        variant: When a customer is assumed to pay: `end of period` means at the end of each month.
    """

    rows: int
    known: int
    mean: Number
    median: Number
    profit: CampaignTerms
    months: int
    margin: float
    discount_year: float
    variant: str
    measured_share: MeasuredShare | None = None
    measured_cost: MeasuredCost | None = None


class CalibrationGain(Part):
    """The out-of-time log loss with one calibration method minus the log loss without calibration.

    Attributes:
        standard_error: The standard error of this difference, with customers (not rows) as independent units.
        worst_cutoff: The difference at the cutoff at which the method does worst.
    """

    difference: Number
    standard_error: Number
    worst_cutoff: Number


class CalibrationChoice(Part):
    """The calibration method that was chosen for the challenger.

    Attributes:
        tried: The out-of-time log loss of each method.
        against_none: Each method compared with no calibration.
        later_cutoffs: The number of cutoffs on which the methods were compared, after they were fitted on
            earlier cutoffs.
    """

    chosen: str
    tried: ByName[str, Number]
    against_none: ByName[str, CalibrationGain]
    later_cutoffs: int


class TrainedCandidate(Part):
    """A candidate of the training with its cross-validated figures; the first candidate in the list was
    selected.

    Attributes:
        behind: The log loss of this candidate minus the log loss of the first candidate.
        standard_error: The standard error of `behind`, with customers (not rows) as independent units.
    """

    recipe: Recipe
    log_loss: Number
    auc: Number
    behind: Number
    standard_error: Number


class SignalImportance(Part):
    """How important a signal is, 0 to 1: its share in the sum of the mean absolute contributions of all
    signals to the log-odds.
    """

    signal: str
    share: float


class FamilyImportance(Part):
    """How important a family of signals is, 0 to 1: its share in the sum of the mean absolute contributions
    of all signals to the log-odds.
    """

    family: str
    share: float


class PartialDependence(Part):
    """The mean predicted probability at several values of one signal.

    Attributes:
        missing_share: The share of rows that have no value, 0 to 1.
        levels: If the signal is of the kind `level`, the levels that occur in the rows.
        shares: For each level in `levels`, the share of all rows that have it, 0 to 1.
        values: If the signal is of the kind `number`, the values at which the probability is computed.
        deciles: The nine deciles of the known values of a numeric signal.
        probabilities: The mean predicted probability at each level or value.
        missing_probability: The mean predicted probability if the value were missing in all rows; None if no
            row lacks a value.
    """

    signal: str
    kind: Literal["number", "level"]
    unit: str
    missing_share: float
    levels: tuple[str, ...] | None = None
    shares: tuple[float, ...] | None = None
    values: tuple[float, ...] | None = None
    deciles: tuple[float, ...] | None = None
    probabilities: tuple[float, ...]
    missing_probability: Number


class Freshness(Part):
    """How new the training labels of the models are: the day on which the latest label became known.

    `champion` is None if the challenger was not compared with a champion.
    """

    challenger: date
    champion: date | None = None


class BandOutcome(Part):
    """How many customers in one health band left.

    Attributes:
        band: The health band, from 1 (likely to leave) to 5 (well).
        predicted: The mean predicted probability of the rows in the band.
        low: The lower bound of Wilson's 95 % interval of the share that left.
        high: The upper bound of Wilson's 95 % interval of the share that left.
        observed: The share of rows whose customer left, computed with the weights of the rows (see
            `Exposure`). This field is absent if the rows have no weights.
    """

    band: int
    rows: int
    churners: int
    predicted: float
    low: float
    high: float
    observed: float | None = None

    @property
    def share(self) -> float:
        """Return the share of rows in the band whose customer left."""
        return self.churners / self.rows if self.observed is None else self.observed


class HealthBands(Part):
    """The health bands of the test rows.

    Attributes:
        usual: The usual rate of leaving at each test cutoff, from which the bands are computed.
        outcomes: How many customers left, for each band that occurs in the test rows.
        changed: The share of rows to which the champion gives another band than the challenger; None if the
            challenger was not compared with a champion.
    """

    usual: ByName[date, float]
    outcomes: tuple[BandOutcome, ...]
    changed: Number


class HorizonMetrics(Part):
    """How good the predicted probability of leaving within a number of days is.

    It is measured on the test cutoffs for which the outcome is known.
    """

    log_loss: Interval
    auc: Interval
    observed_expected: Interval
    ece: Measure
    rows: int
    churners: int
    base_rate: float
    cutoffs: tuple[date, ...]


class Horizons(Part):
    """The probabilities of leaving within 30, 60 and 90 days.

    Attributes:
        anchor_days: The horizon of the label, in days.
        days: The figures of each measured horizon; the keys are the numbers of days.
        missing: The reason for each horizon that was not measured; the keys are the numbers of days.
    """

    anchor_days: int
    days: ByName[int, HorizonMetrics]
    missing: ByName[int, str]


class SignalVerdict(Part):
    """Whether the signals predict who leaves: the verdict as a word and as a sentence."""

    found: Literal["signal", "no more than RFM", "ranks only", "no signal"]
    words: str


class EverybodyMetrics(Part):
    """The figures of the challenger on the rows of all customers, treated or not; each row counts once.

    The model predicts who leaves if nobody is contacted. If contacts help, fewer customers leave, and
    observed/expected is below 1, even if the model is right. So the figures on all customers are only shown;
    nothing is judged by them.
    """

    rows: int
    churners: int
    observed_expected: Interval
    auc: Interval
    log_loss: Interval


class Exposure(Part):
    """How many rows were treated (contacted) in their label window, and how many controls represent them.

    Treated rows are left out of training and of the figures. In their place, the rows of controls get a
    higher weight.

    Attributes:
        cutoffs: For each cutoff with treated rows or controls, how many rows were treated, and how many rows
            of controls represent them; training cutoffs are included.
        no_controls_accepted: Why a person accepts treated rows that no control represents; absent if there
            are no such rows.
        everybody: The figures on the rows of all customers. This field is absent if no row of a test cutoff
            was treated, or if the model is a refreshed champion (`churn train --refresh`).
    """

    cutoffs: tuple[CutoffExposure, ...]
    no_controls_accepted: str | None = None
    everybody: EverybodyMetrics | None = None


class EvaluationResult(Part):
    """Everything that `churn evaluate` measures: the content of metrics.json.

    Attributes:
        event: The name of the event that the label counts; absent if the label counts customers who leave. In
            figures of an event, `left` and `churners` mean customers who had the event.
        champion: The champion at the time of the evaluation; None if there was none.
        cutoffs: The test cutoffs.
        cutoffs_possible: The largest number of test cutoffs that these snapshots make possible; None for a
            champion that `churn train --refresh` refreshed.
        contact_share: The share of customers that is contacted, 0 to 1.
        cohort: The customers at the last test cutoff.
        before: For each cutoff before the first test cutoff, how many of its customers left.
        purged: For each test cutoff, the snapshots on which a model is trained, and those that are left out.
        value: The value of the customers; None if no residual value is known.
        candidates: The metrics of the challenger, the champion and the baselines, by name.
        paired: For each pair of candidates, the differences in their metrics on the same rows; a key is, for
            example, `challenger_minus_recency`.
        by_cutoff: The metrics of the candidates at each test cutoff.
        spread: How far the metrics differ between the test cutoffs, by candidate.
        profit_curve: The challenger's profit for several shares of contacted customers; empty if no residual
            value is known.
        four_numbers: The figures of four tests side by side: three of the challenger, with different splits
            into training and test, and one of the baselines.
        segments: For each attribute, the challenger's metrics on each segment (the rows with one value of
            the attribute).
        lead_time: The AUC of predictions that were made some days before the test cutoffs, for several
            numbers of days; the smallest number comes first.
        calibration: The calibration method that was chosen in training.
        tried: The candidates of the training; the selected candidate is the first.
        importance: The importance of the signals, the most important signal first.
        horizons: The probabilities of leaving within 30, 60 and 90 days; absent if the label is not about
            contracts.
        exposure: Which customers were treated (contacted) in a label window; absent if nobody was. If
            `exposure` is present, the treated rows are left out of all other figures. In their place, the
            rows of controls get a higher weight. Counts of rows and churners are not weighted.
        notes: What could not be measured, or what a person should look at, by subject.
        guards: The guards' findings. Absent until the guards have run.
        signal: Whether the signals predict who leaves.
        looks_at_test: How many evaluations have used the test cutoffs of this label, with this one included.
            Absent until the registry has counted the evaluations.
    """

    model: EvaluatedModel
    champion: ChampionIdentity | None
    cutoffs: tuple[date, ...]
    cutoffs_possible: int | None
    contact_share: float
    cohort: Cohort
    before: tuple[CutoffRate, ...]
    purged: tuple[Purging, ...]
    value: CustomerValue | None
    candidates: ByName[str, CandidateMetrics]
    paired: ByName[str, Differences]
    by_cutoff: ByName[date, ByName[str, CandidateMetrics]]
    spread: ByName[str, Spread]
    calibration_table: tuple[CalibrationBin, ...]
    gain_table: tuple[GainRow, ...]
    profit_curve: tuple[ProfitPoint, ...]
    four_numbers: SplitComparison
    segments: ByName[str, tuple[SegmentMetrics, ...]]
    calibration_by_segment: CalibrationBySegment
    lead_time: tuple[LeadTime, ...]
    calibration: CalibrationChoice
    tried: tuple[TrainedCandidate, ...]
    importance: tuple[SignalImportance, ...]
    decile_table: tuple[DecileRow, ...]
    prediction_histogram: Histogram
    importance_by_family: tuple[FamilyImportance, ...]
    partial_dependence: tuple[PartialDependence, ...]
    freshness: Freshness
    health_bands: HealthBands
    horizons: Horizons | None = None
    exposure: Exposure | None = None
    notes: ByName[str, str]
    guards: GuardReport = GuardReport()
    signal: SignalVerdict
    looks_at_test: int | None = None
    event: str | None = None

    def in_words_of(self, words: LabelWords) -> Self:
        """Return the result with sentences that speak of the label's event and not of leaving."""
        notes = {subject: words.speak(note) for subject, note in self.notes.items()}
        signal = self.signal.model_copy(update={"words": words.speak(self.signal.words)})
        return self.model_copy(update={"event": words.event, "signal": signal, "notes": notes})

    @property
    def words(self) -> LabelWords:
        """Return the words that texts use for the label's event, or for leaving if there is no event."""
        return CHURN_WORDS if self.event is None else event_words(self.event)

    @classmethod
    def read(cls, path: Path, way_out: str = "Run `churn evaluate` again.") -> Self:
        """Read metrics.json.

        Args:
            path: The file.
            way_out: The sentence that says how the file is written again.

        Raises:
            CallError: nothing was evaluated.
            SourceError: the file is damaged, or another version of the package wrote it.
        """
        try:
            return read_own_json(path, cls, way_out=way_out)
        except FileNotFoundError:
            problem = f"{path.parent}: nothing was evaluated yet. Run `churn evaluate` first."
            raise CallError(problem) from None

    def write(self, path: Path) -> None:
        """Write metrics.json: the keys are sorted, absent fields are left out, and undefined numbers are
        null.
        """
        write_own_json(path, self.as_json())

    @property
    def text(self) -> str:
        """Return the text of metrics.json."""
        return own_json_text(self.as_json())

    def with_guards(self, guards: GuardReport, looks_at_test: int) -> Self:
        """Return the result with the guards' findings and the number of uses of the test cutoffs."""
        return self.model_copy(update={"guards": guards, "looks_at_test": looks_at_test})

    @property
    def challenger(self) -> CandidateMetrics:
        """Return the metrics of the evaluated model on all test cutoffs."""
        return self.candidates[CHALLENGER]

    @property
    def champion_reference(self) -> str | None:
        """Return the name of the candidate that stands for the champion in comparisons with the challenger.

        The candidate is the champion itself if the champion can score the snapshots and has not learnt from
        labels of the test cutoffs. Otherwise it is a new model that is trained with the champion's recipe.
        If the challenger was compared with neither of these two models, the result is None.
        """
        return champion_reference(self.candidates)

    @property
    def evaluated_champion(self) -> bool:
        """Return whether the evaluated model was the champion at the time of the evaluation."""
        return self.champion is not None and self.champion.digest == self.model.digest

    def pair(self, second: str) -> Differences | None:
        """Return the metrics of the challenger minus the metrics of another candidate; None if they were not
        compared.
        """
        return self.paired.get(f"{CHALLENGER}_minus_{second}")

    @property
    def compared_with(self) -> tuple[str, ...]:
        """Return the candidates with which the challenger was compared, in the order of their names."""
        return tuple(name.removeprefix(f"{CHALLENGER}_minus_") for name in self.paired)
