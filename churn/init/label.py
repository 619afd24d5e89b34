"""What leaving may mean here, and at which past nights to look: a first guess from the data's own rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from churn.data.ingest.watermark import watermark_day
from churn.data.store import date_of_day
from churn.init.columns import id_of, time_of
from churn.init.match import Match

HORIZONS = (7, 14, 28, 31, 60, 90)
CONTRACT_DAYS = 31
GRACES = (0, 7, 14, 30)
CORE = ("orders", "logins", "interactions")
"""Tables whose rows show best that a customer is still here, the first first."""

FEWEST_LEFT = 10
NO_NEW_DAYS = 45
"""When no contract has begun for so long, the latest start does not say up to when contracts are known."""

HISTORY_DAYS = 91
"""So much history the first cutoff should have behind it, or a third of all where there is less."""


@dataclass(frozen=True)
class Label:
    """The label and the cutoffs, with the reasons."""

    body: dict[str, Any]
    why: str
    snapshot: dict[str, Any]
    span: str


def label_of(connection: duckdb.DuckDBPyConnection, chosen: Sequence[Match]) -> Label | None:
    """Guess the label from contracts that end, else from the rhythm of the main table of events.

    None where there are only contracts, of which none ends.
    """
    contracts = next((match for match in chosen if match.name == "subscriptions"), None)
    if contracts is not None and "ended_at" in contracts.columns:
        found = _contract(connection, contracts, [match for match in chosen if match is not contracts])
        if found is not None:
            return found
    if all(match is contracts for match in chosen):
        return None
    core = _core(connection, [match for match in chosen if match is not contracts])
    first, last = _span(connection, core)
    rhythm = _rhythm(connection, core)
    most = max((last - first).days // 4, HORIZONS[0])
    fitting = [days for days in HORIZONS if days <= most] or [HORIZONS[0]]
    horizon = next((days for days in fitting if days >= rhythm), fitting[-1])
    body = {"kind": "inactivity", "table": core.name, "horizon_days": horizon}
    silent = f"nine in ten customers with a rhythm are seldom silent for more than {rhythm:.0f} days"
    why = f"a first guess: {silent}" if horizon >= rhythm else f"a first guess, and a short one: {silent}"
    why += "; `churn label --horizon` shows who comes back after how long"
    return Label(body, why, *_cutoffs(first, last, horizon))


def _contract(
    connection: duckdb.DuckDBPyConnection, contracts: Match, others: Sequence[Match]
) -> Label | None:
    """Return the label by contracts, if all contracts of some customers have ended."""
    first, last = _span(connection, contracts)
    begins = sorted(match.time.first for match in others if match.time.first)
    first = max(first, begins[len(begins) // 2]) if begins else first
    ends = sorted(match.time.last for match in others if match.time.last)
    stated = {}
    if ends and (ends[len(ends) // 2] - last).days > NO_NEW_DAYS:
        last = ends[len(ends) // 2]
        stated = {"watermark": last}
    at = time_of(contracts.columns["ended_at"])
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT {id_of(contracts.key)} AS who FROM {contracts.table.view} "
        f"GROUP BY 1 HAVING bool_and(coalesce({at} < TIMESTAMP '{last}', false)))"
    ).fetchone()
    if row is None or row[0] < FEWEST_LEFT:
        return None
    grace = _grace(connection, contracts)
    body = {"kind": "contract", "horizon_days": CONTRACT_DAYS, "grace_days": grace}
    why = "a first guess: a contract that ends within a month, and is not renewed within the grace"
    cutoffs, span = _cutoffs(first, last, CONTRACT_DAYS + grace)
    if stated:
        span += "; the watermark is stated, as no contract has begun for long: are they complete so far?"
    return Label(body, why, cutoffs | stated, span)


def _grace(connection: duckdb.DuckDBPyConnection, contracts: Match) -> int:
    """Return the shortest grace within which nearly all who come back soon have come back."""
    start, end, who = time_of(contracts.time), time_of(contracts.columns["ended_at"]), id_of(contracts.key)
    row = connection.execute(
        f"SELECT count(*), quantile_disc(days, 0.95) FROM (SELECT date_diff('day', e, lead(s) OVER "
        f"(PARTITION BY who ORDER BY s, e)) AS days FROM (SELECT {who} AS who, {start} AS s, {end} AS e "
        f"FROM {contracts.table.view})) WHERE days BETWEEN 0 AND {2 * GRACES[-1]}"
    ).fetchone()
    back, usual = row or (0, None)
    if back < 20 or usual is None:
        return GRACES[-1]
    return next((days for days in GRACES if days >= usual), GRACES[-1])


def _core(connection: duckdb.DuckDBPyConnection, chosen: Sequence[Match]) -> Match:
    """Return the table that shows best who is still here: one with rows of most customers."""
    usual = [match for match in chosen if match.name in CORE or not match.canonical] or list(chosen)
    reach = {match.name: _customers(connection, match) for match in usual}
    wide = [match for match in usual if reach[match.name] >= 0.5 * max(reach.values())]
    ranked = {name: place for place, name in enumerate(CORE)}
    return min(wide, key=lambda match: (ranked.get(match.name, len(CORE)), -match.table.rows))


def _customers(connection: duckdb.DuckDBPyConnection, match: Match) -> int:
    row = connection.execute(f"SELECT count(DISTINCT {id_of(match.key)}) FROM {match.table.view}").fetchone()
    return int(row[0]) if row else 0


def _rhythm(connection: duckdb.DuckDBPyConnection, core: Match) -> float:
    """Return the days of silence that nine in ten customers exceed only once in ten times."""
    days = (
        f"SELECT DISTINCT {id_of(core.key)} AS who, {time_of(core.time)}::DATE AS day FROM {core.table.view}"
    )
    row = connection.execute(
        f"SELECT quantile_cont(own, 0.9) FROM (SELECT quantile_cont(gap, 0.9) AS own FROM "
        f"(SELECT who, day - lag(day) OVER (PARTITION BY who ORDER BY day) AS gap FROM ({days}) "
        f"WHERE who IS NOT NULL AND day IS NOT NULL) WHERE gap IS NOT NULL GROUP BY who HAVING count(*) >= 3)"
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else float(HORIZONS[2])


def _span(connection: duckdb.DuckDBPyConnection, match: Match) -> tuple[date, date]:
    """Return the first day of a table, and the last before a hole that only wrong clocks fill."""
    at = time_of(match.time)
    days = connection.execute(
        f"SELECT ({at}::DATE - DATE '1970-01-01')::BIGINT, count(*) FROM {match.table.view} "
        f"WHERE isfinite({at}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    last = date_of_day(watermark_day(days, lambda _: None))
    return match.time.first or date_of_day(days[0][0]), last


def _cutoffs(first: date, last: date, wait_days: int) -> tuple[dict[str, Any], str]:
    """Return the cutoffs between history enough behind and a ripe label before, and the reason."""
    ripe = last - timedelta(wait_days)
    begin = first + timedelta(min(HISTORY_DAYS, (last - first).days // 3))
    span = f"the data run from {first} to {last}; a label is ripe {wait_days} days after its night"
    if ripe < begin:
        return {"first": ripe, "last": ripe}, f"{span}: too short a time to learn much from"
    months = _months(begin, ripe)
    if len(months) >= 5:
        return {"first": months[0], "last": months[-1], "every": "month"}, span
    step = max(7, (ripe - begin).days // 8)
    every = "week" if step == 7 else f"{step} days"
    return {"first": begin, "last": ripe, "every": every}, span


def _months(begin: date, end: date) -> list[date]:
    """Return the firsts of months in `[begin, end]`."""
    found = []
    day = begin.replace(day=1)
    while day <= end:
        if day >= begin:
            found.append(day)
        day = (day + timedelta(31)).replace(day=1)
    return found
