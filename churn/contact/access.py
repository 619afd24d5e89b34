"""Everything that is stored about one customer, for the answer to an access request.

In some files, one row names several customers. For example, a row of the ledger names all customers
who are contacted together, such as those of an account. The answer gives only the facts about the one
customer, and no id of another customer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from pydantic import BaseModel

from churn.contact.acts import read_task_states
from churn.contact.consent import match_suppression, read_suppression_lists
from churn.data.customer_rows import Cell, CustomerRows, read_customer_rows, read_rejected_rows
from churn.data.forgotten import list_path, read_forgotten
from churn.data.kept_proof import proof_path, read_proof
from churn.data.own_files import read_own_json, read_own_parquet
from churn.data.store import Store
from churn.errors import CallError, ModelError, SourceError
from churn.experiments.ledger import FOLDER, Ledger, ledger_nights, read_night
from churn.features.engine.cohort import AT_RISK, read_customers
from churn.features.engine.matrix import cohorts_at
from churn.model.bundle import BUNDLE_FOLDER, bundle_digest, load_champion_if_any
from churn.model.scorer import CorruptError, Scorer
from churn.scoring.call_list import safe_cell
from churn.scoring.sink import (
    CONTACTS,
    LIST_FILES,
    SCORES,
    contacts_path,
    facts_path,
    scores_path,
    side_list_path,
)
from churn.snapshots.manifest import SnapshotManifest
from churn.snapshots.read import read_part
from churn.training.challenger import load_challenger, training_folder

MODELS_NOTE = (
    "Each row of this list names a model and a cutoff from which the model learnt. A cutoff is left out if "
    "the snapshots do not say whether the customer left after the cutoff. The list does not prove that the "
    "model learnt from this customer: a training may use only a part of the customers, and the snapshots "
    "may have been written again since the training. "
    "The list covers only the present champion and challenger, not the earlier versions in the registry."
)
PROOF_NOTE = (
    "These consents were kept when the customer was erased. They prove that contacts before the "
    "erasure were allowed."
)
REJECTS_NOTE = (
    "The rejected rows are shown as the source wrote them. In each row, `rule` names the "
    "rule that the row breaks. Rejected rows are not used."
)
LISTS_NOTE = (
    "The rows of the customer in the two lists beside the call list: `advocates` and `gone`. The columns "
    "have the same names as in these lists."
)
STATES_NOTE = "The customer's tasks (planned contacts), each with its state on {as_of}."
ASSUMPTION = (
    " There is no table `contacts` that says what was done, so a task counts as done on its due date."
)

CSV_SEPARATORS = ",;\t"

Row = Mapping[str, Cell]


@dataclass(frozen=True)
class Section:
    """One part of the answer to an access request.

    Attributes:
        name: The name of this part, such as "scores".
        location: The file or folder in which the rows are stored.
        rows: The rows, the earliest first.
        note: How to read the rows; empty if the rows need no explanation.
    """

    name: str
    location: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class AccessRecord:
    """Everything that is stored about one customer.

    Attributes:
        customer_id: The id of the customer.
        as_of: The day up to which the data are complete.
        timezone: The time zone of all times.
        sections: The parts of the answer; a part without rows says that nothing is stored there.
    """

    customer_id: str
    as_of: date
    timezone: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class TrainedModel:
    """A model on disk and the cutoffs that it learnt from."""

    role: Literal["champion", "challenger", "registered"]
    version: str
    digest: str
    trained_cutoffs: tuple[date, ...]


def read_access(
    store: Store, customer: str, output: Path, suppression: tuple[Path, ...], models: Iterable[TrainedModel]
) -> AccessRecord:
    """Return everything that is stored about a customer.

    Args:
        store: The store.
        customer: The id, exactly as in the source.
        output: The output folder.
        suppression: The suppression lists of params.yaml.
        models: The models on disk.

    Raises:
        CallError: nothing is stored under this id.
        ParamsError: a suppression list does not exist.
        SourceError: a file is damaged.
    """
    tables = read_customer_rows(store, customer)
    snapshots = tuple(snapshot_rows(output / "snapshots", customer))
    states, tasks = _task_rows(store, output, customer)
    sections = [
        *(Section(table.table, str(output / "store"), table.rows) for table in tables),
        *(
            Section(f"rejected rows of {table.table}", str(output / "rejects"), table.rows, REJECTS_NOTE)
            for table in read_rejected_rows(output / "rejects", customer)
        ),
        Section(
            "consents and objection",
            str(output / "store"),
            tuple(_permissions(tables, customer, suppression)),
            "An objection stops every contact; so does an entry on a suppression list.",
        ),
        Section(
            "snapshots",
            str(output / "snapshots"),
            snapshots,
            "The signals of the customer are stored for these cutoffs; they were computed from the rows "
            "above. `left` is 1 if the customer left afterwards, 0 if not, and empty if this is not known.",
        ),
        Section("scores", str(output / "scores"), tuple(_score_rows(output, customer))),
        Section("lists", str(output / "scores"), tuple(_list_rows(output, customer)), LISTS_NOTE),
        Section("experiments", str(output / FOLDER), tuple(_assignment_rows(output, customer))),
        Section("tasks", str(output / FOLDER), tasks, states),
        Section("health bands", str(output / FOLDER), tuple(_night_rows(output, customer, "bands"))),
        Section(
            "nights in a row on which the condition of a play held",
            str(output / FOLDER),
            tuple(_night_rows(output, customer, "holdings")),
        ),
        Section("proof of consent", str(proof_path(output)), read_proof(output, customer), PROOF_NOTE),
    ]
    if not any(section.rows for section in sections):
        if day := read_forgotten(output).day_of(customer):
            raise CallError(
                f"CUSTOMER '{customer}': the customer was forgotten on {day}. Only a salted hash of this "
                f"id is kept, in {list_path(output)}; with this hash, `churn ingest` recognises the rows "
                "of the customer and leaves them out."
            )
        raise CallError(
            f"CUSTOMER '{customer}': {output} holds nothing under this id: not in the store, the rejected "
            "rows, the snapshots, the scores or the ledger. An id must match exactly: capital "
            "letters and leading zeros count. Write the id as in the source."
        )
    learnt = Section("models", str(store.params.models), tuple(model_rows(models, snapshots)), MODELS_NOTE)
    return AccessRecord(customer, store.tonight, store.params.timezone, (*sections, learnt))


def models_on_disk(champion_folder: Path, output: Path) -> tuple[TrainedModel, ...]:
    """Return the champion and the challenger, if their folders exist; a challenger that was promoted is
    returned only as the champion.

    Args:
        champion_folder: The folder of the champion.
        output: The output folder.

    Raises:
        ModelError: a file of a model is damaged.
    """
    models: dict[str, TrainedModel] = {}
    champion = load_champion_if_any(champion_folder)
    challenger = load_challenger(output) if training_folder(output).is_dir() else None
    for role, model in (("champion", champion), ("challenger", challenger)):
        if model is not None and model.digest not in models:
            cutoffs = tuple(date.fromisoformat(day) for day in model.scorer.spec["trained_cutoffs"])
            is_champion = role == "champion"
            models[model.digest] = TrainedModel(
                "champion" if is_champion else "challenger", model.version, model.digest, cutoffs
            )
    return tuple(models.values())


def _permissions(
    tables: Iterable[CustomerRows], customer: str, suppression: tuple[Path, ...]
) -> Iterator[Row]:
    """Yield the customer's objection, the consents, and each suppression list that names the customer.

    A list names the customer if it holds the customer's id or one of the customer's e-mail addresses.
    """
    rows_of = {table.table: table.rows for table in tables}
    emails: list[Cell] = []
    for row in rows_of.get("customers", ()):
        emails.append(row.get("email"))
        if row.get("objected_at") is not None:
            yield {"kind": "objection", "objected_at": row["objected_at"]}
    for row in rows_of.get("consents", ()):
        yield {"kind": "consent", **row}
    for listed in read_suppression_lists(suppression):
        ids, addresses = np.array([customer], dtype=object), np.array(emails or [None], dtype=object)
        if match_suppression((listed,), ids, addresses).is_suppressed.any():
            yield {"kind": "suppression list", "file": str(listed.path)}


def registered_models(artifacts: Path, versions: Mapping[str, str]) -> tuple[TrainedModel, ...]:
    """Return the registered model versions whose files are on disk.

    Args:
        artifacts: The folder of MLflow's files.
        versions: The version of each registered model, by the digest (checksum) of the model's files.

    Raises:
        ModelError: a bundle is damaged.
    """
    models_by_digest: dict[str, TrainedModel] = {}
    for folder in sorted(artifacts.rglob(str(BUNDLE_FOLDER))):
        digest = bundle_digest(folder)
        if digest in versions:
            try:
                cutoffs = Scorer.load(folder).spec["trained_cutoffs"]
            except CorruptError as error:
                raise ModelError(
                    f"{folder}: the model is damaged: {error}. Restore the model from a copy."
                ) from None
            days = tuple(date.fromisoformat(day) for day in cutoffs)
            models_by_digest[digest] = TrainedModel("registered", versions[digest], digest, days)
    return tuple(sorted(models_by_digest.values(), key=lambda model: int(model.version)))


def snapshot_rows(folder: Path, customer: str) -> Iterator[Row]:
    """Yield the cutoff and the label of each snapshot of a customer."""
    if not (folder / "manifest.json").exists():
        return
    for cutoff in sorted(SnapshotManifest.read(folder).cutoffs):
        part = read_part(folder, cutoff, ["customer_id", "left"])
        for row in part.filter(pc.field("customer_id") == customer).to_pylist():
            yield {"cutoff": str(cutoff), "left": row["left"]}


class _NightChecksums(BaseModel):
    """The checksums of a night's files, as read from the night's file of facts (`facts_path`)."""

    files: dict[str, str] = {}


def _score_rows(output: Path, customer: str) -> Iterator[Row]:
    """Yield the customer's row in the scores of each night, with the place on the call list or the reason for
    not being on it.
    """
    for folder in sorted(output.glob("scores/cutoff=*")):
        cutoff = date.fromisoformat(folder.name.removeprefix("cutoff="))
        way_out = f"Run `churn score --cutoff {cutoff}` again."
        try:
            files = read_own_json(facts_path(output, cutoff), _NightChecksums, way_out=way_out).files
            scores = read_own_parquet(
                scores_path(output, cutoff), ["customer_id"], way_out=way_out, checksum=files.get(SCORES)
            )
            contacts = read_own_parquet(
                contacts_path(output, cutoff),
                ["rank", "customer_id"],
                way_out=way_out,
                checksum=files.get(CONTACTS),
            )
        except FileNotFoundError as error:
            raise SourceError(f"{error.filename}: the file is missing. {way_out}") from None
        is_own = pc.field("customer_id") == customer
        ranks = contacts.filter(is_own)["rank"].to_pylist()
        for row in scores.filter(is_own).to_pylist():
            position = f"on the call list, place {ranks[0]}" if ranks else "not on the call list"
            yield {name: _cell(value) for name, value in row.items() if name != "customer_id"} | {
                "call_list": position
            }


def _list_rows(output: Path, customer: str) -> Iterator[Row]:
    """Yield the customer's row on each list of each night, except for the call list."""
    for folder in sorted(output.glob("scores/cutoff=*")):
        night = folder.name.removeprefix("cutoff=")
        for name in LIST_FILES:
            path = side_list_path(output, date.fromisoformat(night), name)
            if not path.exists():
                continue
            text = path.read_text(encoding="utf-8").removeprefix("\ufeff")
            # The second column is the id in every language; the separator is the separator of that night.
            separator = next(letter for letter in text if letter in CSV_SEPARATORS)
            header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            for row in rows:
                if row[1] == safe_cell(customer):
                    cells = {key: cell or None for key, cell in zip(header, row, strict=True)}
                    del cells[header[1]]
                    yield {"cutoff": night, "list": name.removesuffix(".csv"), **cells}


def _assignment_rows(output: Path, customer: str) -> Iterator[Row]:
    for night in ledger_nights(output):
        rows = read_night(output, night).assignments
        is_own = [customer in customers for customers in rows["customers"]]
        for _, row in rows[is_own].iterrows():
            shown = row.drop(["unit", "customers"]).to_dict()
            cells = {str(name): _cell(value) for name, value in shown.items()}
            yield cells | {"customers_in_unit": len(row["customers"])}


def _night_rows(output: Path, customer: str, table: Literal["bands", "holdings"]) -> Iterator[Row]:
    for night in ledger_nights(output):
        ledger = read_night(output, night)
        rows = ledger.bands if table == "bands" else ledger.holdings
        for row in rows[rows["customer_id"] == customer].drop(columns="customer_id").to_dict("records"):
            yield {"night": str(night), **{str(name): _cell(value) for name, value in row.items()}}


def _task_rows(store: Store, output: Path, customer: str) -> tuple[str, tuple[Row, ...]]:
    """Return a note on how to read the states of tasks, and the customer's tasks with their states."""
    note = STATES_NOTE.format(as_of=store.tonight)
    nights = [read_night(output, night) for night in ledger_nights(output)]
    if not nights:
        return note, ()
    tasks = pd.concat([night.tasks[night.tasks["customer_id"] == customer] for night in nights])
    if tasks.empty:
        return note, ()
    tasks = tasks.drop_duplicates("task_id").reset_index(drop=True)
    ledger: Ledger = replace(nights[-1], tasks=tasks)
    status = cohorts_at(store, [store.tonight])[0].status
    at_risk = [str(who) for who in read_customers(store).ids[status == AT_RISK]]
    states = read_task_states(store, store.tonight, ledger, at_risk)
    merged = tasks.drop(columns=["customer_id", "unit"]).merge(states.states, on="task_id")
    zone = ZoneInfo(store.params.timezone)
    merged["not_before"] = [
        None if pd.isna(time) else pd.Timestamp(time).tz_convert(zone).isoformat(sep=" ")
        for time in merged["not_before"]
    ]
    rows = tuple(
        {str(name): _cell(value) for name, value in row.items()} for row in merged.to_dict("records")
    )
    return note + (ASSUMPTION if states.is_assumed else ""), rows


def model_rows(models: Iterable[TrainedModel], snapshots: Iterable[Row]) -> Iterator[Row]:
    """For each model, yield the training cutoffs at which the snapshots hold a label of the customer."""
    labelled = {row["cutoff"] for row in snapshots if row["left"] is not None}
    for model in models:
        for cutoff in model.trained_cutoffs:
            if str(cutoff) in labelled:
                yield {"role": model.role, "version": model.version, "trained_cutoff": str(cutoff)}


def _cell(value: Any) -> Cell:
    """Return a value of a table as a text, a number or a truth value; None if it is missing."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp | datetime):
        return str(value.date()) if value.time() == datetime.min.time() else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.generic):
        return _cell(value.item())
    return value if isinstance(value, bool | int | float) else str(value)
