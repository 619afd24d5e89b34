"""List the forgotten customers, as salted hashes of their ids, so that `ingest` leaves out their rows.

`churn` cannot change the source, so the source may keep rows of a forgotten customer for a long time. The
list holds no id. But a person who has the list can test whether a known id is on the list, so the list is as
private as the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from churn.data.own_files import own_json_text, read_own_json
from churn.data.sql import literal
from churn.params import digest_of

FORGOTTEN_FOLDER = "forgotten"
LIST_FILE = "forgotten.json"

_WAY_OUT = (
    "Restore the file from a copy: without this file, `churn ingest` would bring back the forgotten "
    "customers."
)
_SEPARATOR = " without "


class ErasedUnits(BaseModel):
    """The number of forgotten units in one arm of an experiment; the ledger no longer has their rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    arm: str
    units: int


class ForgottenCustomers(BaseModel):
    """The content of `output/forgotten/forgotten.json`.

    Attributes:
        salt: The salt of the hashes, drawn at random for each output folder; empty if nobody is forgotten.
        erased_on: The day on which each customer was erased, by the hash of the customer's id.
        erased_units: The number of forgotten units in each experiment and arm.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str = ""
    erased_on: Mapping[str, date] = {}
    erased_units: tuple[ErasedUnits, ...] = ()

    @property
    def digest(self) -> str:
        """Return a digest of the hashes; empty if nobody is forgotten."""
        return digest_of([self.salt, sorted(self.erased_on)])[:16] if self.erased_on else ""

    def day_of(self, customer: str) -> date | None:
        """Return the day on which a customer was forgotten; None for any other customer."""
        return self.erased_on.get(self._hash(customer)) if self.salt else None

    def with_customer(self, customer: str, day: date, salt: str) -> ForgottenCustomers:
        """Return the list with one more customer.

        Args:
            customer: The id.
            day: The day of the erasure.
            salt: The salt to use if the list has no salt yet.
        """
        listed = self if self.salt else self.model_copy(update={"salt": salt})
        return listed.model_copy(update={"erased_on": {**listed.erased_on, listed._hash(customer): day}})

    def with_units(self, units: Iterable[ErasedUnits]) -> ForgottenCustomers:
        """Return the list of forgotten customers, with these units added to `erased_units`."""
        counts = {(part.experiment, part.arm): part.units for part in self.erased_units}
        for part in units:
            key = (part.experiment, part.arm)
            counts[key] = counts.get(key, 0) + part.units
        parts = [
            ErasedUnits(experiment=experiment, arm=arm, units=count)
            for (experiment, arm), count in sorted(counts.items())
        ]
        return self.model_copy(update={"erased_units": tuple(parts)})

    def condition(self, customer_id: str) -> str:
        """Return SQL that is true for rows of forgotten customers and false for other rows, never NULL.

        Args:
            customer_id: SQL that gives the row's customer id as text, in the form that the store uses.
        """
        if not self.erased_on:
            return "false"
        hashes = ", ".join(map(literal, sorted(self.erased_on)))
        return f"coalesce(sha256({literal(self.salt)} || ({customer_id})) IN ({hashes}), false)"

    def file_text(self) -> str:
        """Return the content of the file that lists the forgotten customers."""
        return own_json_text(self.model_dump(mode="json"))

    def _hash(self, customer: str) -> str:
        return hashlib.sha256(f"{self.salt}{customer}".encode()).hexdigest()


NO_CUSTOMERS = ForgottenCustomers()


def list_path(output: Path) -> Path:
    """Return the path of the list of forgotten customers in an output folder."""
    return output / FORGOTTEN_FOLDER / LIST_FILE


def read_forgotten(output: Path) -> ForgottenCustomers:
    """Read the forgotten customers of an output folder; without a file, nobody is forgotten.

    Raises:
        SourceError: the file is damaged.
    """
    try:
        return read_own_json(list_path(output), ForgottenCustomers, way_out=_WAY_OUT)
    except FileNotFoundError:
        return NO_CUSTOMERS


def mark_fingerprint(fingerprint: str, forgotten: ForgottenCustomers) -> str:
    """Return the fingerprint of a store with the digest of its forgotten customers added, if there are any.

    >>> mark_fingerprint("a", NO_CUSTOMERS)
    'a'
    """
    source = fingerprint.partition(_SEPARATOR)[0]
    return f"{source}{_SEPARATOR}{forgotten.digest}" if forgotten.digest else source
