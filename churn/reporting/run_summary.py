"""What `churn run` shows on one screen: a line for each step, and the result in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from churn.data.store import StoredTable
from churn.drift.result import Drift
from churn.evaluation.result import EvaluationResult
from churn.kpis.alarms import AlarmsResult
from churn.kpis.catalog import FIGURES
from churn.kpis.sections import Kpis
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.metrics.interval import format_interval
from churn.params import words_of
from churn.reporting.drift_lines import headline
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.totals import expected_total
from churn.snapshots.manifest import SnapshotManifest
from churn.training.challenger import Challenger

MAX_ALARMS = 3
"""The largest number of alarms on the screen; the file drift.json holds all of them."""


def tables_line(tables: Mapping[str, StoredTable]) -> str:
    """Return a line with the number of rows in the store, and the number of rows of the source that were
    rejected.
    """
    rows = sum(table.rows for table in tables.values())
    rejects = sum(sum(table.rejects.values()) for table in tables.values())
    read = sum(table.rows_read for table in tables.values())
    share = f" ({rejects / read:.1%})" if rejects else ""
    noun = "table" if len(tables) == 1 else "tables"
    return f"{rows:,} rows in {len(tables)} {noun}, {rejects:,} rows rejected{share}"


def snapshots_line(manifest: SnapshotManifest) -> str:
    """Return a line with the numbers of signals and snapshots, and with what the guards of the data found."""
    severities = [finding.severity for finding in manifest.guards.found]
    return (
        f"{len(manifest.signals)} signals at {len(manifest.cutoffs)} cutoffs; "
        f"{len(manifest.guards.looked)} guards looked: {severities.count('stop')} say stop, "
        f"{severities.count('warn')} warn"
    )


def training_line(challenger: Challenger) -> str:
    """Return a line that says which model was trained, with its most important signals."""
    signals = ", ".join(list(challenger.importance)[:3])
    return f"version {challenger.version}, {challenger.recipe.describe()}; it looks most at {signals}"


def evaluation_line(result: EvaluationResult) -> str:
    """Return a line that says how well the model and the best baseline predict on the test cutoffs."""
    baselines = result.four_numbers.baselines
    losses = {name: loss for name in baselines if (loss := baselines[name].log_loss.value) is not None}
    rival = ""
    if losses:
        best = min(losses, key=losses.__getitem__)
        rival = f", {CANDIDATE_NAMES.get(best, best)} {format_interval(baselines[best].auc)}"
    return (
        f"AUC {format_interval(result.challenger.auc)}{rival}; "
        f"observed/expected {format_interval(result.challenger.observed_expected, 2)} "
        f"on {len(result.cutoffs)} later cutoffs"
    )


def figures_line(kpis: Kpis) -> str:
    """Return a line with the latest rate of churn (or of another event that the label predicts), and the
    number of watched figures whose latest value is unusual.
    """
    name = "event_rate" if "event" in kpis.sections else "customer_churn"
    rates = [
        figure
        for figure in kpis.figures
        if figure.name == name
        and figure.slice is None
        and figure.period.kind == "month"
        and figure.value is not None
    ]
    rate = "no month is certain yet"
    if rates:
        rate = f"{FIGURES[name].title} {rates[-1]}% in {rates[-1].period}"
    alarms = kpis.sections.get("alarms")
    if not isinstance(alarms, AlarmsResult):
        return rate
    return f"{rate}; {len(alarms.alarms)} of {alarms.n_watched} watched figures lie outside their history"


def night_line(night: ReportSources) -> str:
    """Return a line with the number of customers whom the night scored, and the number whom it left out."""
    facts = night.facts
    n_excluded = facts.customers - facts.cohort
    return f"{facts.cohort:,} customers scored, {n_excluded:,} left out, each with a reason"


def result_sentences(night: ReportSources) -> tuple[str, ...]:
    """Return sentences about a night: whether to trust the model, how many customers are expected to leave,
    how many customers to call, and how far the data have drifted.
    """
    facts, words = night.facts, words_of(night.facts.label)
    expected = expected_total(night.scores.probability)
    return (
        words.speak(_trust_sentence(night)),
        f"{facts.cohort:,} customers could {words.happen}; about {expected.value:,.0f} of them are expected "
        f"to {words.happen} within {facts.label['horizon_days']} days.",
        f"The call list names {facts.n_contacts:,} customers, {facts.tasks.get('new', 0):,} of them new; "
        f"{facts.controls:,} more are in the control group, which nobody contacts.",
        *_drift_sentences(night.drift),
    )


def _drift_sentences(drift: Drift | None) -> Iterator[str]:
    """Yield sentences about the drift, and about each reason to train again; nothing if the drift was not
    measured.
    """
    if drift is None:
        return
    yield headline(drift)
    yield from (str(alarm) for alarm in drift.alarms[:MAX_ALARMS])
    for trigger in drift.retrain:
        yield f"Train again because of {trigger.name.replace('_', ' ')}: {trigger.text}"


def _trust_sentence(night: ReportSources) -> str:
    if night.facts.trial is not None:
        return "The night is a trial: no model has passed every gate, so hand its list to nobody."
    model = f"The champion, version {night.facts.model_version},"
    if night.result is None:
        return f"{model} scored the night, but this model was never evaluated."
    lift = night.result.challenger.lift_at_contact_share
    return (
        f"{model} finds {format_interval(lift, 1)} times as many churners as a random choice, if you contact "
        f"the {night.result.contact_share:.0%} of the customers with the highest probability of leaving."
    )
