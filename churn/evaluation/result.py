"""The result of an evaluation: the whole content of `evaluate/metrics.json` as one typed object."""

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
        name: The name in the registry.
        run_id: The MLflow run of its training.
        digest: The digest of the model's bundle.
        candidate: The name of the candidate, which says the type of model.
    """

    name: str
    version: str
    run_id: str
    digest: str
    candidate: str


class ChampionIdentity(Part):
    """The champion at the time of the evaluation, whether it could be compared or not."""

    version: str
    digest: str


class Cohort(Part):
    """The customers at risk at the last test cutoff, and the number of excluded customers by reason."""

    cutoff: date
    rows: int
    excluded: ByName[str, int]


class CutoffRate(Counts):
    """How many customers left after one cutoff before the test."""

    cutoff: date


class Purging(Part):
    """The training snapshots of one test cutoff.

    Attributes:
        trained_on: The snapshots whose labels were known at the test cutoff.
        purged: The earlier snapshots whose labels were not known yet.
    """

    cutoff: date
    trained_on: tuple[date, ...]
    trained_rows: int
    purged: tuple[date, ...]
    purged_rows: int


class CampaignTerms(Part):
    """The assumed costs and effect of a campaign.

    Attributes:
        contact_cost: The cost of a contact, in currency.
        incentive_cost: The cost of an accepted offer, in currency.
        accept_share: The share of the contacted churners who accept the offer, 0 to 1.
    """

    contact_cost: float
    incentive_cost: float
    accept_share: float


class MeasuredShare(Interval):
    """The share of churners whom a contact keeps, as `churn measure` measured it over all contacts.

    Attributes:
        as_of: The day up to which outcomes were known.
        is_used: Whether it takes the place of the assumed share.
        reason: Why it is used, or not.
    """

    as_of: date
    is_used: bool
    reason: str


class CustomerValue(Part):
    """The residual value of the test rows in currency, and all assumptions about money.

    Attributes:
        rows: The number of test rows.
        known: The number of test rows with a known value.
        profit: The terms of a campaign. Its costs are assumed; its share is assumed or measured.
        measured_share: What was measured of the share; absent if nothing was.
        months: The number of monthly payments that count.
        margin: The share of the payments that is earned, 0 to 1.
        discount_year: The discount rate per year, 0 to 1.
        variant: When the first payment falls.
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


class CalibrationGain(Part):
    """The out-of-time log loss of one calibration method minus the log loss without calibration.

    Attributes:
        standard_error: The standard error of the difference, over customers.
        worst_cutoff: The difference at the cutoff that speaks most against the method.
    """

    difference: Number
    standard_error: Number
    worst_cutoff: Number


class CalibrationChoice(Part):
    """The calibration method of the challenger.

    Attributes:
        tried: The out-of-time log loss of each method.
        against_none: Each other method against no calibration.
        later_cutoffs: The number of cutoffs on which methods fitted on earlier cutoffs were compared.
    """

    chosen: str
    tried: ByName[str, Number]
    against_none: ByName[str, CalibrationGain]
    later_cutoffs: int


class TrainedCandidate(Part):
    """A candidate of the training with its cross-validated figures; the first candidate was selected.

    Attributes:
        behind: The log loss of the candidate minus the log loss of the first candidate.
        standard_error: The standard error of `behind`, over customers.
    """

    recipe: Recipe
    log_loss: Number
    auc: Number
    behind: Number
    standard_error: Number


class SignalImportance(Part):
    """The share of the mean absolute contributions to the log-odds that comes from one signal, 0 to 1."""

    signal: str
    share: float


class FamilyImportance(Part):
    """The share of the mean absolute contributions to the log-odds that comes from one family, 0 to 1."""

    family: str
    share: float


class PartialDependence(Part):
    """The mean predicted probability over the values of one signal.

    Attributes:
        missing_share: The share of rows without a value, 0 to 1.
        levels: The levels of a signal of kind `level`.
        shares: The share of rows per level.
        values: The values at which a signal of kind `number` is set.
        deciles: The nine deciles of its known values.
        probabilities: The mean predicted probability per level or value.
        missing_probability: The mean if all rows had no value; None if all rows have a value.
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
    """The day on which the latest label of each model became known; no date without a champion."""

    challenger: date
    champion: date | None = None


class BandOutcome(Part):
    """How many customers of one health band left.

    Attributes:
        band: The health band, from 1 (likely to leave) to 5 (well).
        predicted: The mean predicted probability of its rows.
        low: The lower bound of Wilson's 95 % interval of the share that left.
        high: The upper bound.
        observed: The weighted share that left; absent if each row represents only itself.
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
        """Return the share of rows that left."""
        return self.churners / self.rows if self.observed is None else self.observed


class HealthBands(Part):
    """The health bands of the test rows.

    Attributes:
        usual: The usual rate of leaving per test cutoff, against which the bands are set.
        outcomes: The bands that have rows.
        changed: The share of rows whose band differs from that of the champion; None without a champion.
    """

    usual: ByName[date, float]
    outcomes: tuple[BandOutcome, ...]
    changed: Number


class HorizonMetrics(Part):
    """The probability of leaving within a number of days, on the test cutoffs that can show it."""

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
        anchor_days: The horizon of the label.
        days: The measured horizons, by days.
        missing: Why a horizon was not measured, by days.
    """

    anchor_days: int
    days: ByName[int, HorizonMetrics]
    missing: ByName[int, str]


class SignalVerdict(Part):
    """Whether the signals predict who leaves, as a verdict and as a sentence."""

    found: Literal["signal", "no more than RFM", "ranks only", "no signal"]
    words: str


class EverybodyMetrics(Part):
    """The challenger on the rows of everybody, treated or not, each row once.

    Where contacts help, fewer of the treated left than a right model expects: its observed/expected is then
    below 1. So these figures are shown beside the others, and nothing is judged by them.
    """

    rows: int
    churners: int
    observed_expected: Interval
    auc: Interval
    log_loss: Interval


class Exposure(Part):
    """Which customers were treated in a label window, and which controls represent them.

    Attributes:
        cutoffs: The counts of all cutoffs with tasks, those of the training among them.
        no_controls_accepted: The reason why a person accepts that no control represents treated rows; absent
            if controls represent them.
        everybody: The values on the rows of all customers. Absent for a refreshed champion, and if no row of
            a test cutoff was treated.
    """

    cutoffs: tuple[CutoffExposure, ...]
    no_controls_accepted: str | None = None
    everybody: EverybodyMetrics | None = None


class EvaluationResult(Part):
    """Everything that `churn evaluate` measures: the content of metrics.json.

    Attributes:
        event: The event that the label counts; absent if the label counts customers who leave. `left` and
            `churners` of the figures then mean customers with this event.
        champion: The champion at that time; None if there was no champion.
        cutoffs: The test cutoffs.
        cutoffs_possible: The number of test cutoffs that the snapshots allow; None for a refreshed champion.
        contact_share: The share of customers that is contacted, 0 to 1.
        cohort: The customers at the last test cutoff.
        before: The cutoffs before the first test cutoff.
        purged: The training snapshots per test cutoff.
        value: The customers' value; None if no money is known.
        candidates: The metrics of challenger, champion and baselines by name.
        paired: Paired differences by name, such as `challenger_minus_recency`.
        by_cutoff: The metrics of the candidates per test cutoff.
        spread: How far the test cutoffs differ, by candidate.
        profit_curve: Empty where no money is known.
        four_numbers: The ways of splitting side by side.
        segments: The challenger by attribute and level.
        lead_time: The AUC of older predictions, the shortest lead first.
        calibration: The calibration method that was chosen in training.
        tried: The candidates of the training, with the selected candidate first.
        importance: The signals, the most important first.
        horizons: Absent where the label does not end contracts.
        exposure: Who was treated. Absent if nobody was. All other figures are then those of untreated rows,
            weighted so that controls represent the treated customers; counts of rows and churners are not
            weighted.
        notes: What could not be measured, or needs attention, by subject.
        guards: The guards' findings. Absent until the guards have run.
        signal: Whether the signals predict who leaves.
        looks_at_test: How often the test cutoffs of this label were used, this time included. Absent until
            the registry has counted.
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
        """Return the result of a label of an event, with its sentences in the words of the event."""
        notes = {subject: words.speak(note) for subject, note in self.notes.items()}
        signal = self.signal.model_copy(update={"words": words.speak(self.signal.words)})
        return self.model_copy(update={"event": words.event, "signal": signal, "notes": notes})

    @property
    def words(self) -> LabelWords:
        """Return the words for what the label counts."""
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
        """Write metrics.json: keys in order, no absent fields, and undefined numbers as null."""
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
        """Return the candidate with which the challenger is compared as the champion.

        This is the champion's recipe if the champion has seen a test cutoff, and otherwise the champion. It
        is None if neither was compared.
        """
        return champion_reference(self.candidates)

    @property
    def evaluated_champion(self) -> bool:
        """Return whether the evaluated model was the champion at that time."""
        return self.champion is not None and self.champion.digest == self.model.digest

    def pair(self, second: str) -> Differences | None:
        """Return the challenger minus another candidate; None if they were not compared."""
        return self.paired.get(f"{CHALLENGER}_minus_{second}")

    @property
    def compared_with(self) -> tuple[str, ...]:
        """Return the candidates with which the challenger was compared, in the order of their names."""
        return tuple(name.removeprefix(f"{CHALLENGER}_minus_") for name in self.paired)
