"""A list of advocates or of lost customers as a CSV file for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Any

from churn.contact.side_list import SideList
from churn.params import CsvParams
from churn.scoring.call_list import header_of, safe_cell
from churn.scoring.play import Audience

LIST_COLUMNS: Mapping[Audience, tuple[str, ...]] = {
    "advocates": ("health", "tenure_days"),
    "gone": ("left_on", "days_since_left", "monthly_value", "tenure_days"),
}
"""The columns about the customer on each list; the columns of the play come after them."""

PLAY_COLUMNS = ("play", "action", "owner", "channel", "success", "template")
LIST_TASK_COLUMNS = ("due_at", "listed_since", "task_id")
"""The columns about a task, for a list with a play that plans tasks."""


def list_csv(side_list: SideList, names: Mapping[str, str], language: str, form: CsvParams) -> str:
    """Return a list of advocates or lost customers as CSV for spreadsheets, one line for each customer.

    Args:
        side_list: The list.
        names: The known names of customers, by id.
        language: The language of the headers and of the texts of the plays.
        form: The separators of columns and of decimals.
    """
    facts = LIST_COLUMNS[side_list.audience]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", delimiter=form.separator)
    task_columns = LIST_TASK_COLUMNS if side_list.measured_plays else ()
    columns = ("rank", "customer_id", "name", *facts, *PLAY_COLUMNS, *task_columns)
    writer.writerow([header_of(column, language) for column in columns])
    for position, entry in enumerate(side_list.entries, start=1):
        play = entry.play
        texts = (
            play.action_in(language),
            play.owner,
            entry.channel,
            play.success_in(language),
            play.template,
        )
        writer.writerow(
            [
                position,
                safe_cell(entry.customer_id),
                safe_cell(names.get(entry.customer_id)),
                *(_cell(getattr(entry, name), name, form) for name in facts),
                *(safe_cell(text) for text in (play.name, *texts)),
                *(safe_cell(getattr(entry, name)) for name in task_columns),
            ]
        )
    # Spreadsheets read umlauts correctly only if the text starts with this byte order mark.
    return "\ufeff" + buffer.getvalue()


def _cell(value: Any, name: str, form: CsvParams) -> str:
    if value is None or isinstance(value, date):
        return "" if value is None else str(value)
    return (f"{value:.2f}" if name == "monthly_value" else f"{value:.0f}").replace(".", form.decimal)
