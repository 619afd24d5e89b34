"""Attributes that count or sum up the last days before the export, however many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.guards.aggregates import copied, value_columns
from churn.guards.context import Company
from churn.guards.statistics import Floats

LONGEST = 366
"""Windows up to so many days before today are tried, each of them: exports count over any."""

SAMPLE = 5_000
"""Windows are tried on so many customers at most."""


def copied_window(company: Company, values: Floats) -> str | None:
    """Say which window before today, counted or summed up, numbers copy; None where they copy none."""
    given = np.flatnonzero(~np.isnan(values))
    for table in company.event_tables:
        asked = {f"the rows of {table}": ("count(*)", given)}
        for name, value in value_columns(company, table).items():
            # Of one price, a month's sum is the price: the customer agreed to it, and it is no sum.
            rows = company.store.scan(table)
            varied = company.fetch(
                f"SELECT customer FROM {rows} GROUP BY 1 HAVING min({value}) < max({value}) ORDER BY 1"
            )
            asked[f"the sum of {table}.{name}"] = f"sum({value})", np.intersect1d(given, varied["customer"])
        for words, (sql, codes) in asked.items():
            if said := _tried(company, table, sql, codes[:SAMPLE], values):
                return f"{said[0]} {words} of the last {said[1]} days: it looks into the days of the labels."
    return None


def _tried(
    company: Company, table: str, sql: str, codes: npt.NDArray[np.int64], values: Floats
) -> tuple[str, int] | None:
    """Try every window of an aggregate, and say how the best is copied, and its days."""
    place = np.full(company.store.n_customers, -1)
    place[codes] = np.arange(len(codes))
    end = company.watermark
    found = company.fetch(
        f"SELECT customer, {end} - 1 - day AS back, {sql} AS value FROM {company.store.scan(table)} "
        f"WHERE day < {end} AND day >= {end - LONGEST} GROUP BY 1, 2"
    )
    at = place[np.asarray(found["customer"], dtype=np.int64)]
    daily = np.zeros((LONGEST, len(codes)))
    daily[np.asarray(found["back"])[at >= 0], at[at >= 0]] = np.nan_to_num(
        np.asarray(found["value"], dtype=np.float64)[at >= 0]
    )
    windows = np.cumsum(daily, axis=0)
    if not len(codes):
        return None
    best = int((np.abs(windows - values[codes]) <= 0.005).mean(axis=1).argmax())
    copy = copied(values[codes], windows[best])
    return (copy.said, best + 1) if copy else None
