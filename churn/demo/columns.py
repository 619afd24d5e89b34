"""Turn arrays of days and seconds into Arrow columns, and select days on which customers can have events."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.life import AFTERGLOW, IN_FORCE, PENDING, STARTING, Life
from churn.demo.people import People
from churn.demo.troubles import TROUBLE_NAMES
from churn.demo.world import Values

STATUS_BITS = 3
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class RandomStreams:
    """Independent random generators, each with a name: the draws of one table never change the draws of
    another table.
    """

    seed: int
    chunk: int
    day: int = 0
    name_suffix: str = ""

    def get(self, name: str) -> np.random.Generator:
        """Return a new generator for a name; the same name always gives the same numbers."""
        key = [self.seed, self.chunk, zlib.crc32((name + self.name_suffix).encode())]
        return np.random.default_rng([*key, self.day] if self.day else key)

    def on(self, day: int) -> RandomStreams:
        """Return the generators for a given day after the end of the history."""
        return replace(self, day=day)


@dataclass(frozen=True)
class CustomerDays:
    """Pairs of a customer and a day on which an event may happen, ordered by customer and day. Shape
    [pair].
    """

    customer: Values
    day: Values
    status: Values
    phases: Values

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, rows: Values) -> CustomerDays:
        """Return the pairs of customer and day that a mask or indices select; an index may repeat."""
        return CustomerDays(self.customer[rows], self.day[rows], self.status[rows], self.phases[rows])

    def phase(self, kind: str) -> Values:
        """Return for each pair the phase of the trouble `kind`, from 0 (no trouble) to 3. Shape [pair]."""
        phase: Values = ((self.phases >> np.uint16(2 * TROUBLE_NAMES.index(kind))) & 3).astype(np.intp)
        return phase

    def by_phase(self, kind: str, *factors: float) -> Values:
        """Return for each pair the factor that belongs to the phase of the trouble `kind`. Shape [pair].

        A trouble of a customer, such as a bad experience, has phases from 0 (no trouble) to 3. `factors`
        holds one number for each phase.
        """
        factor: Values = np.array(factors, dtype=np.float32).take(self.phase(kind))
        return factor

    @property
    def pending(self) -> Values:
        """Return whether the customer of each pair has asked to leave, but is still a customer on this day.
        Shape [pair].
        """
        pending: Values = (self.status & STATUS_BITS) == PENDING
        return pending


@dataclass(frozen=True)
class Chunk:
    """A chunk: customers who are simulated together, and their lives. Each table is made from chunks.

    Attributes:
        people: The customers.
        life: What happens to these customers on each day of the chunk. A chunk holds all days of the history,
            or one day after the history.
        streams: The random generators for the days of the chunk.
        ids: The ids of the customers.
        first_day: The first day of `life`.
        watermark_seconds: The watermark in seconds since 1970; the export shows only outcomes before it.
        memory: What is remembered about each customer from one day to the next, for example whether the
            customer has unsubscribed. Each such fact has a name and an array [customer]; the functions that
            make the tables change the arrays in place. `memory` is None if the chunk holds all days of the
            history.
    """

    people: People
    life: Life
    streams: RandomStreams
    ids: pa.Array
    first_day: int = 0
    watermark_seconds: int = w.WATERMARK_SECONDS
    memory: Mapping[str, Values] | None = None

    @property
    def end_day(self) -> int:
        """Return the day after the last day of `life`."""
        return self.first_day + int(self.life.status.shape[1])

    def times_known(self, seconds: Values, happens: Values | bool = True) -> Values:
        """Return the times of outcomes; `NO_TIME` for an outcome that does not happen before the watermark.

        The watermark is the end of the data, so no later outcome is known yet.

        Args:
            seconds: The local seconds since 1970 at which the outcomes happen.
            happens: Whether each outcome happens at all.
        """
        times: Values = np.where(happens & (seconds < self.watermark_seconds), seconds, NO_TIME)
        return times

    def in_force(self) -> CustomerDays:
        """Return the days on which customers have a contract, except the first day of each unbroken contract.

        The days between a request to leave and the end of the contract also count.
        """
        return self._customer_days(self._in_force())

    def with_flag(self, flag: int) -> CustomerDays:
        """Return the pairs of customer and day for which `life.status` has a flag, such as `CHARGE`."""
        return self._customer_days((self.life.status & flag) > 0)

    def mailable(self) -> CustomerDays:
        """Return the days on which customers are on the mailing list."""
        return self._customer_days(self._in_force() | ((self.life.status & AFTERGLOW) > 0))

    def _in_force(self) -> Values:
        status = self.life.status
        is_in_force: Values = ((status & STATUS_BITS) >= IN_FORCE) & ((status & STARTING) == 0)
        return is_in_force

    def _customer_days(self, mask: Values) -> CustomerDays:
        flat = np.flatnonzero(mask)
        customer, column = np.divmod(flat.astype(np.int32), np.int32(self.life.status.shape[1]))
        day = column + np.int32(self.first_day)
        return CustomerDays(customer, day, self.life.status.ravel()[flat], self.life.phases.ravel()[flat])

    def customer_id(self, customer: Values) -> pa.Array:
        """Return the ids of the customers with the given indices, as a dictionary-encoded Arrow column."""
        return pa.DictionaryArray.from_arrays(pa.array(customer.astype(np.int32)), self.ids)


def office_time(rng: np.random.Generator, size: int) -> Values:
    """Draw times of the day, in seconds, between 6 and 22 o'clock; the clocks never change in these hours."""
    hours = np.clip(rng.normal(13.0, 3.2, size), 6.0, 21.99)
    seconds: Values = (hours * 3600).astype(np.int64)
    return seconds


def timestamps(seconds: Values) -> pa.Array:
    """Return local timestamps without a time zone from seconds since 1970; `NO_TIME` becomes a missing
    value.
    """
    missing = seconds == NO_TIME
    micros = np.where(missing, 0, seconds) * 1_000_000
    return pa.array(micros.view("datetime64[us]"), mask=missing if missing.any() else None)


def categories(codes: Values, words: tuple[str, ...], missing: Values | None = None) -> pa.Array:
    """Return a text column with the word for each code; a code is an index into `words`."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), pa.array(words))


def arrival_times(rng: np.random.Generator, seconds: Values, share: float) -> tuple[Values, Values]:
    """Draw the times at which rows reach the warehouse: most arrive without delay, some one to six days late.

    Args:
        rng: The random generator.
        seconds: When each row happens, in seconds since 1970.
        share: The share of rows that are late.

    Returns:
        The time of arrival of each row in seconds since 1970, and whether the row is late.
    """
    late = rng.random(len(seconds)) < share
    delay = rng.integers(w.DAY_SECONDS, 6 * w.DAY_SECONDS, len(seconds))
    return np.where(late, seconds + delay, seconds), late
