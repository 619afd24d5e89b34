"""Make the call list: a CSV file for spreadsheets with the customers to contact, in the order of contact."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from churn.data.store import Store
from churn.params import CHURN_WORDS, BudgetParams, CsvParams, LabelWords

Floats = npt.NDArray[np.float64]
Order = npt.NDArray[np.intp]

BELOW_BUDGET = "below the budget"
NO_PLAY = "no play"
NEW_CUSTOMER = "new customer: too early to measure health"

_FORMULA = ("=", "+", "-", "@")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?( ?[%€$£])?( [^\W\d_]+)*\.?")
_SEPARATORS = re.compile(r"([;,|\t\r\n])")
_INVISIBLE_CATEGORIES = ("Cc", "Cf", "Mn", "Zs", "Zl", "Zp")
_BLANKS = '\u115f\u1160\u3164\uffa0"'
"""Letters that are shown as nothing, and the quotation mark; a spreadsheet may drop them at the start of a
cell.
"""


def rank_customers(customers: npt.NDArray[np.object_], value_at_risk: Floats, probability: Floats) -> Order:
    """Return the indices of `customers` in the order in which to contact them. Shape `[customers]`.

    Customers are ordered by value at risk, the highest first. Customers without a known value come last,
    ordered by probability. Customers with equal values and probabilities are ordered by id.

    Args:
        customers: The ids, shape `[customers]`.
        value_at_risk: The values at risk in currency, NaN if unknown, shape `[customers]`.
        probability: The churn probabilities, shape `[customers]`.
    """
    is_missing_value = np.isnan(value_at_risk)
    keys = (
        customers.astype(str),
        -probability,
        np.where(is_missing_value, 0.0, -np.nan_to_num(value_at_risk)),
        is_missing_value,
    )
    return np.lexsort(keys)


def contact_count(budget: BudgetParams, cohort: int) -> int:
    """Return the number of customers to contact: the number in the budget, or the budget's share of the
    cohort (at least 1).

    >>> contact_count(BudgetParams(share=0.1), 57), contact_count(BudgetParams(contacts=3), 57)
    (5, 3)
    >>> contact_count(BudgetParams(), 0)
    0
    """
    if budget.contacts is not None:
        return min(budget.contacts, cohort)
    return min(cohort, max(1, math.floor(budget.share * cohort + 1e-9)))


def why_places_are_free(
    scores: pa.Table, n_free: int, max_health: int, verb: str, words: LabelWords = CHURN_WORDS
) -> str:
    """Return a text that says why places of the call list are free, and which new play would fill them.

    The text is empty if no place is free, or if no new play would fill one.

    Args:
        scores: The score table of the night.
        n_free: The number of free places.
        max_health: The highest health of customers who may be contacted. Healthier customers get no place,
            even if a play applies to them.
        verb: The verb of the program that scores this night again.
        words: The words for the event that the label predicts, such as `leave`.
    """
    has_no_play = pc.equal(scores["not_contacted_because"], NO_PLAY)
    if words == CHURN_WORDS:
        has_no_play = pc.and_(has_no_play, pc.less_equal(scores["health"], max_health))
    probability = scores.filter(has_no_play)[words.probability].to_numpy()
    if n_free <= 0 or not len(probability):
        return ""
    last = np.sort(probability)[::-1][:n_free][-1]
    bound = math.floor(last * 1000) / 1000
    places = "one place is" if n_free == 1 else f"{n_free:,} places are"
    customers = "one customer" if len(probability) == 1 else f"{len(probability):,} customers"
    return (
        f"{places} free, because no play applies to {customers}. To call those who are most likely to "
        f"{words.happen}, add a play with `when: {{{words.probability}: {{at_least: {bound:g}}}}}` to the "
        "playbook, then call "
        f"`churn {verb}`."
    )


def read_names(store: Store) -> Mapping[str, str]:
    """Return the names of customers by id; empty if the table of customers has no names."""
    if "name" not in store.tables["customers"].columns:
        return {}
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer_id, name FROM {store.scan('customers')} WHERE name IS NOT NULL"
        ).fetchall()
    return {str(customer_id): str(name) for customer_id, name in rows}


def contacts_table(order: Sequence[str], names: Mapping[str, str]) -> pa.Table:
    """Return the columns `rank`, `customer_id` and `name` of the call list, with unchanged ids and names.

    `calls.csv` is different: it is for spreadsheets, so its cells are changed where a spreadsheet would run
    them as a formula.

    Args:
        order: The ids of the customers to contact, in the order of the list.
        names: The known names of customers, by id.
    """
    schema = pa.schema([("rank", pa.int32()), ("customer_id", pa.string()), ("name", pa.string())])
    columns = [list(range(1, len(order) + 1)), list(order), [names.get(customer) for customer in order]]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema
    )


CALL_COLUMNS = ("play", "action", "owner", "channel", "due_at", "success", "template", "variant")
TASK_COLUMNS = ("task_status", "listed_since", "task_id")
CHURN_COLUMNS = ("value_at_risk", "health")
"""The columns that are filled only if the label counts customers who leave."""

GERMAN_HEADERS = {
    "trial": "Probelauf",
    "rank": "Rang",
    "customer_id": "Kundennummer",
    "name": "Name",
    "churn_probability": "Abwanderungsrisiko",
    "event_probability": "Wahrscheinlichkeit des Ereignisses",
    "value_at_risk": "Wert in Gefahr",
    "health": "Gesundheit",
    "play": "Spielzug",
    "action": "Aufgabe",
    "owner": "zuständig",
    "channel": "Kanal",
    "due_at": "fällig am",
    "success": "Erfolg",
    "template": "Vorlage",
    "variant": "Variante",
    "task_status": "Stand",
    "listed_since": "auf der Liste seit",
    "task_id": "Aufgabennummer",
    "channel_answers": "Antworten im Kanal",
    "best_hour": "beste Stunde",
    "best_hour_events": "Ereignisse dazu",
    "note": "Hinweis",
    "tenure_days": "Tage seit Anmeldung",
    "left_on": "gegangen am",
    "days_since_left": "Tage seither",
    "monthly_value": "Wert im Monat",
}
GERMAN_STATUS = {"new": "neu", "open": "offen", "overdue": "überfällig"}
GERMAN_NEW_CUSTOMER = "neuer Kunde: zu früh für ein Urteil"


def header_of(column: str, language: str) -> str:
    """Return the header of a column of the call list in a language.

    >>> header_of("due_at", "en"), header_of("due_at", "de"), header_of("reason_2", "de")
    ('due_at', 'fällig am', 'Grund 2')
    """
    if language != "de":
        return column
    return GERMAN_HEADERS.get(column, column.replace("reason_", "Grund "))


def calls_csv(
    scores: pa.Table,
    order: Sequence[str],
    names: Mapping[str, str],
    thin: Sequence[str],
    reasons: int,
    *,
    form: CsvParams | None = None,
    language: str = "en",
    trial_mark: str | None = None,
    extra: ExtraColumns | None = None,
    words: LabelWords = CHURN_WORDS,
) -> str:
    """Return the call list as CSV: one line for each customer to contact.

    Args:
        scores: The score table.
        order: The ids of the customers to contact, in the order of the list.
        names: The known names of customers, by id.
        thin: The ids of customers whose history is too short for a health band.
        reasons: The number of columns `reason_1`, `reason_2`, ...
        form: The separators; by default a comma between cells and a point in numbers.
        language: The language of the headers and of the words of the list.
        trial_mark: The text in the first column, which is named `trial`, if another model than the champion
            scored the night. None if the champion scored the night: the list then has no such column.
        extra: Further columns, which stand before the column `note`.
        words: The words for the event that the label predicts. For an event other than leaving, the list has
            no columns for health and value at risk.
    """
    extra = extra or ExtraColumns()
    form = form or CsvParams()
    trial_cells = [] if trial_mark is None else [trial_mark]
    reason_columns = [f"reason_{position}" for position in range(1, reasons + 1)]
    listed_ids = set(order)
    rows = {row["customer_id"]: row for row in scores.to_pylist() if row["customer_id"] in listed_ids}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", delimiter=form.separator)
    score_columns = [words.probability, *(CHURN_COLUMNS if words == CHURN_WORDS else ())]
    customer_columns = ["rank", "customer_id", "name", *score_columns]
    columns = [*customer_columns, *reason_columns, *CALL_COLUMNS, *TASK_COLUMNS, *extra.names, "note"]
    trial_columns = ["trial"] if trial_cells else []
    writer.writerow([header_of(column, language) for column in [*trial_columns, *columns]])
    thin_ids = set(thin)
    new_customer = GERMAN_NEW_CUSTOMER if language == "de" else NEW_CUSTOMER
    for position, customer in enumerate(order, start=1):
        row = rows[customer]
        cells = {
            words.probability: f"{row[words.probability]:.1%}".replace(".", form.decimal),
            **_churn_cells(row, form),
        }
        status = row["task_status"]
        texts = {**row, "task_status": GERMAN_STATUS.get(status, status) if language == "de" else status}
        writer.writerow(
            [
                *trial_cells,
                position,
                safe_cell(customer),
                safe_cell(names.get(customer)),
                *(cells[name] for name in score_columns),
                *(safe_cell(texts[name]) for name in (*reason_columns, *CALL_COLUMNS, *TASK_COLUMNS)),
                *(safe_cell(cell) for cell in extra.cells.get(customer, ("",) * len(extra.names))),
                new_customer if customer in thin_ids else "",
            ]
        )
    # Spreadsheets read umlauts correctly only if the text starts with this byte order mark.
    return "\ufeff" + buffer.getvalue()


@dataclass(frozen=True)
class ExtraColumns:
    """Further columns of the call list, which stand before the column `note`.

    Attributes:
        names: The names of the columns.
        cells: The cells of each customer, by id; None for an empty cell.
    """

    names: tuple[str, ...] = ()
    cells: Mapping[str, tuple[str | int | None, ...]] = field(default_factory=dict)


def _churn_cells(row: Mapping[str, Any], form: CsvParams) -> dict[str, Any]:
    value, health = row["value_at_risk"], row["health"]
    return {
        "value_at_risk": "" if value is None else f"{value:.2f}".replace(".", form.decimal),
        "health": "" if health is None else health,
    }


def safe_cell(value: Any) -> str:
    """Return a cell in a form that no spreadsheet runs as a formula; a plain number stays unchanged.

    A spreadsheet may split a cell at characters such as `;` or `|`, so each part of the cell is checked.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("Ann;=1+1"), safe_cell("-17"), safe_cell(None)
    ("'=HYPERLINK(1)", "Ann;'=1+1", '-17', '')
    """
    text = "" if value is None else str(value)
    if text.startswith(("\t", "\r", "\n")):
        return f"'{text}"
    parts = _SEPARATORS.split(text)  # every second part is a separator
    return "".join(f"'{part}" if _is_formula(part) else part for part in parts)


def _is_formula(part: str) -> bool:
    """Return whether a part of a cell begins with the sign of a formula and is not a plain number."""
    visible = part
    while visible and (unicodedata.category(visible[0]) in _INVISIBLE_CATEGORIES or visible[0] in _BLANKS):
        visible = visible[1:]
    if not visible or unicodedata.normalize("NFKC", visible[0]) not in _FORMULA:
        return False
    return not _PLAIN_NUMBER.fullmatch(visible.strip())
