"""A company with contracts: customers in trouble are less active and leave more often."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import DAYS, START, Company, Floats, moments, new_ids

CUSTOMERS = 500
BEFORE = 365
"""The days from the first sign-up to the first event."""


def service(seed: int) -> Company:
    """Make the clean company: contract label, seven tables, and no leak."""
    rng = np.random.default_rng([seed, 1])
    n = CUSTOMERS
    signed_up = np.where(rng.random(n) < 0.4, rng.integers(-BEFORE, 0, n), rng.integers(0, DAYS - 30, n))
    size = rng.choice(3, n, p=[0.5, 0.35, 0.15])
    has_trouble, end = _lives(rng, signed_up, size)
    live = (np.arange(DAYS) >= signed_up[:, None]) & (np.arange(DAYS) < end[:, None])
    mood = np.where(has_trouble, 0.35, 1.0) * live
    ids = new_ids(rng, n)
    midnight = START + pd.to_timedelta(signed_up, unit="D")
    clock = pd.to_timedelta(rng.integers(0, 86_400, n), unit="s")
    end_times = pd.Series(START + pd.to_timedelta(end, unit="D")).where(end < DAYS)
    price = np.array([29.0, 79.0, 290.0])[size]
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "signed_up_at": midnight + clock,
            "country": rng.choice(["DE", "AT", "CH", "FR"], n, p=[0.5, 0.2, 0.2, 0.1]),
            "size": np.array(["small", "middle", "large"])[size],
        }
    )
    subscriptions = pd.DataFrame(
        {
            "customer_id": ids,
            "started_at": midnight,
            "ended_at": end_times.to_numpy(),
            "plan": np.array(["basic", "team", "business"])[size],
            "mrr": price,
        }
    )
    base = rng.lognormal(-1.5, 0.5, n)[:, None] * np.array([1.0, 1.4, 2.0])[size][:, None]
    tables = {
        "customers": customers,
        "subscriptions": subscriptions,
        "logins": _logins(rng, ids, base * mood),
        "interactions": _interactions(rng, ids, base * mood, has_trouble),
        "emails": _emails(rng, ids, live, has_trouble),
        "payments": _payments(rng, ids, signed_up, end, price, has_trouble),
        "tickets": _tickets(rng, ids, 0.008 * np.where(has_trouble, 3.0, 1.0) * live),
    }
    params = {
        "tables": {name: {} for name in tables} | {"customers": {"static": ["country", "size"]}},
        "label": {"kind": "contract", "horizon_days": 31},
        "snapshot": {"first": "2023-07-01", "watermark": str((START + pd.Timedelta(days=DAYS)).date())},
    }
    return Company(tables, params, pd.Series(end_times.to_numpy(), index=pd.Index(ids)))


def _lives(rng: np.random.Generator, signed_up: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Simulate each day: who is in trouble on the day, and the day on which each contract ends."""
    n = len(signed_up)
    has_trouble = np.zeros((n, DAYS), dtype=bool)
    until, end = np.full(n, -10_000), np.full(n, 10_000)
    risk = np.array([0.0007, 0.0005, 0.0003])[size]
    for day in range(-BEFORE, DAYS):
        alive = (signed_up < day) & (end > day)
        onset = alive & (until < day) & (rng.random(n) < 1 / 250)
        until = np.where(onset, day + rng.integers(40, 120, n), until)
        bad = until >= day
        leaves = alive & (rng.random(n) < risk * np.where(bad, 14.0, 1.0)) & (day > 0)
        end = np.where(leaves, day, end)
        if day >= 0:
            has_trouble[:, day] = bad
    return has_trouble, end


def _logins(rng: np.random.Generator, ids: Floats, rate: Floats) -> pd.DataFrame:
    customer, _, at = moments(rng, rate)
    return pd.DataFrame({"customer_id": ids[customer], "happened_at": at})


def _interactions(rng: np.random.Generator, ids: Floats, rate: Floats, has_trouble: Floats) -> pd.DataFrame:
    customer, day, at = moments(rng, 0.7 * rate)
    kind = rng.choice(["search", "export", "share", "comment"], len(at), p=[0.5, 0.2, 0.2, 0.1])
    complains = rng.random(len(at)) < np.where(has_trouble[customer, day], 0.12, 0.02)
    kind = np.where(complains, "complaint", kind)
    quantity = rng.integers(1, 9, len(at))
    return pd.DataFrame({"customer_id": ids[customer], "happened_at": at, "kind": kind, "quantity": quantity})


def _emails(rng: np.random.Generator, ids: Floats, live: Floats, has_trouble: Floats) -> pd.DataFrame:
    customer, day, at = moments(rng, 0.08 * live)
    is_opened = rng.random(len(at)) < np.where(has_trouble[customer, day], 0.3, 0.55)
    later = pd.to_timedelta(rng.exponential(20 * 3600, len(at)).astype(int), unit="s")
    return pd.DataFrame(
        {
            "customer_id": ids[customer],
            "sent_at": at,
            "opened_at": pd.Series(at + later).where(is_opened).to_numpy(),
            "campaign": rng.choice(["news", "product", "offer"], len(at)),
        }
    )


def _payments(
    rng: np.random.Generator, ids: Floats, signed_up: Floats, end: Floats, price: Floats, has_trouble: Floats
) -> pd.DataFrame:
    month = np.arange(1, 40)[None, :] * 30
    due = signed_up[:, None] + month
    customer, month_index = np.nonzero((due >= 0) & (due < np.minimum(end, DAYS)[:, None]))
    day = due[customer, month_index]
    slow = np.where(has_trouble[customer, day], 9.0, 3.0)
    at = START + pd.to_timedelta(day, unit="D")
    paid_at = at + pd.to_timedelta((rng.exponential(slow) * 86_400).astype(int), unit="s")
    is_skipped = rng.random(len(day)) < np.where(has_trouble[customer, day], 0.12, 0.02)
    valid = signed_up + rng.integers(200, 1200, len(ids))
    renewals = np.maximum(0, -((valid[customer] - day) // 1200))
    expires = START + pd.to_timedelta(valid[customer] + renewals * 1200, unit="D")
    return pd.DataFrame(
        {
            "customer_id": ids[customer],
            "due_at": at,
            "amount": price[customer],
            "paid_at": pd.Series(paid_at).where(~is_skipped).to_numpy(),
            "card_expires_at": expires,
        }
    )


def _tickets(rng: np.random.Generator, ids: Floats, rate: Floats) -> pd.DataFrame:
    customer, _, at = moments(rng, rate)
    reply = pd.to_timedelta(rng.exponential(10 * 3600, len(at)).astype(int), unit="s")
    closing = pd.to_timedelta(rng.exponential(40 * 3600, len(at)).astype(int), unit="s")
    return pd.DataFrame(
        {
            "customer_id": ids[customer],
            "opened_at": at,
            "first_reply_at": at + reply,
            "closed_at": at + reply + closing,
            "due_at": at + pd.Timedelta(days=2),
        }
    )
