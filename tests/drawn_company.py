"""Tiny companies drawn as tables, for tests that read like examples."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.data.tables import CANONICAL_TABLES
from churn.features.attributes import level_names
from churn.features.engine.blocks import evaluate
from churn.features.engine.cohort import EXCLUSION, peers_of
from churn.features.engine.matrix import MatrixBuilder
from churn.features.engine.rows import StoredRows
from churn.features.language.population import CohortValue
from churn.features.library import all_signals
from churn.params import Params

SINCE = "2020-01-01 12:00"
"""Every drawn table also holds a row of the customer `old` from then, so that its data go far enough back."""


@dataclass(frozen=True)
class DrawnCompany:
    """A drawn company in its store."""

    store: Store

    def values(self, signal: str, cutoff: str = "2024-07-01") -> dict[str, float | None]:
        """Return a signal of every drawn customer at a cutoff, rounded to 6 digits; None where missing."""
        return self.all_values([signal], [cutoff])[cutoff, signal]

    def all_values(
        self, signals: list[str], cutoffs: list[str], blocks: int = 1
    ) -> dict[tuple[str, str], dict[str, float | None]]:
        """Return values by (cutoff, signal), computed together and in so many blocks of customers."""
        builder = MatrixBuilder(
            self.store,
            [all_signals(self.store.params)[name] for name in signals],
            [date.fromisoformat(cutoff) for cutoff in cutoffs],
        )
        signed_up, plan = builder.customers.signed_up, builder.plan
        edges = np.linspace(0, self.store.n_customers, blocks + 1).astype(int)
        found: dict[tuple[int, str], list[np.ndarray]] = {}
        stored = {name: StoredRows(self.store, name) for name in plan.signals if name != "customers"}
        for first, end in pairwise(edges):
            for ordinal, name, values in evaluate(stored, plan, signed_up[first:end], (int(first), int(end))):
                found.setdefault((ordinal, name), []).append(values)
        levels = {
            s.name: self.store.tables[s.table].levels[s.level_of] for s in builder.signals if s.level_of
        }
        whole = {
            key: _finished(values, peers_of(plan.cutoffs[key[0]], signed_up), edges)
            for key, values in found.items()
        }
        return {
            (str(builder.cutoffs[ordinal]), name): _by_customer(
                builder.customers.ids, level_names(values, levels[name]) if name in levels else values
            )
            for (ordinal, name), values in whole.items()
            if name != EXCLUSION
        }


def _finished(values: list[Any], peers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Put the blocks together; what needs everybody takes all drawn customers for the cohort."""
    if isinstance(values[0], CohortValue):
        own = [peers[first:end] for first, end in pairwise(edges)]
        said = [value.summary(np.ones(len(p), dtype=bool), p) for value, p in zip(values, own, strict=True)]
        whole = values[0].merge(said)
        values = [value.finish(whole, p) for value, p in zip(values, own, strict=True)]
    return np.concatenate(values)


def _by_customer(ids: np.ndarray, values: np.ndarray) -> dict[str, float | None]:
    pairs = zip(ids, values, strict=True)
    return {str(i): _cell(v) for i, v in pairs if i != "old"}


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return None if np.isnan(value) else round(float(value), 6)


def draw(folder: Path, **drawn: Any) -> DrawnCompany:
    """Ingest a company drawn as for `params_of`."""
    return DrawnCompany(ingest(params_of(folder, **drawn), lambda _: None))


def params_of(
    folder: Path,
    *,
    label: dict[str, object] | None = None,
    watermark: str | None = "2024-12-31",
    timezone: str = "Europe/Berlin",
    since: str | None = SINCE,
    params: dict[str, object] | None = None,
    **tables: str,
) -> Params:
    """Write drawn tables as CSV and return parameters that point at them.

    Customers that are not drawn signed up long ago.
    """
    drawn = {name: parse(text) for name, text in tables.items()}
    ids = sorted({row["customer_id"] for rows in drawn.values() for row in rows if row.get("customer_id")})
    if since:
        for name, rows in drawn.items():
            if name != "customers":
                rows.append({"customer_id": "old", _time_of(name): since, **_needed(name)})
        ids = sorted({*ids, "old"})
    known_ids = {row.get("customer_id") for row in drawn.get("customers", [])}
    customers = drawn.setdefault("customers", [])
    if not known_ids or since:
        signed = [{"customer_id": i, "signed_up_at": "2020-01-01"} for i in ids if i not in known_ids]
        customers.extend(signed if not known_ids else [row for row in signed if row["customer_id"] == "old"])
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    for name, rows in drawn.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (source / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    events = [name for name in drawn if name not in CANONICAL_TABLES]
    return Params.model_validate(
        {
            "source": str(source),
            "timezone": timezone,
            "tables": {name: {} for name in drawn if name in CANONICAL_TABLES},
            "events": {name: {} for name in events},
            "label": label or {"kind": "inactivity", "table": _first_event_table(drawn), "horizon_days": 30},
            "snapshot": {"watermark": watermark},
            "output": str(folder / "output"),
            "models": str(folder / "models"),
            **(params or {}),
        }
    )


def parse(text: str) -> list[dict[str, str]]:
    """Read a drawn table: a header line, then rows, cells apart by `|`; `customer` is customer_id."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    header, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    names = ["customer_id" if name == "customer" else name for name in header]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _first_event_table(drawn: dict[str, list[dict[str, str]]]) -> str:
    return next(name for name in drawn if name != "customers")


def _time_of(name: str) -> str:
    return CANONICAL_TABLES[name].time if name in CANONICAL_TABLES else "happened_at"


def _needed(name: str) -> dict[str, str]:
    columns = CANONICAL_TABLES[name].columns if name in CANONICAL_TABLES else ()
    names = {column.name: column.names[0] for column in columns if column.names}
    return names | ({"amount": "0"} if name in ("payments", "orders") else {})
