"""The content of `drift.json`: what has moved on a night, and whether the model should be trained again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from churn.data.own_files import read_own_json
from churn.metrics.interval import Interval, Number, Part

DRIFT_FOLDER = "drift"
DRIFT_FILE = "drift.json"

AlarmKind = Literal[
    "stopped",
    "fell",
    "rose",
    "emptied",
    "unit",
    "kind_renamed",
    "kind_stopped",
    "signal",
    "score",
    "told_apart",
    "level",
]
"""What an alarm is about: a source, a column, a kind, a signal, the scores, all signals, or the level."""


class Alarm(Part):
    """Something that has moved.

    Attributes:
        kind: What the alarm is about.
        subject: The table, `table.column`, signal or figure.
        since: The first day on which it was so, as far as it can be told.
        text: What was measured, and against what, as a sentence.
        way_out: What to do, as a sentence.
    """

    kind: AlarmKind
    subject: str
    since: date | None = None
    text: str
    way_out: str

    @property
    def table(self) -> str:
        """Return the table of an alarm about a source."""
        return self.subject.split(".")[0] if not self.subject.startswith("customers.") else self.subject

    def __str__(self) -> str:
        return f"{self.subject}: {self.text} {self.way_out}"


class TableFreshness(Part):
    """How fresh a table is.

    Attributes:
        table: The name of the table.
        newest_row_on: The day of the newest row that was known before the night; None without a row.
        age_days: The number of days without a row before the night.
        longest_gap_days: The largest number of days without a row between two rows of the last 57 weeks;
            None with fewer than two days with rows.
        rows_last_day: The number of rows of the day before the night.
        usual_rows: The median number of rows on the same weekday of the last 8 weeks; None with fewer weeks.
    """

    table: str
    newest_row_on: date | None
    age_days: int | None
    longest_gap_days: int | None
    rows_last_day: int
    usual_rows: Number


class SignalDrift(Part):
    """How far a signal has moved since the training.

    Attributes:
        signal: The name of the signal.
        table: The table of the signal.
        psi: The population stability index of tonight against the training; None without rows.
        by_chance: The index that equal distributions exceed once in a thousand nights, over all signals.
        usual: The largest index of a cutoff of the training against the cutoffs known by then.
        limit: The index above which the signal has moved.
        missing: The share of missing values tonight.
        missing_in_training: The share of missing values in training.
        has_moved: Whether the index is above the limit.
    """

    signal: str
    table: str
    psi: Number
    by_chance: Number
    usual: Number
    limit: Number
    missing: Number
    missing_in_training: float
    has_moved: bool


class ToldApart(Part):
    """How well trees separate tonight's customers from the customers of the training.

    Attributes:
        auc: The AUC on customers that the trees did not see, by the signals that moved further than ever
            between cutoffs of the training; None if it was not measured.
        because: Why it was not measured.
        by: The share of each signal in what the trees learnt, the largest first.
    """

    auc: Interval | None = None
    because: str | None = None
    by: tuple[tuple[str, float], ...] = ()


class Figures(Part):
    """Measures of predictions, each with its 95 % interval.

    Attributes:
        auc: The AUC.
        log_loss: The log loss.
        brier: The Brier score.
    """

    auc: Interval
    log_loss: Interval
    brier: Interval


class RealisedNight(Part):
    """How well an earlier night predicted which customers left, measured with the known outcomes.

    Attributes:
        night: The cutoff of the night.
        model_version: The version of the model that scored it.
        customers: The number of customers whose outcome counts.
        n_treated: The number of customers who are left out because they were contacted.
        churners: The number of these customers who left.
        expected: The weighted number that the model expected.
        observed_expected: The weighted number that left, divided by the expected number.
        outcome_figures: The measures on the outcomes.
        estimated_figures: The measures as they were estimated for these customers without outcomes.
    """

    night: date
    model_version: str
    customers: int
    n_treated: int
    churners: int
    expected: float
    observed_expected: Interval
    outcome_figures: Figures
    estimated_figures: Figures


class Performance(Part):
    """The performance of the model, estimated for tonight and realised for earlier nights.

    Attributes:
        estimate: The measures that tonight's probabilities lead to expect, if they are right; None if nobody
            was scored. The intervals hold the outcomes that chance may bring.
        realised_nights: Earlier nights with a known outcome, the newest first; their windows do not overlap.
        level: Observed over expected over the nights of this model; None if there are none.
        because: Why there is no realised night.
    """

    estimate: Figures | None = None
    realised_nights: tuple[RealisedNight, ...] = ()
    level: Interval | None = None
    because: str | None = None


class Trigger(Part):
    """A reason to train again, and whether it holds.

    Attributes:
        name: The name of the reason.
        fires: Whether it holds; None if it cannot be told.
        text: What was measured, and the limit, as a sentence.
    """

    name: Literal["level", "drift", "age", "new_labels"]
    fires: bool | None
    text: str


class Population(Part):
    """Which customers are compared with the training.

    Attributes:
        customers: The number of customers at risk tonight.
        n_treated: The number of them who were contacted in the last 91 days and are left out.
        n_controls: The number of controls that represent contacted customers, with a weight.
        note: A sentence if contacted customers cannot be left out; None otherwise.
    """

    customers: int
    n_treated: int
    n_controls: int
    note: str | None = None


class Drift(Part):
    """What has moved on a night.

    Attributes:
        version: The version of the format.
        cutoff: The night.
        model_version: The version of the model that scored the night.
        model_digest: The digest of its bundle.
        label_id: The label.
        population: Which customers are compared.
        alarms: What has moved; empty on a quiet night.
        triggers: The reasons to train again.
        freshness: The tables.
        signals: The signals, ordered by how far they have moved; None without a reference.
        score: The probabilities, compared like a signal; None without a reference.
        no_reference_because: Why signals and scores are not compared; None if they are.
        told_apart: How well trees separate tonight's customers from the training.
        performance: The performance of the model.
        notes: The earlier nights that could not be read, each as a sentence.
    """

    version: Literal[1] = 1
    cutoff: date
    model_version: str
    model_digest: str
    label_id: str
    population: Population
    alarms: tuple[Alarm, ...]
    triggers: tuple[Trigger, ...]
    freshness: tuple[TableFreshness, ...]
    signals: tuple[SignalDrift, ...] | None
    score: SignalDrift | None
    no_reference_because: str | None = None
    told_apart: ToldApart
    performance: Performance
    notes: tuple[str, ...] = ()

    @property
    def retrain(self) -> tuple[Trigger, ...]:
        """Return the reasons to train again that hold."""
        return tuple(trigger for trigger in self.triggers if trigger.fires)


def drift_path(output: Path, night: date) -> Path:
    """Return the path of what has moved on a night."""
    return output / DRIFT_FOLDER / f"cutoff={night}" / DRIFT_FILE


def read_drift(output: Path, night: date) -> Drift | None:
    """Read what has moved on a night; None if nobody looked.

    Raises:
        SourceError: the file is damaged.
    """
    way_out = f"Run `churn drift --cutoff {night}`."
    try:
        return read_own_json(drift_path(output, night), Drift, way_out=way_out)
    except FileNotFoundError:
        return None
