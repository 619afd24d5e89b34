"""Read from a night's files the rows that a database gets: scores, calls, and one row about the night."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from churn.data.own_files import checksum_of_bytes, read_own_json, read_own_parquet
from churn.data.sinks.nights import CALLS, NIGHT_SCHEMA, NIGHTS, SCORES
from churn.errors import SourceError
from churn.experiments.ledger import FACTS as LEDGER_FACTS
from churn.experiments.ledger import TASKS, night_folder, read_ledger, read_night
from churn.params import PROBABILITY_COLUMNS, LabelParams
from churn.scoring.call_list import CALL_COLUMNS, TASK_COLUMNS
from churn.scoring.scores import score_schema
from churn.scoring.sink import CONTACTS, contacts_path, facts_path, scores_path
from churn.scoring.sink import SCORES as SCORES_FILE

FROM_LEDGER = ("expires_on", "not_before")
"""The columns about a task that only the ledger has: its last day, and its first moment outside quiet
hours.
"""


class _NightFacts(BaseModel):
    """The facts about a night that the hand-over to a database needs."""

    run_id: str
    model_version: str
    ledger: str | None = None
    trial: Mapping[str, Any] | None = None
    files: dict[str, str]


@dataclass(frozen=True)
class NightTables:
    """The rows about one night that a database gets.

    Attributes:
        digest: A digest of the files of the night; it changes if the night is scored again with another
            result.
        tables: The rows of the tables `scores`, `calls` and `nights`, by name.
    """

    digest: str
    tables: Mapping[str, pa.Table]


def night_schemas(label: LabelParams, n_reasons: int) -> Mapping[str, pa.Schema]:
    """Return the columns of the three database tables that take the rows of a night.

    Args:
        label: The label, which decides the columns of probabilities.
        n_reasons: The largest number of reasons for a customer; each reason has its own column.
    """
    scores = score_schema(label, n_reasons)
    return {SCORES: scores, CALLS: _calls_schema(scores), NIGHTS: NIGHT_SCHEMA}


def _calls_schema(scores: pa.Schema) -> pa.Schema:
    reasons = [name for name in scores.names if name.startswith("reason_")]
    [probability] = [name for name in scores.names if name in PROBABILITY_COLUMNS]
    columns = (probability, "value_at_risk", "health", *reasons, *CALL_COLUMNS, "arm", *TASK_COLUMNS)
    return pa.schema(
        [("cutoff", pa.date32()), ("rank", pa.int32()), ("customer_id", pa.string()), ("name", pa.string())]
        + [scores.field(name) for name in columns]
        + [TASKS.field(name) for name in FROM_LEDGER]
        + [scores.field("run_id")]
    )


def is_trial(output: Path, cutoff: date) -> bool:
    """Return whether a night's files call it a trial; no other system may use a trial as a real night."""
    return _read_facts(output, cutoff).trial is not None


def night_digest(output: Path, cutoff: date) -> str:
    """Return the digest of the files of a night.

    It is the digest of the file with the night's facts, which holds the checksums of all other files.
    """
    return hashlib.sha256(facts_path(output, cutoff).read_bytes()).hexdigest()


def read_night_tables(output: Path, cutoff: date) -> NightTables:
    """Read the rows that a database gets about a night, from the night's files and the ledger.

    Args:
        output: The output folder.
        cutoff: The cutoff of the night.

    Raises:
        SourceError: a file is damaged or missing, or a call has no task in the ledger.
    """
    way_out = f"Run `churn score --cutoff {cutoff}` again."
    facts = _read_facts(output, cutoff)
    page = night_folder(output, cutoff) / LEDGER_FACTS
    if not page.is_file() or checksum_of_bytes(page.read_bytes()) != facts.ledger:
        raise SourceError(
            f"{page}: this file of the ledger does not belong to the scores of this night. {way_out}"
        )
    scores = read_own_parquet(
        scores_path(output, cutoff), ["customer_id"], way_out=way_out, checksum=facts.files[SCORES_FILE]
    )
    contacts = read_own_parquet(
        contacts_path(output, cutoff), ["rank"], way_out=way_out, checksum=facts.files[CONTACTS]
    )
    earlier, own = read_ledger(output, cutoff).tasks, read_night(output, cutoff).tasks
    calls = _calls(scores, contacts, pd.concat([earlier, own]), page)
    digest = night_digest(output, cutoff)
    night = pa.table(
        {
            "cutoff": [cutoff],
            "run_id": [facts.run_id],
            "model_version": [facts.model_version],
            "digest": [digest],
            "score_rows": [scores.num_rows],
            "call_rows": [calls.num_rows],
        },
        NIGHT_SCHEMA,
    )
    return NightTables(digest, {SCORES: scores, CALLS: calls, NIGHTS: night})


def _calls(scores: pa.Table, contacts: pa.Table, tasks: pd.DataFrame, page: Path) -> pa.Table:
    """Return the call list in the order of `contacts`, with what the ledger says about each row's task."""
    schema = _calls_schema(scores.schema)
    rows = scores.take(pc.index_in(contacts["customer_id"], scores["customer_id"]))
    of_task = {task["task_id"]: task for task in tasks[["task_id", *FROM_LEDGER]].to_dict("records")}
    task_ids = rows["task_id"].to_pylist()
    if unknown := [str(task_id) for task_id in task_ids if task_id not in of_task]:
        raise SourceError(
            f"{page.parent}: {len(unknown):,} calls have no task in the ledger (first: "
            f"{', '.join(unknown[:3])}). Restore the ledger from a copy."
        )
    columns = {name: rows[name] for name in schema.names if name in rows.column_names}
    for name in FROM_LEDGER:
        values = [of_task[task_id][name] for task_id in task_ids]
        columns[name] = pa.array(values, schema.field(name).type, from_pandas=True)
    columns |= {"rank": contacts["rank"], "name": contacts["name"]}
    return pa.table([columns[name] for name in schema.names], schema)


def _read_facts(output: Path, cutoff: date) -> _NightFacts:
    path = facts_path(output, cutoff)
    way_out = f"Run `churn score --cutoff {cutoff}` again."
    try:
        return read_own_json(path, _NightFacts, way_out=way_out)
    except FileNotFoundError:
        raise SourceError(f"{path}: the file is missing. {way_out}") from None
