"""Guess the label and the cutoffs of a first params.yaml from the usual gaps between events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import duckdb

from churn.data.ingest.watermark import watermark_day
from churn.data.store import date_of_day, day_number_sql
from churn.init.match import Match
from churn.init.name_patterns import PERIOD_START, name_matches
from churn.init.source_table import id_of, time_of

HORIZONS_DAYS = (7, 14, 28, 31, 60, 90)
"""The horizons to choose from, in days."""

CONTRACT_HORIZON_DAYS = 31
GRACES_DAYS = (0, 7, 14, 30)
CORE_TABLES = ("orders", "logins", "interactions")
"""The tables whose rows best show that a customer is active, best first."""

MIN_CHURNERS = 10
"""A contract label needs at least this many customers whose contracts have all ended."""

NO_NEW_DAYS = 45
"""If no contract has begun for more than this number of days, other past times give the watermark."""

MIN_HISTORY_DAYS = 91
"""The history before the first cutoff, in days; if the data are too short, a third of all days."""

ORDER_IS_OPEN = "the cutoffs depend on the order of day and month, which cannot be told apart"
"""The reason that is given if the cutoffs are left as a question."""


@dataclass(frozen=True)
class LabelGuess:
    """The guessed label and cutoffs, with their reasons.

    Attributes:
        body: The keys and values of `label:` in params.yaml.
        reason: The reason for this label.
        snapshot: The keys and values of `snapshot:`.
        snapshot_reason: The reason for these cutoffs.
    """

    body: dict[str, Any]
    reason: str
    snapshot: dict[str, Any]
    snapshot_reason: str


def guess_label(connection: duckdb.DuckDBPyConnection, matches: Sequence[Match]) -> LabelGuess | None:
    """Return a contract label if enough customers with contracts have left, otherwise an inactivity label.

    The result is None if the source has only contracts, and too few customers have left. If it is not clear
    whether dates begin with the day or with the month, the cutoffs are computed for both orders. A cutoff
    that differs becomes a question to the user.
    """
    label = _guess_label(connection, matches)
    if label is None or not any(
        column.other_reading for match in matches for column in match.columns.values()
    ):
        return label
    other_matches = [
        replace(match, columns={name: c.other_reading or c for name, c in match.columns.items()})
        for match in matches
    ]
    other_label = _guess_label(connection, other_matches)
    snapshots = [label.snapshot, other_label.snapshot if other_label else {}]
    return replace(label, snapshot=_common_snapshot(*snapshots), snapshot_reason=ORDER_IS_OPEN)


def _common_snapshot(snapshot: dict[str, Any], other_snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the keys and values of `snapshot:`, from two readings of the dates of the source.

    One reading takes the day first, the other the month. If a key has a different date in each reading, its
    value is a question to the user.
    """
    common = {key: value for key, value in snapshot.items() if other_snapshot.get(key) == value}
    days = [
        key
        for key in ("first", "last", "watermark")
        if key not in common and {key} & {*snapshot, *other_snapshot}
    ]
    choices = {
        key: " or ".join(str(guess[key]) for guess in (snapshot, other_snapshot) if key in guess)
        for key in days
    }
    questions = {key: f"? write {text}, after the order of day and month" for key, text in choices.items()}
    return questions | {"every": snapshot.get("every", "week")} | common


def _guess_label(connection: duckdb.DuckDBPyConnection, matches: Sequence[Match]) -> LabelGuess | None:
    contracts = next((match for match in matches if match.name == "subscriptions"), None)
    events = [match for match in matches if match is not contracts]
    if contracts is not None and "ended_at" in contracts.columns:
        label = _contract_label(connection, contracts, events)
        if label is not None:
            return label
    return _inactivity_label(connection, events) if events else None


def _inactivity_label(connection: duckdb.DuckDBPyConnection, events: Sequence[Match]) -> LabelGuess:
    core = _core_table(connection, events)
    first, last = _date_range(connection, core)
    silence_days = _usual_silence_days(connection, core)
    max_days = max((last - first).days // 4, HORIZONS_DAYS[0])
    possible = [days for days in HORIZONS_DAYS if days <= max_days] or [HORIZONS_DAYS[0]]
    horizon = next((days for days in possible if days >= silence_days), possible[-1])
    body = {"kind": "inactivity", "table": core.name, "horizon_days": horizon}
    rhythm = f"nine in ten regular customers are seldom silent for more than {silence_days:.0f} days"
    too_short = "" if horizon >= silence_days else ", and too short for the data's rhythm"
    way_out = "`churn label --horizon` shows after how many days customers return"
    reason = f"a first guess{too_short}: {rhythm}; {way_out}"
    return LabelGuess(body, reason, *_cutoffs(first, last, horizon))


def _contract_label(
    connection: duckdb.DuckDBPyConnection, contracts: Match, events: Sequence[Match]
) -> LabelGuess | None:
    """Return a contract label; None if there are too few customers whose contracts have all ended."""
    first, last = _date_range(connection, contracts)
    first_days = sorted(match.time.first for match in events if match.time.first)
    first = max(first, first_days[len(first_days) // 2]) if first_days else first
    last_days = sorted(match.time.last for match in events if match.time.last)
    evidence = "the other tables"
    if not last_days:
        periods = [c for c in contracts.table.columns if name_matches(c.name, PERIOD_START) and c.last]
        last_days = sorted(column.last for column in periods if column.last)
        evidence = ", ".join(column.name for column in periods)
    watermark = {}
    if last_days and (last_days[len(last_days) // 2] - last).days > NO_NEW_DAYS:
        last = last_days[len(last_days) // 2]
        watermark = {"watermark": last}
    ended_at = time_of(contracts.columns["ended_at"])
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT {id_of(contracts.key)} AS id FROM {contracts.table.view} "
        f"GROUP BY 1 HAVING bool_and(coalesce({ended_at} < TIMESTAMP '{last}', false)))"
    ).fetchone()
    if row is None or row[0] < MIN_CHURNERS:
        return None
    grace = _grace_days(connection, contracts)
    body = {"kind": "contract", "horizon_days": CONTRACT_HORIZON_DAYS, "grace_days": grace}
    reason = "a first guess: a contract ends within a month and is not renewed within the grace"
    cutoffs, snapshot_reason = _cutoffs(first, last, CONTRACT_HORIZON_DAYS + grace)
    if watermark:
        snapshot_reason += (
            f"; no contract has begun for more than {NO_NEW_DAYS} days, so the watermark comes from "
            f"{evidence}: check that the contracts are complete up to it"
        )
    return LabelGuess(body, reason, cutoffs | watermark, snapshot_reason)


def _grace_days(connection: duckdb.DuckDBPyConnection, contracts: Match) -> int:
    """Return the grace period in days: how long after the end of a contract the next contract may begin.

    The grace period is the shortest of `GRACES_DAYS` that covers 95 % of the gaps between two contracts of
    a customer.
    """
    start, end, key = time_of(contracts.time), time_of(contracts.columns["ended_at"]), id_of(contracts.key)
    row = connection.execute(
        f"SELECT count(*), quantile_disc(days, 0.95) FROM (SELECT date_diff('day', e, lead(s) OVER "
        f"(PARTITION BY id ORDER BY s, e)) AS days FROM (SELECT {key} AS id, {start} AS s, {end} AS e "
        f"FROM {contracts.table.view})) WHERE days BETWEEN 0 AND {2 * GRACES_DAYS[-1]}"
    ).fetchone()
    n_gaps, usual_days = row or (0, None)
    if n_gaps < 20 or usual_days is None:
        return GRACES_DAYS[-1]
    return next((days for days in GRACES_DAYS if days >= usual_days), GRACES_DAYS[-1])


def _core_table(connection: duckdb.DuckDBPyConnection, events: Sequence[Match]) -> Match:
    """Return the table that best shows who is active; tables with few customers are left out."""
    usual = [match for match in events if match.name in CORE_TABLES or not match.canonical] or list(events)
    n_customers = {match.name: _count_customers(connection, match) for match in usual}
    wide = [match for match in usual if n_customers[match.name] >= 0.5 * max(n_customers.values())]
    ranks = {name: rank for rank, name in enumerate(CORE_TABLES)}
    return min(wide, key=lambda match: (ranks.get(match.name, len(CORE_TABLES)), -match.table.rows))


def _count_customers(connection: duckdb.DuckDBPyConnection, match: Match) -> int:
    row = connection.execute(f"SELECT count(DISTINCT {id_of(match.key)}) FROM {match.table.view}").fetchone()
    return int(row[0]) if row else 0


def _usual_silence_days(connection: duckdb.DuckDBPyConnection, core: Match) -> float:
    """Return the longest silence, in days, that is usual for regular customers.

    For each customer with at least three gaps between active days, take the 0.9 quantile of the gaps. The
    result is the 0.9 quantile of these values over the customers.
    """
    days = (
        f"SELECT DISTINCT {id_of(core.key)} AS id, {time_of(core.time)}::DATE AS day FROM {core.table.view}"
    )
    row = connection.execute(
        f"SELECT quantile_cont(usual, 0.9) FROM (SELECT quantile_cont(gap, 0.9) AS usual FROM "
        f"(SELECT id, day - lag(day) OVER (PARTITION BY id ORDER BY day) AS gap FROM ({days}) "
        f"WHERE id IS NOT NULL AND day IS NOT NULL) WHERE gap IS NOT NULL GROUP BY id HAVING count(*) >= 3)"
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else float(HORIZONS_DAYS[2])


def _date_range(connection: duckdb.DuckDBPyConnection, match: Match) -> tuple[date, date]:
    """Return the first and the last day of a table, without a few rows that are much later than the rest."""
    time = time_of(match.time)
    days = connection.execute(
        f"SELECT {day_number_sql(time)}::BIGINT, count(*) FROM {match.table.view} "
        f"WHERE isfinite({time}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    last = date_of_day(watermark_day(days, lambda _: None))
    return match.time.first or date_of_day(days[0][0]), last


def _cutoffs(first: date, last: date, wait_days: int) -> tuple[dict[str, Any], str]:
    """Return the keys and values of `snapshot:`, and the reason for these cutoffs.

    If the data are long enough, each cutoff has enough history before it, and its label is already known.

    Args:
        first: The first day of the data.
        last: The last day of the data.
        wait_days: The number of days from a cutoff until its label is known.
    """
    last_matured = last - timedelta(wait_days)
    begin = first + timedelta(min(MIN_HISTORY_DAYS, (last - first).days // 3))
    reason = f"the data run from {first} to {last}; a label matures {wait_days} days after its cutoff"
    if last_matured < begin:
        return {"first": last_matured, "last": last_matured}, f"{reason}: this is too short to learn much"
    months = _month_starts(begin, last_matured)
    if len(months) >= 5:
        return {"first": months[0], "last": months[-1], "every": "month"}, reason
    step_days = max(7, (last_matured - begin).days // 8)
    interval = "week" if step_days == 7 else f"{step_days} days"
    return {"first": begin, "last": last_matured, "every": interval}, reason


def _month_starts(begin: date, end: date) -> list[date]:
    """Return the first days of months in `[begin, end]`."""
    days = []
    day = begin.replace(day=1)
    while day <= end:
        if day >= begin:
            days.append(day)
        day = (day + timedelta(31)).replace(day=1)
    return days
