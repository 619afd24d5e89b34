"""Make what customers agreed to: their e-mail addresses, and the table of consents."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import Chunk, office_time, times_known, timestamps
from churn.demo.world import Values, seconds_at

SHARED_ADDRESS_SHARE = 0.02
"""The share of customers who signed up a second time: they have the address of another customer."""

PHONE_CONSENT_SHARE = 0.8
WITHDRAWAL_SHARE = 0.05
"""The share of customers who agreed to calls at sign-up, and the share of these who withdrew it later."""


def addresses(chunk: Chunk) -> pa.Array:
    """Return the e-mail address of each customer; some customers share an address with another one."""
    rng = chunk.streams.get("addresses")
    numbers = chunk.people.number.copy()
    is_second = rng.random(len(numbers)) < SHARED_ADDRESS_SHARE
    is_second[0] = False
    before = np.maximum.accumulate(np.where(~is_second, np.arange(len(numbers)), 0))
    return pa.array([f"owner{number}@example.org" for number in numbers[before].tolist()])


def consents(chunk: Chunk) -> pa.Table:
    """Return the consents to calls: most customers agree the day after sign-up, some withdraw it later."""
    rng, people = chunk.streams.get("consents"), chunk.people
    size = len(people)
    agrees = rng.random(size) < PHONE_CONSENT_SHARE
    withdraws = rng.random(size) < WITHDRAWAL_SHARE
    given: Values = seconds_at(people.first_start + 1, office_time(rng, size))
    days_later = rng.integers(10, 700, size)
    withdrawn = times_known(seconds_at(people.first_start + days_later, office_time(rng, size)), withdraws)
    rows = np.flatnonzero(agrees & (given < w.WATERMARK_SECONDS))
    return pa.table(
        {
            "customer_id": chunk.customer_id(rows),
            "given_at": timestamps(given[rows]),
            "channel": pa.array(["phone"] * len(rows)),
            "purpose": pa.array(["marketing"] * len(rows)),
            "withdrawn_at": timestamps(withdrawn[rows]),
            "evidence": pa.array([f"sign-up form {number}" for number in people.number[rows].tolist()]),
        }
    )
