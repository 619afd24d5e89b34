"""What the report shows about each call in addition to the scores.

This is the customer's stage, the usual value of the signal behind each reason, the message to the customer,
and the customer's last events.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.contact.messages import FilledMessage, fill_message, message_values
from churn.features.signal import FAMILY_OF_TABLE
from churn.scoring.playbook import Playbook
from churn.scoring.reasons import Reason
from churn.scoring.scores import Task

SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("families", pa.list_(pa.string())),
        ("usual", pa.list_(pa.string())),
        ("subject", pa.string()),
        ("message", pa.string()),
        ("message_problem", pa.string()),
        ("last_events", pa.list_(pa.struct([("table", pa.string()), ("days", pa.int32())]))),
    ]
)
"""The columns of the notes; `stage` is the customer's stage by the playbook, the same stage as in the figures
of retention.

`usual` is the usual value of the signal behind each reason; it is empty if there is none.
"""


def add_notes(
    contacts: pa.Table,
    tasks: Sequence[Task],
    reasons: Sequence[tuple[Reason, ...]],
    stages: Sequence[str | None],
    scores: pa.Table,
    signals: pd.DataFrame,
    playbook: Playbook,
    language: str,
    events: Iterable[str] = (),
) -> pa.Table:
    """Return the contacts of a night with the columns of `SCHEMA`.

    Args:
        contacts: `rank`, `customer_id` and `name` of the call list, in order.
        tasks: The task of each row of `contacts`.
        reasons: The reasons of each row of `contacts`.
        stages: The stage of each row of `contacts`; None if the customer is in no stage.
        scores: The score table of the night.
        signals: The signals of all customers of the night, with the column `customer_id`.
        playbook: The playbook with its templates.
        language: The language of the messages to customers.
        events: The names of the company's own tables of events.
    """
    customers = contacts["customer_id"].to_pylist()
    is_listed = pc.is_in(scores["customer_id"], contacts["customer_id"])
    score_rows = {row["customer_id"]: row for row in scores.filter(is_listed).to_pylist()}
    own = signals[signals["customer_id"].isin(customers)].to_dict("records")
    signal_rows = {row["customer_id"]: {str(name): value for name, value in row.items()} for row in own}
    plays = {rule.play.name: rule.play for rule in playbook.rules}
    tables = (*FAMILY_OF_TABLE, *events)
    rows = []
    for customer, name, task, customer_reasons, stage in zip(
        customers, contacts["name"].to_pylist(), tasks, reasons, stages, strict=True
    ):
        own_signals = signal_rows[customer]
        columns = {"customer_id": customer, **{key: getattr(task, key) for key in _TASK_COLUMNS}}
        texts = [reason.text for reason in customer_reasons]
        values = message_values(columns, own_signals, score_rows[customer], name, texts)
        message = fill_message(columns, plays.get(task.play), playbook.templates, language, values)
        rows.append({"stage": stage} | _note(customer_reasons, message, own_signals, tables))
    notes = pa.Table.from_pylist(rows, schema=SCHEMA)
    for field in SCHEMA:
        contacts = contacts.append_column(field, notes[field.name])
    return contacts


_TASK_COLUMNS = ("owner", "channel", "play", "due_at", "template", "variant")


def _note(
    reasons: Sequence[Reason], message: FilledMessage, signals: Mapping[str, Any], tables: Iterable[str]
) -> dict[str, Any]:
    days = {table: signals.get(f"{table}_days_since_last") for table in tables}
    return {
        "families": [reason.family for reason in reasons],
        "usual": [reason.usual or "" for reason in reasons],
        "subject": message.subject,
        "message": message.body,
        "message_problem": message.problem,
        "last_events": [
            {"table": table, "days": math.floor(value)}
            for table, value in days.items()
            if value is not None and math.isfinite(value)
        ],
    }
