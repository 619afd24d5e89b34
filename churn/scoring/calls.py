"""The call list as a CSV that opens well, and safely, in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

_FORMULA = ("=", "+", "-", "@")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
NEW_CUSTOMER = "new customer: too early to judge health"


def calls_csv(
    scores: pa.Table, order: Sequence[str], names: Mapping[str, str], thin: Sequence[str], reasons: int
) -> str:
    """Return the call list, one line per contact, the first to call first.

    Args:
        scores: the score file's table.
        order: ids of the customers to contact, in order.
        names: by customer id, where known.
        thin: ids of customers whose history is too short for a health band.
        reasons: how many reason columns.
    """
    cited = [f"reason_{place}" for place in range(1, reasons + 1)]
    plan = ["play", "action", "owner", "channel", "due_at", "success", "template"]
    wanted = set(order)
    rows = {row["customer_id"]: row for row in scores.to_pylist() if row["customer_id"] in wanted}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head = ["rank", "customer_id", "name", "churn_probability", "value_at_risk", "health"]
    writer.writerow([*head, *cited, *plan, "note"])
    young = set(thin)
    for place, customer in enumerate(order, start=1):
        row = rows[customer]
        value = row["value_at_risk"]
        writer.writerow(
            [
                place,
                safe_cell(customer),
                safe_cell(names.get(customer)),
                f"{row['churn_probability']:.1%}",
                "" if value is None else f"{value:.2f}",
                "" if row["health"] is None else row["health"],
                *(safe_cell(row[name]) for name in (*cited, *plan)),
                NEW_CUSTOMER if customer in young else "",
            ]
        )
    # The mark at the start is what makes spreadsheets read umlauts.
    return "\ufeff" + out.getvalue()


def plain_cell(cell: str) -> str:
    """Return the text that `safe_cell` was given.

    >>> plain_cell("'=HYPERLINK(1)"), plain_cell("'t Hooft")
    ('=HYPERLINK(1)', "'t Hooft")
    """
    return cell[1:] if cell.startswith("'") and safe_cell(cell[1:]) == cell else cell


def safe_cell(value: Any) -> str:
    """Return a cell that no spreadsheet runs as a formula; a plain number stays as it is.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("-17"), safe_cell("Ann"), safe_cell(None)
    ("'=HYPERLINK(1)", '-17', 'Ann', '')
    """
    text = "" if value is None else str(value)
    if text.lstrip().startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return f"'{text}" if text.startswith(("\t", "\r", "\n")) else text
