"""The contents of the files that the page of a night needs: files about the night and about an evaluation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, Field

from churn.data.own_files import lacks_checksum, open_own_parquet, read_own_json, read_own_parquet
from churn.data.store import StoreFacts, read_store_facts
from churn.drift.result import Drift, read_drift
from churn.errors import CallError, SourceError
from churn.evaluation.result import EvaluationResult
from churn.experiments.ledger import read_ledger
from churn.guards.verdict import Verdict
from churn.params import words_of
from churn.promotion.record import FILE as PROMOTION_FILE
from churn.promotion.record import Promotion, kept_evaluation
from churn.reporting.known_effects import KnownEffects, read_known_effects
from churn.reporting.page.call import ContactBefore, CustomerNotes
from churn.reporting.page.history import History, figures_of, read_history
from churn.reporting.page.known_kpis import UNKNOWN_KPIS, KnownKpis, read_known_kpis
from churn.reporting.page.night_scores import NightScores, rows_of
from churn.scoring.scores import TREATED_ARM
from churn.scoring.sink import contacts_path, facts_path, scores_path
from churn.training.challenger import training_folder

EVALUATE_AGAIN = "Run `churn evaluate` again."
PROMOTE_AGAIN = "Run `churn evaluate`, then `churn promote`."


class UsedUplift(BaseModel):
    """The model that a night uses to predict the effect of a contact on each customer.

    Attributes:
        as_of: The model was learnt only from outcomes that were already known on this day.
        do_not_disturb: The number of customers who are not contacted, because an experiment showed that a
            contact does not help such customers.
    """

    as_of: date
    do_not_disturb: int


class UsedPlayEffect(BaseModel):
    """The measured share of churners whom a contact of a play keeps, as a night used it.

    Attributes:
        used_share: The share that the night used, at least 0.
        value: The measured share, which may be below 0.
        low: The lower bound of the interval of `value`.
        high: The upper bound of the interval of `value`.
    """

    used_share: Annotated[float, Field(alias="used")]
    value: float | None
    low: float | None
    high: float | None


class UsedEffects(BaseModel):
    """The measured effects that a night used, by play.

    Attributes:
        as_of: The effects come only from outcomes that were already known on this day.
        plays: The effect of each play whose measured effect the night used.
    """

    as_of: date
    plays: Mapping[str, UsedPlayEffect]


class UsedCost(BaseModel):
    """The measured cost of a contact, as a night used it.

    Attributes:
        contacts: The number of all contacts.
        with_cost: The number of contacts whose cost is recorded.
        value: The mean cost in currency, which the night used.
        low: The lower bound of the interval of `value`.
        high: The upper bound of the interval of `value`.
    """

    contacts: int
    with_cost: int
    value: float
    low: float
    high: float


class UsedCosts(BaseModel):
    """The measured costs of contacts, as a night used them.

    Attributes:
        as_of: The costs come only from contacts that were known before this day.
        plays: The cost of each play that has a measured cost.
        all_contacts: The mean cost of one contact, measured over all contacts of the call list's plays. The
            night used this cost for plays that have neither a measured cost nor a cost in the playbook. None
            if the night used the assumed cost instead.
    """

    as_of: date
    plays: Mapping[str, UsedCost]
    all_contacts: UsedCost | None = None


class NightFacts(BaseModel):
    """The counts and the settings of a night that the report shows."""

    run_id: str
    model_version: str
    model_digest: str
    trial: Mapping[str, Any] | None
    label_id: str
    cutoff: str
    timezone: str
    label: Mapping[str, Any]
    model: Mapping[str, Any]
    base_rate: float
    customers: int
    cohort: int
    excluded: Mapping[str, int]
    thin: int
    n_places: Annotated[int, Field(alias="places")]
    n_contacts: Annotated[int, Field(alias="contacted")]
    tasks: Mapping[str, int] = {}
    controls: int = 0
    no_control_because: str | None = None
    not_contacted: Mapping[str, int] = {}
    came_off: Mapping[str, int] = {}
    answers_are_assumed: bool = False
    switched_off: Mapping[str, tuple[str, ...]]
    value: Mapping[str, Any]
    first_reasons: Mapping[str, int]
    uplift: UsedUplift | None = None
    measured_effects: UsedEffects | None = None
    measured_costs: UsedCosts | None = None
    files: Mapping[str, str]


SCORE_COLUMNS = (
    *("customer_id", "excluded_because", "not_contacted_because", "health", "value_at_risk"),
    *("play", "action", "owner", "channel", "due_at"),
)
"""The columns of the scores that the report needs; in addition it shows all columns of reasons."""

OPTIONAL_COLUMNS = ("success", "task_status")
"""The columns of scores that a night of an earlier version may lack."""


@dataclass(frozen=True)
class ReportSources:
    """The contents of the files about a night and about the evaluation.

    Attributes:
        output: The output folder.
        cutoff: The date of the night.
        scores: The scores of the night: probability, health and value at risk of all scored customers, and
            the whole rows of the customers on the call list of this night or of the night before.
        contacts: The id and the name of each customer on the call list, in the order of the list.
        facts: The counts and settings of the night.
        result: The result of the evaluation of the model that scored the night; None if there is none.
        verdict: The verdict of the gates on the model that scored the night; None if there is no verdict
            on it, for example because `churn promote` has not run.
        known_effects: The measured effects of contacts, as far as they were known at the night.
        latest_version: The version of the model that was evaluated last. None if this model scored the night,
            or if there is no evaluation.
        drift: How far the data and the predictions have changed since the training; None if this was not
            measured, or if the file is damaged.
        notes: What the night stored about each customer on the call list, by id.
        history: The figures of this night and of earlier nights, and the probabilities that these nights gave
            to the customers on the call list.
        contacts_before: The contacts that earlier nights planned for customers on the call list, the latest
            first; controls have no such contacts.
        known_kpis: The figures of retention that were already known on the night.
        store: The counts that `ingest` wrote; None if there is no store.
        warnings: For each file that is left out because it cannot be read, the reason and a way out.
    """

    output: Path
    cutoff: date
    scores: NightScores
    contacts: tuple[tuple[str, str], ...]
    facts: NightFacts
    result: EvaluationResult | None
    verdict: Verdict | None
    known_effects: KnownEffects
    notes: Mapping[str, CustomerNotes]
    history: History
    contacts_before: Mapping[str, tuple[ContactBefore, ...]]
    latest_version: str | None = None
    drift: Drift | None = None
    known_kpis: KnownKpis = UNKNOWN_KPIS
    store: StoreFacts | None = None
    warnings: tuple[str, ...] = ()


def read_report_sources(output: Path, cutoff: date | None = None) -> ReportSources:
    """Read the files of a night; by default the latest night.

    If an earlier version of the program wrote the evaluation, it is left out with a warning. If the last
    evaluation is of another model, the copy that was kept for this night's model is read. A damaged copy is
    also left out with a warning, because it cannot always be written again.

    Raises:
        CallError: No night was scored, or the requested night was not scored.
        SourceError: A file of the night or of the evaluation is damaged.
    """
    nights = sorted(
        night
        for folder in {path.parent for path in output.glob("scores/cutoff=*/*")}
        if (night := _night_of(folder)) is not None
    )
    if not nights:
        raise CallError(f"{output / 'scores'}: there is no night. Run `churn score` first.")
    if cutoff is not None and cutoff not in nights:
        raise CallError(
            f"--cutoff {cutoff}: this night was not scored; the latest is {nights[-1]}. "
            f"Run `churn score --cutoff {cutoff}` first."
        )
    night = cutoff or nights[-1]
    facts, table, contact_rows = _read_night(output, night)
    contacts = tuple((row["customer_id"], row["name"] or "") for row in contact_rows)
    listed = tuple(customer for customer, _ in contacts)
    folder = output / "evaluate"
    warnings = [
        f"{path}: it has no checksum, so an earlier version of churn wrote it. The report leaves the file "
        f"out. {way_out}"
        for name, way_out in (("metrics.json", EVALUATE_AGAIN), (PROMOTION_FILE, PROMOTE_AGAIN))
        if lacks_checksum(path := folder / name)
    ]
    is_usable = not lacks_checksum(folder / "metrics.json")
    latest = result = _read_result(folder, EVALUATE_AGAIN) if is_usable else None
    if latest is not None and latest.model.digest == facts.model_digest:
        verdict = _read_verdict(folder, result, PROMOTE_AGAIN)
    else:
        folder = kept_evaluation(output, facts.model_digest)
        way_out = f"Run `churn evaluate` for a new evaluation of the model in {training_folder(output)}."
        try:
            result = _read_result(folder, way_out)
            verdict = _read_verdict(folder, result, way_out)
        except SourceError as error:
            warnings.append(f"{error} The report leaves out the evaluation of this model.")
            result = verdict = None
    known_effects = read_known_effects(output, night, facts.label_id)
    if known_effects.warning:
        warnings.append(known_effects.warning)
    drift = None
    try:
        drift = read_drift(output, night)
    except SourceError as error:
        warnings.append(
            f"{error} The report leaves out how far the data and the predictions have changed since the "
            "training."
        )
    if drift is not None and drift.model_digest != facts.model_digest:
        drift = None  # the drift was measured for another model
    probability = words_of(facts.label).probability
    scores = NightScores.of(table, probability, listed)
    figures = figures_of(night, scores, len(contacts))
    history = read_history(output, figures, scores, probability, facts.label_id, listed)
    warnings += history.warnings
    off_list = {customer for customer, _ in history.last_calls or ()} - set(listed)
    scores = replace(scores, rows={**scores.rows, **rows_of(table, off_list)})
    del table
    contacts_before: Mapping[str, tuple[ContactBefore, ...]] = {}
    try:
        contacts_before = _read_contacts_before(output, night, set(listed))
    except SourceError as error:
        warnings.append(f"{error} The report leaves out the contacts of earlier nights.")
    known_kpis = read_known_kpis(output, night, facts.label_id)
    if known_kpis.warning:
        warnings.append(known_kpis.warning)
    store = None
    try:
        store = read_store_facts(output) if os.path.lexists(output / "store") else None
    except SourceError as error:
        warnings.append(f"{error} The report leaves out the numbers of rejected rows.")
    return ReportSources(
        output=output,
        cutoff=night,
        scores=scores,
        contacts=contacts,
        facts=facts,
        result=result,
        verdict=verdict,
        known_effects=known_effects,
        notes={row["customer_id"]: CustomerNotes.from_row(row) for row in contact_rows},
        history=history,
        contacts_before=contacts_before,
        latest_version=latest.model.version if latest and latest.model.digest != facts.model_digest else None,
        drift=drift,
        known_kpis=known_kpis,
        store=store,
        warnings=tuple(warnings),
    )


def _night_of(folder: Path) -> date | None:
    """Return the night to which a folder of scores belongs; None for a folder that is not a night, such as a
    copy.
    """
    try:
        return date.fromisoformat(folder.name.removeprefix("cutoff="))
    except ValueError:
        return None


def _read_night(output: Path, night: date) -> tuple[NightFacts, pa.Table, list[dict[str, Any]]]:
    """Return the facts and the scores of a night, and the rows of its call list in order.

    Raises:
        CallError: a file is missing, because an earlier version of this program wrote the night.
        SourceError: a file is damaged.
    """
    again = f"Run `churn score --cutoff {night}` again."
    try:
        facts = read_own_json(facts_path(output, night), NightFacts, way_out=again)
        path = scores_path(output, night)
        names = (*SCORE_COLUMNS, words_of(facts.label).probability)
        with open_own_parquet(path, names, way_out=again, checksum=facts.files.get(path.name)) as file:
            shown = [
                name
                for name in file.schema_arrow.names
                if name in (*names, *OPTIONAL_COLUMNS) or name.startswith("reason_")
            ]
            scores: pa.Table = file.read(columns=shown)
            scores.validate(full=True)
        path = contacts_path(output, night)
        contacts = read_own_parquet(
            path, ("customer_id", "name"), way_out=again, checksum=facts.files.get(path.name)
        )
    except FileNotFoundError as error:
        raise CallError(f"{error.filename}: this file of the night is missing. {again}") from None
    return facts, scores, contacts.to_pylist()


def _read_contacts_before(
    output: Path, night: date, customers: Set[str]
) -> Mapping[str, tuple[ContactBefore, ...]]:
    """Return the contacts of the given customers that earlier nights in the ledger planned, latest first."""
    tasks = read_ledger(output, night).tasks
    tasks = tasks[tasks["customer_id"].isin(customers) & (tasks["arm"] == TREATED_ARM)]
    contacts: dict[str, tuple[ContactBefore, ...]] = {}
    for task in tasks.sort_values(["planned_on", "task_id"], ascending=False).to_dict("records"):
        contact = ContactBefore(task["planned_on"], task["play"], task["channel"])
        contacts[task["customer_id"]] = (*contacts.get(task["customer_id"], ()), contact)
    return contacts


def _read_result(folder: Path, way_out: str) -> EvaluationResult | None:
    """Return the result of the evaluation in a folder; None if there is none."""
    path = folder / "metrics.json"
    return EvaluationResult.read(path, way_out) if os.path.lexists(path) else None


def _read_verdict(folder: Path, result: EvaluationResult | None, way_out: str) -> Verdict | None:
    """Return the verdict on the evaluated model; None if there is no verdict, or if the verdict is about
    another model.
    """
    promotion = Promotion.read_if_any(folder, way_out)
    if result is None or promotion is None or promotion.digest != result.model.digest:
        return None
    return promotion.verdict
