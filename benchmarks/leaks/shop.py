"""A shop without contracts: each customer buys at an own rate, and some customers never come back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import DAYS, START, Company, moments, new_ids

CUSTOMERS = 900


def shop(seed: int) -> Company:
    """Make the clean shop: inactivity label, orders, visits and e-mails, and no leak."""
    rng = np.random.default_rng([seed, 2])
    n = CUSTOMERS
    signed_up = rng.integers(0, DAYS - 60, n) * (rng.random(n) < 0.6)
    tastes = rng.choice(3, n, p=[0.4, 0.4, 0.2])
    fades = signed_up + rng.exponential(np.array([500, 700, 900])[tastes])
    end_day = fades + rng.integers(10, 60, n)
    day = np.arange(DAYS)[None, :]
    mood = (day > signed_up[:, None]) * np.where(day >= fades[:, None], 0.5, 1.0) * (day < end_day[:, None])
    ids = new_ids(rng, n, "S")
    rate = rng.gamma(4.0, 1 / 48, n)[:, None]
    customer, _, at = moments(rng, rate * mood)
    orders = pd.DataFrame(
        {
            "customer_id": ids[customer],
            "ordered_at": at,
            "amount": rng.lognormal(3.3, 0.6, len(at)).round(2),
            "units": rng.integers(1, 6, len(at)),
        }
    )
    customer, _, at = moments(rng, (0.1 + rate) * mood)
    kind = rng.choice(["home", "product", "search", "help"], len(at), p=[0.4, 0.35, 0.2, 0.05])
    visits = pd.DataFrame({"customer_id": ids[customer], "happened_at": at, "kind": kind})
    customer, sent_day, at = moments(rng, 0.07 * (day > signed_up[:, None]))
    is_opened = rng.random(len(at)) < 0.05 + 0.4 * mood[customer, sent_day]
    later = pd.to_timedelta(rng.exponential(20 * 3600, len(at)).astype(int), unit="s")
    emails = pd.DataFrame(
        {
            "customer_id": ids[customer],
            "sent_at": at,
            "opened_at": pd.Series(at + later).where(is_opened).to_numpy(),
            "campaign": rng.choice(["news", "sale"], len(at)),
        }
    )
    clock = pd.to_timedelta(rng.integers(0, 86_400, n), unit="s")
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "signed_up_at": START + pd.to_timedelta(signed_up, unit="D") + clock,
            "region": rng.choice(["north", "south", "east", "west"], n),
            "taste": np.array(["basics", "brands", "organic"])[tastes],
        }
    )
    params = {
        "tables": {"customers": {"static": ["region", "taste"]}, "orders": {}, "emails": {}},
        "events": {"visits": {}},
        "label": {"kind": "inactivity", "table": "orders", "horizon_days": 56},
        "snapshot": {"first": "2023-07-01", "watermark": str((START + pd.Timedelta(days=DAYS)).date())},
    }
    left_on = pd.Series(START + pd.to_timedelta(end_day, unit="D"), index=pd.Index(ids))
    tables = {"customers": customers, "orders": orders, "visits": visits, "emails": emails}
    return Company(tables, params, left_on.where(end_day < DAYS))
