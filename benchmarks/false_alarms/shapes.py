"""Honest companies of odd shape: no column, row or mapping leaks, but each looks unusual to some guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.leaks.company import DAYS, START, Company, Floats, Ints, moments, new_ids

CUSTOMERS = 400
DAY = np.arange(DAYS)[None, :]


def sparse(seed: int) -> Company:
    """Make a furniture shop: two orders a year, and many customers who never order again."""
    rng = np.random.default_rng([seed, 11])
    signed_up = _sign_ups(rng)
    end = signed_up + 90 + rng.exponential(700, CUSTOMERS).astype(int)
    ids = new_ids(rng, CUSTOMERS)
    live = (signed_up[:, None] <= DAY) & (end[:, None] > DAY)
    customer, _, at = moments(rng, live / 150)
    first = START + pd.to_timedelta(signed_up, unit="D") + pd.Timedelta(hours=10)
    orders = pd.DataFrame(
        {
            "customer_id": np.concatenate([ids, ids[customer]]),
            "ordered_at": np.concatenate([first.to_numpy(), at.to_numpy()]),
        }
    )
    orders["amount"] = rng.lognormal(5.5, 0.9, len(orders)).round(2)
    customer, _, at = moments(rng, live * 0.01)
    visits = pd.DataFrame({"customer_id": ids[customer], "happened_at": at})
    label = {"kind": "inactivity", "table": "orders", "horizon_days": 120, "active_days": 240}
    return _company(rng, ids, signed_up, {"orders": orders}, {"visits": visits}, label)


def monthly(seed: int) -> Company:
    """Make a supplier whose meter reports the usage of a month on the first day of the next month."""
    rng = np.random.default_rng([seed, 12])
    signed_up = _sign_ups(rng)
    ids = new_ids(rng, CUSTOMERS)
    trouble, end = _lives(rng, signed_up, np.full(3 * DAYS, 0.0008))
    firsts = np.array([(day - START).days for day in pd.date_range(START, periods=24, freq="MS")])
    is_reported = (firsts > signed_up[:, None]) & (firsts <= end[:, None])
    customer, month = np.nonzero(is_reported)
    level = np.where(trouble[customer, firsts[month]], 60, 100)
    usage = pd.DataFrame(
        {
            "customer_id": ids[customer],
            "happened_at": START + pd.to_timedelta(firsts[month], unit="D"),
            "value": rng.poisson(level).astype(float),
        }
    )
    return _company(rng, ids, signed_up, _contracts(ids, signed_up, end), {"usage": usage}, _CONTRACT)


def tenure_contracts(seed: int) -> Company:
    """Make a gym: contracts of a year, and nearly all customers who leave do so after a whole year."""
    rng = np.random.default_rng([seed, 13])
    signed_up = _sign_ups(rng)
    ids = new_ids(rng, CUSTOMERS)
    is_anniversary = np.arange(3 * DAYS) % 365 == 0
    trouble, end = _lives(rng, signed_up, np.where(is_anniversary, 0.3, 0.0), trouble_factor=1.8)
    live = (signed_up[:, None] <= DAY) & (end[:, None] > DAY)
    customer, _, at = moments(rng, (np.where(trouble, 0.1, 0.2) * live).astype(np.float64))
    visits = pd.DataFrame({"customer_id": ids[customer], "happened_at": at})
    return _company(rng, ids, signed_up, _contracts(ids, signed_up, end), {"visits": visits}, _CONTRACT)


def newcomers(seed: int) -> Company:
    """Make a free app: most customers come once, on the day of the sign-up, and look alike afterwards."""
    rng = np.random.default_rng([seed, 14])
    n = 3 * CUSTOMERS
    signed_up = rng.integers(0, DAYS - 10, n)
    stays = rng.random(n) < 0.2
    end = np.where(stays, signed_up + rng.exponential(400, n).astype(int), signed_up)
    ids = new_ids(rng, n)
    live = (signed_up[:, None] <= DAY) & (end[:, None] > DAY)
    customer, _, at = moments(rng, (live * 0.25).astype(np.float64))
    days = START + pd.to_timedelta(signed_up, unit="D")
    logins = pd.DataFrame(
        {
            "customer_id": np.concatenate([ids, ids[customer]]),
            "happened_at": np.concatenate([days.to_numpy(), at.normalize().to_numpy()]),
        }
    ).drop_duplicates()
    label = {"kind": "inactivity", "table": "logins", "horizon_days": 30, "active_days": 60}
    return _company(rng, ids, signed_up, {"logins": logins}, {}, label, clock=False)


def seasonal(seed: int) -> Company:
    """Make a garden shop: most orders are placed from April to July, hardly any in winter."""
    rng = np.random.default_rng([seed, 15])
    signed_up = _sign_ups(rng)
    end = signed_up + rng.exponential(600, CUSTOMERS).astype(int) + 30
    ids = new_ids(rng, CUSTOMERS)
    live = (signed_up[:, None] <= DAY) & (end[:, None] > DAY)
    season = 0.2 + 1.8 * np.exp(2 * (np.cos(2 * np.pi * (DAY - 150) / 365.25) - 1))
    rate = rng.gamma(3.0, 1 / 90, CUSTOMERS)[:, None]
    customer, _, at = moments(rng, live * rate * season)
    orders = pd.DataFrame({"customer_id": ids[customer], "ordered_at": at})
    orders["amount"] = rng.lognormal(3.5, 0.7, len(orders)).round(2)
    customer, _, at = moments(rng, live * (0.03 + rate) * season)
    visits = pd.DataFrame({"customer_id": ids[customer], "happened_at": at})
    label = {"kind": "inactivity", "table": "orders", "horizon_days": 90, "active_days": 180}
    return _company(rng, ids, signed_up, {"orders": orders}, {"visits": visits}, label)


def campaigns(seed: int) -> Company:
    """Make a shop that mails in campaigns, on six days a year, to customers with an order in 90 days."""
    rng = np.random.default_rng([seed, 16])
    signed_up = _sign_ups(rng)
    end = signed_up + rng.exponential(500, CUSTOMERS).astype(int) + 20
    ids = new_ids(rng, CUSTOMERS)
    live = (signed_up[:, None] <= DAY) & (end[:, None] > DAY)
    customer, day, at = moments(rng, live * rng.gamma(4.0, 1 / 80, CUSTOMERS)[:, None])
    orders = pd.DataFrame({"customer_id": ids[customer], "ordered_at": at})
    orders["amount"] = rng.lognormal(3.3, 0.6, len(orders)).round(2)
    mails = []
    for number, sent in enumerate(range(40, DAYS, 60)):
        recent = np.unique(customer[(day < sent) & (day >= sent - 90)])
        sent_at = START + pd.Timedelta(days=sent, hours=9)
        delay = pd.to_timedelta(rng.exponential(18 * 3600, len(recent)).astype(int), unit="s")
        is_opened = rng.random(len(recent)) < np.where(end[recent] > sent, 0.4, 0.1)
        mails.append(
            pd.DataFrame(
                {
                    "customer_id": ids[recent],
                    "sent_at": sent_at,
                    "opened_at": pd.Series(sent_at + delay).where(is_opened).to_numpy(),
                    "campaign": f"campaign {number + 1}",
                }
            )
        )
    tables = {"orders": orders, "emails": pd.concat(mails, ignore_index=True)}
    label = {"kind": "inactivity", "table": "orders", "horizon_days": 60, "active_days": 120}
    return _company(rng, ids, signed_up, tables, {}, label)


def idle_meter(seed: int) -> Company:
    """Make a tool whose meter writes a row for each week, with the value 0 if the customer was idle."""
    rng = np.random.default_rng([seed, 17])
    signed_up = _sign_ups(rng)
    ids = new_ids(rng, CUSTOMERS)
    trouble, end = _lives(rng, signed_up, np.full(3 * DAYS, 0.0008))
    mondays = np.arange(1, DAYS, 7)
    customer, week = np.nonzero((mondays >= signed_up[:, None] + 7) & (mondays <= end[:, None]))
    rate = rng.gamma(1.5, 1.0, CUSTOMERS)[customer] * np.where(trouble[customer, mondays[week]], 0.5, 1.0)
    usage = pd.DataFrame(
        {
            "customer_id": ids[customer],
            "happened_at": START + pd.to_timedelta(mondays[week], unit="D"),
            "value": rng.poisson(rate).astype(float),
        }
    )
    return _company(rng, ids, signed_up, _contracts(ids, signed_up, end), {"usage": usage}, _CONTRACT)


SHAPES: Mapping[str, Callable[[int], Company]] = {
    "sparse": sparse,
    "monthly": monthly,
    "tenure contracts": tenure_contracts,
    "newcomers": newcomers,
    "seasonal": seasonal,
    "campaigns": campaigns,
    "idle meter": idle_meter,
}
"""The shapes by the name in the table."""

_CONTRACT = {"kind": "contract", "horizon_days": 31}


def _sign_ups(rng: np.random.Generator) -> Ints:
    """Draw the days of the sign-ups: a third before the first day of the data."""
    early = rng.random(CUSTOMERS) < 1 / 3
    return np.where(early, rng.integers(-365, 0, CUSTOMERS), rng.integers(0, DAYS - 60, CUSTOMERS))


def _lives(
    rng: np.random.Generator, signed_up: Ints, risk_at_age: Floats, trouble_factor: float = 5.0
) -> tuple[Floats, Ints]:
    """Draw who is in trouble on each day, and the day on which each contract ends.

    Args:
        rng: The generator.
        signed_up: The day of each sign-up, shape (customers,).
        risk_at_age: The probability of leaving on a day, by the days since the sign-up.
        trouble_factor: The factor of this probability while a customer is in trouble.
    """
    n = len(signed_up)
    trouble, until, end = np.zeros((n, DAYS), dtype=bool), np.full(n, -1), np.full(n, 10_000)
    for day in range(DAYS):
        age = day - signed_up
        alive = (age > 0) & (end > day)
        begins = alive & (until < day) & (rng.random(n) < 1 / 250)
        until = np.where(begins, day + rng.integers(40, 120, n), until)
        trouble[:, day] = until >= day
        risk = risk_at_age[np.maximum(age, 0)] * np.where(trouble[:, day], trouble_factor, 1.0)
        end = np.where(alive & (rng.random(n) < risk), day, end)
    return trouble, end


def _contracts(ids: Any, signed_up: Ints, end: Ints) -> dict[str, pd.DataFrame]:
    ended_at = pd.Series(START + pd.to_timedelta(end, unit="D")).where(end < DAYS)
    started_at = START + pd.to_timedelta(signed_up, unit="D")
    table = {"customer_id": ids, "started_at": started_at, "ended_at": ended_at.to_numpy()}
    return {"subscriptions": pd.DataFrame(table)}


def _company(
    rng: np.random.Generator,
    ids: Any,
    signed_up: Ints,
    tables: dict[str, pd.DataFrame],
    events: dict[str, pd.DataFrame],
    label: Mapping[str, Any],
    *,
    clock: bool = True,
) -> Company:
    """Return a company with a table of customers and the parameters that a user would write.

    Args:
        rng: The generator of the attributes.
        ids: The ids of the customers.
        signed_up: The day of each sign-up, shape (customers,).
        tables: The tables of the schema, by name.
        events: The other event tables, by name.
        label: The label section.
        clock: Whether sign-ups have a time; if not, they have a day only.
    """
    days = START + pd.to_timedelta(signed_up, unit="D")
    seconds = rng.integers(0, 6 * 3600, len(ids)) * clock
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "signed_up_at": days + pd.to_timedelta(seconds, unit="s"),
            "region": rng.choice(["north", "south", "east", "west"], len(ids)),
        }
    )
    params = {
        "tables": {"customers": {"static": ["region"]}, **{name: {} for name in tables}},
        "label": dict(label),
        "snapshot": {"first": "2023-07-01", "watermark": str((START + pd.Timedelta(days=DAYS)).date())},
    }
    if events:
        params["events"] = {name: {} for name in events}
    no_end = pd.Series(pd.NaT, index=pd.Index(ids))
    return Company({"customers": customers, **tables, **events}, params, no_end)
