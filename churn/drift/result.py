"""The content of `drift.json` for a night: what has changed since the training, and whether the model should
be trained again.
"""

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
"""What an alarm is about: a source, a column, a kind, a signal, the scores, all signals together, or the
level.
"""


class Alarm(Part):
    """A warning about a change in the data, the signals or the performance of the model, and what to do.

    Attributes:
        kind: What the alarm is about.
        subject: The name of what has changed: a table, a column (as `table.column`), a signal or a figure.
        since: The first day of the change, as far as it is known.
        text: A sentence with the measured value and the value with which it was compared.
        way_out: A sentence that says what to do.
    """

    kind: AlarmKind
    subject: str
    since: date | None = None
    text: str
    way_out: str

    @property
    def table(self) -> str:
        """Return the table that the alarm concerns; for a column of `customers`, return the column."""
        return self.subject.split(".")[0] if not self.subject.startswith("customers.") else self.subject

    def __str__(self) -> str:
        return f"{self.subject}: {self.text} {self.way_out}"


class TableFreshness(Part):
    """How fresh the rows of a table are.

    Attributes:
        table: The name of the table.
        newest_row_on: The day of the newest row that was known before the night; None if there is no row.
        age_days: The number of days without a row directly before the night.
        longest_gap_days: The number of days in the longest gap between two days with rows, in the last 57
            weeks; None if fewer than two days have rows.
        rows_last_day: The number of rows on the day before the night.
        usual_rows: The median number of rows on the same weekday in the last 8 weeks; None if there are fewer
            weeks.
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
        table: The table from which the signal is computed.
        psi: The population stability index (PSI), which compares tonight's values with the values of the
            training; None if nobody can be compared.
        by_chance: The PSI that chance alone seldom exceeds. If nothing has changed, only one night in a
            thousand has a signal above this PSI.
        usual: The largest PSI of the training cutoffs; None if no cutoff could be compared. The PSI of a
            training cutoff compares it with all earlier cutoffs whose labels were already known on its day.
        limit: The PSI above which the signal counts as moved.
        missing: The share of missing values tonight.
        missing_in_training: The share of missing values in training.
        has_moved: Whether `psi` is above `limit`.
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
    """How well a model of trees distinguishes tonight's customers from the customers of the training.

    Attributes:
        auc: The AUC on customers whom the trees did not see; None if it was not measured. The trees use the
            signals that hardly move between cutoffs of the training.
        because: Why the AUC was not measured; None if it was measured.
        by: The signals that helped the trees most, each with its share of the total gain in the trees; the
            largest share comes first.
    """

    auc: Interval | None = None
    because: str | None = None
    by: tuple[tuple[str, float], ...] = ()


class Figures(Part):
    """Measures of predictions, each with its 95 % interval.

    Attributes:
        auc: The AUC.
        log_loss: The log loss.
        brier: The Brier score (the mean squared error of the probabilities).
    """

    auc: Interval
    log_loss: Interval
    brier: Interval


class RealisedNight(Part):
    """How well an earlier night predicted which customers left, measured with the known outcomes.

    Contacted customers are left out. The controls stand for them, so each control has a weight above 1. If
    there are no controls, the contacted customers are measured too.

    Attributes:
        night: The cutoff of the night.
        model_version: The version of the model that scored the night.
        customers: The number of measured customers: they were scored, and their outcome is known.
        n_treated: The number of scored customers who were contacted between two days: 91 days before the
            night, and the end of the night's label window.
        churners: The number of measured customers who left.
        expected: The number of churners that the model expected, counted with the weights.
        observed_expected: The number of customers who left, counted with the weights, divided by `expected`.
        outcome_figures: The measures of the probabilities, computed with the known outcomes.
        estimated_figures: The measures of `outcome_figures`, but estimated from the probabilities alone,
            without the outcomes.
        note: A sentence that says why contacted customers are measured too; None if they are left out.
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
    note: str | None = None


class Performance(Part):
    """The performance of the model, estimated for tonight and realised for earlier nights.

    Attributes:
        estimate: The measures that are expected if tonight's probabilities are right, with intervals that
            allow for chance; None if nobody was scored.
        realised_nights: Earlier nights whose outcome is known, the newest first; their label windows do not
            overlap.
        level: The ratio of observed to expected churners over the measured nights of this model; None if
            there are no such nights.
        because: Why `level` is None; None if it was measured.
    """

    estimate: Figures | None = None
    realised_nights: tuple[RealisedNight, ...] = ()
    level: Interval | None = None
    because: str | None = None


class Trigger(Part):
    """A reason to train again, and whether it applies now.

    Attributes:
        name: The name of the reason.
        fires: Whether the reason applies; None if this is not known.
        text: A sentence with the measured value and the limit.
    """

    name: Literal["level", "drift", "age", "new_labels"]
    fires: bool | None
    text: str


class Population(Part):
    """Which of tonight's customers are compared with the training.

    Attributes:
        customers: The number of customers who were scored tonight.
        n_treated: The number of scored customers who were contacted in the last 91 days. They are left out,
            unless there are no controls.
        n_controls: The number of scored customers who were controls in the last 91 days. They have a weight
            above 1, because they also stand for the contacted customers.
        note: A sentence that says why contacted customers are compared too; None if they are left out.
    """

    customers: int
    n_treated: int
    n_controls: int
    note: str | None = None


class Drift(Part):
    """What has changed between the training of a model and a night that it scored.

    Attributes:
        version: The version of the format of `drift.json`.
        cutoff: The cutoff of the night.
        model_version: The version of the model that scored the night.
        model_digest: The digest (checksum) of the model's files.
        label_id: The id of the label that the night predicts.
        population: Which of tonight's customers are compared with the training.
        alarms: The alarms of the night; empty if there are none.
        triggers: The reasons to train again, and whether each applies.
        freshness: How fresh each table is.
        signals: How far each signal has moved; the signal that is furthest above its limit comes first. None
            if the model has no reference (the stored counts of its training rows).
        score: How far the model's probabilities have moved, with the same measures as for a signal; None if
            the model does not store how its probabilities were distributed in the training.
        no_reference_because: Why signals and scores are not compared with the training; None if they are
            compared.
        told_apart: How well a model of trees distinguishes tonight's customers from the customers of the
            training.
        performance: The performance of the model.
        notes: One sentence for each earlier night that could not be read.
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
        """Return those reasons to train again that apply now."""
        return tuple(trigger for trigger in self.triggers if trigger.fires)


def drift_path(output: Path, night: date) -> Path:
    """Return the path of the `drift.json` of a night."""
    return output / DRIFT_FOLDER / f"cutoff={night}" / DRIFT_FILE


def read_drift(output: Path, night: date) -> Drift | None:
    """Read the `drift.json` of a night; None if the file does not exist.

    Raises:
        SourceError: the file is damaged.
    """
    way_out = f"Run `churn drift --cutoff {night}`."
    try:
        return read_own_json(drift_path(output, night), Drift, way_out=way_out)
    except FileNotFoundError:
        return None
