"""Read tonight's cards and the call list of a page back, and compare them with the scores."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import pandas as pd

from tests.page_readback import parse_number

ABSENT = ("unknown", "unbekannt", "")


def text_of(markup: str) -> str:
    """Return the text of a piece of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def call_rows(page: str) -> list[list[str]]:
    """Return the cells of the call list as HTML, one row after the other; rows end where the next begins."""
    table = page[page.index('<table id="call-table"') :]
    body = table[table.index("<tbody>") + len("<tbody>") : table.index("</tbody>")]
    return [re.split(r"<t[dh][^>]*>", row)[1:] for row in body.split("<tr>")[1:]]


def call_list_problems(page: str, language: str, scores: pd.DataFrame, order: Sequence[str]) -> list[str]:
    """Return what of the call list is not as in the scores, one line each.

    Args:
        page: The page.
        language: Its language.
        scores: The scores of the night, one row a customer.
        order: The customers on the call list, in its order.
    """
    by_id = scores.set_index("customer_id")
    rows, problems = call_rows(page), []
    if len(rows) != len(order):
        problems.append(f"{len(rows)} rows, but {len(order)} calls")
    for number, (cells, customer) in enumerate(zip(rows, order, strict=False), start=1):
        rank, name, probability, value, health, _, play, owner = cells[:8]
        score = by_id.loc[customer]
        shown = {
            "rank": text_of(rank) == str(number),
            "customer": customer in [text_of(part) for part in re.split(r"<i>|</i>", name)],
            "probability": _is_shown(probability, language, float(score["churn_probability"]) * 100),
            "value at risk": _is_shown(value, language, score["value_at_risk"]),
            "health": _is_shown(health, language, score["health"]),
            "play": text_of(play) == score["play"],
            "owner": text_of(owner.split("<i>")[0]) == score["owner"],
        }
        problems += [f"row {number}, {customer}: {what}" for what, is_right in shown.items() if not is_right]
    return problems


def card_values(page: str) -> list[str]:
    """Return the figures of tonight's cards."""
    section = page[page.index('<section id="tonight"') : page.index('<section id="calls"')]
    return [text_of(value) for value in re.findall(r'<h3 class="what">.*?</h3><b>(.*?)</b>', section)]


def card_problems(page: str, language: str, scores: pd.DataFrame, n_calls: int) -> list[str]:
    """Return which of tonight's figures are not what the scores add up to."""
    scored = scores[scores["excluded_because"].isna()]
    expected = (
        ("at risk", float((scored["health"] <= 2).sum())),
        ("expected to leave", float(scored["churn_probability"].sum())),
        ("value at risk", float(scored["value_at_risk"].sum())),
        ("on the call list", float(n_calls)),
    )
    values = card_values(page)
    if len(values) != len(expected):
        return [f"{len(values)} cards, but {len(expected)} figures"]
    return [
        f"{name}: {shown} is not {value}"
        for (name, value), shown in zip(expected, values, strict=True)
        if not _is_shown(shown, language, value)
    ]


def _is_shown(cell: str, language: str, value: float | None) -> bool:
    """Return whether a cell is a number at the digits that it shows; an absent number has no digits."""
    text = text_of(cell).replace("%", "").strip()
    if value is None or pd.isna(value):
        return text in ABSENT
    try:
        shown, digits = parse_number(text, language)
    except ValueError:
        return False
    return abs(shown - float(value)) <= 0.5000001 * 10**-digits
