"""Find the units of an experiment: the persons or accounts to whom the customer ids belong.

Two customers who are one person must never get different arms. If their arms differed, one arm would contact
the person and the other arm would not. So an arm is given to a unit, and a unit is a set of customers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

UnitKind = Literal["person", "account", "customer"]

MAX_CUSTOMERS_PER_ADDRESS = 10
"""An e-mail address with more customers belongs to a shop assistant or an agency, and does not identify a
person.
"""


@dataclass(frozen=True)
class Units:
    """The unit of an experiment (a person, an account or a customer) to which each customer belongs.

    Attributes:
        unit_of: The name of the unit of each customer id. The name is the id of one of the unit's customers.
        shared_addresses: The number of e-mail addresses that have too many customers to identify a person.
        merged_units: The names of earlier units that are now part of another unit, each with the name of that
            unit. Each earlier unit keeps its own assignment in the ledger, but no measurement uses it.
    """

    unit_of: Mapping[str, str]
    shared_addresses: int
    merged_units: Mapping[str, str]

    def of(self, customers: Sequence[str] | npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """Return the unit of each customer; a customer who is not in `unit_of` is a separate unit."""
        return np.array([self.unit_of.get(customer, customer) for customer in customers], dtype=object)


def normalise_email(address: object) -> str | None:
    """Return an e-mail address in a form for comparisons: lower case, without blanks at both ends; None if it
    has no `@`.

    >>> normalise_email("  Ann@Example.COM "), normalise_email(" "), normalise_email(None)
    ('ann@example.com', None, None)
    """
    if not isinstance(address, str):
        return None
    text = unicodedata.normalize("NFKC", address).strip().casefold()
    return text if "@" in text else None


def find_units(customers: pd.DataFrame, kind: UnitKind, earlier: Mapping[str, str] | None = None) -> Units:
    """Return the unit of each customer.

    A person is the set of customers with the same `person_id` or the same e-mail address. If the customers of
    an address have different person ids, the address is not used, because the ids say that they are different
    persons. An account is the set of customers with the same `account_id`.

    If one of a unit's customers is in `earlier`, the unit gets the name of that customer's earlier unit. If
    the customers had several earlier units, the first one in the order of `earlier` gives the name.

    Args:
        customers: One row for each customer, with `customer_id`, and with `person_id`, `email` and
            `account_id` if they are known.
        kind: Who is assigned to an arm: persons, accounts or customers.
        earlier: The unit of each customer id in earlier nights, in the order in which the units first got an
            arm.
    """
    frame = customers.assign(customer_id=customers["customer_id"].astype(str)).sort_values("customer_id")
    ids = frame["customer_id"].tolist()
    keys: list[list[str | None]] = []
    shared_addresses = 0
    if kind == "account":
        keys = [_texts(frame, "account_id")]
    elif kind == "person":
        persons = _texts(frame, "person_id")
        addresses, shared_addresses = _addresses_of_persons(frame, persons)
        keys = [persons, addresses]
    roots = _connect(len(ids), keys)
    members: dict[int, list[str]] = {}
    for customer, root in zip(ids, roots, strict=True):
        members.setdefault(root, []).append(customer)
    order = {unit: index for index, unit in enumerate(dict.fromkeys((earlier or {}).values()))}
    unit_of: dict[str, str] = {}
    merged_units: dict[str, str] = {}
    for unit_customers in members.values():
        names = {(earlier or {})[customer] for customer in unit_customers if customer in (earlier or {})}
        name = min(names, key=order.__getitem__) if names else unit_customers[0]
        merged_units |= dict.fromkeys(sorted(names - {name}), name)
        unit_of |= dict.fromkeys(unit_customers, name)
    return Units(unit_of, shared_addresses, merged_units)


def _texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    if column not in frame.columns:
        return [None] * len(frame)
    return [text if isinstance(text, str) and text else None for text in frame[column]]


def _addresses_of_persons(frame: pd.DataFrame, persons: Sequence[str | None]) -> tuple[list[str | None], int]:
    """Return each customer's address, and the number of shared addresses.

    The address is None if it does not identify a person. A shared address has more than
    `MAX_CUSTOMERS_PER_ADDRESS` customers.
    """
    emails = frame["email"] if "email" in frame.columns else [None] * len(frame)
    addresses = [normalise_email(email) for email in emails]
    owners: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for address, person in zip(addresses, persons, strict=True):
        if address is not None:
            counts[address] = counts.get(address, 0) + 1
            owners.setdefault(address, set()).update({person} if person else ())
    too_many = {address for address, count in counts.items() if count > MAX_CUSTOMERS_PER_ADDRESS}
    unusable = too_many | {address for address, people in owners.items() if len(people) > 1}
    return [None if address in unusable else address for address in addresses], len(too_many)


def _connect(n: int, keys: Sequence[Sequence[str | None]]) -> list[int]:
    """Return for each row the first row of its group; rows with an equal key are in the same group."""
    parent = list(range(n))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for column in keys:
        first_row: dict[str, int] = {}
        for row, key in enumerate(column):
            if key is None:
                continue
            own_root, other_root = root(row), root(first_row.setdefault(key, row))
            parent[max(own_root, other_root)] = min(own_root, other_root)
    return [root(row) for row in range(n)]
