"""Make the tables about the relation between customers and company: addresses, accounts, consents and
contacts.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo.columns import Chunk, office_time, timestamps
from churn.demo.world import Values, seconds_at

SHARED_ADDRESS_SHARE = 0.02
"""The share of customers who signed up a second time, with the e-mail address of another customer id."""

PHONE_CONSENT_SHARE = 0.8
WITHDRAWAL_SHARE = 0.05
"""The share of customers who consented to calls at sign-up, and the share of these customers who withdrew the
consent later.
"""


ACCOUNT_SHARE = 0.3
MAX_CUSTOMERS_PER_ACCOUNT = 4
"""The share of customers who belong to an account, and the largest number of customers in one account."""

CONTACTS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("contacted_at", pa.timestamp("us")),
        *((name, pa.string()) for name in ("play", "variant", "channel", "task_id", "result")),
        ("answered_at", pa.timestamp("us")),
        ("snoozed_until", pa.timestamp("us")),
    ]
)


def accounts(chunk: Chunk) -> pa.Array:
    """Return the account of each customer who belongs to one; two to four customers belong to the same
    account.
    """
    rng, numbers = chunk.streams.get("accounts"), chunk.people.number
    belongs = rng.random(len(numbers)) < ACCOUNT_SHARE
    sizes = rng.integers(2, MAX_CUSTOMERS_PER_ACCOUNT + 1, len(numbers))
    account_of_member = np.repeat(np.arange(len(sizes)), sizes)[: int(belongs.sum())]
    account = np.zeros(len(numbers), dtype=np.int64)
    account[belongs] = account_of_member + numbers[0]
    names = np.char.add("A", account.astype("U12")).astype(object)
    return pa.array(names, type=pa.string(), mask=~belongs)


def contacts(chunk: Chunk) -> pa.Table:
    """Return an empty table, because nobody was contacted in the history."""
    return CONTACTS.empty_table()


def addresses(chunk: Chunk) -> pa.Array:
    """Return the e-mail address of each customer; some customers have another customer's address."""
    rng = chunk.streams.get("addresses")
    numbers = chunk.people.number.copy()
    is_second = rng.random(len(numbers)) < SHARED_ADDRESS_SHARE
    is_second[0] = False
    before = np.maximum.accumulate(np.where(~is_second, np.arange(len(numbers)), 0))
    return pa.array([f"owner{number}@example.org" for number in numbers[before].tolist()])


def consents(chunk: Chunk) -> pa.Table:
    """Return the consents to calls: most customers consent on the day after sign-up, and some withdraw the
    consent later.
    """
    rng, people = chunk.streams.get("consents"), chunk.people
    size = len(people)
    agrees = rng.random(size) < PHONE_CONSENT_SHARE
    withdraws = rng.random(size) < WITHDRAWAL_SHARE
    given: Values = seconds_at(people.first_start + 1, office_time(rng, size))
    days_later = rng.integers(10, 700, size)
    withdrawn = chunk.times_known(
        seconds_at(people.first_start + days_later, office_time(rng, size)), withdraws
    )
    rows = np.flatnonzero(agrees & (given < chunk.watermark_seconds))
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
