"""Small helpers that turn arrays of days and seconds into Arrow columns."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.episodes import NAMES
from churn.demo.life import AFTERGLOW, IN_FORCE, PENDING, STARTING, Life
from churn.demo.people import People
from churn.demo.world import Array

STATUS_BITS = 3
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Streams:
    """Independent random numbers by name, so that one table's draws never change another's."""

    seed: int
    chunk: int

    def get(self, name: str) -> np.random.Generator:
        """Return the generator of that name, always from its beginning."""
        return np.random.default_rng([self.seed, self.chunk, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class Cells:
    """The customer-days on which something may happen, ordered by customer and day. Shape [cell]."""

    who: Array
    day: Array
    status: Array
    phases: Array

    def __len__(self) -> int:
        return len(self.who)

    def take(self, picked: Array) -> Cells:
        """Return some of the cells, by mask or by position; a position may repeat."""
        return Cells(self.who[picked], self.day[picked], self.status[picked], self.phases[picked])

    def phase(self, kind: str) -> Array:
        """Return the phase 0..3 of one kind of trouble."""
        phase: Array = ((self.phases >> np.uint16(2 * NAMES.index(kind))) & 3).astype(np.intp)
        return phase

    def by_phase(self, kind: str, *factors: float) -> Array:
        """Return the factor that the phase of one kind selects out of four."""
        picked: Array = np.array(factors, dtype=np.float32).take(self.phase(kind))
        return picked

    @property
    def pending(self) -> Array:
        """Whether a cancellation has been requested but has not taken effect."""
        pending: Array = (self.status & STATUS_BITS) == PENDING
        return pending


@dataclass(frozen=True)
class Chunk:
    """Everything that the makers of tables read."""

    people: People
    life: Life
    streams: Streams
    ids: pa.Array

    def in_force(self) -> Cells:
        """Return the customer-days in force or pending, from the day after a spell's start."""
        return self._cells(self._holding())

    def flagged(self, flag: int) -> Cells:
        """Return the customer-days that carry a flag of `life`."""
        return self._cells((self.life.status & flag) > 0)

    def mailable(self) -> Cells:
        """Return the customer-days on which the mailing list still holds the customer."""
        return self._cells(self._holding() | ((self.life.status & AFTERGLOW) > 0))

    def _holding(self) -> Array:
        status = self.life.status
        holding: Array = ((status & STATUS_BITS) >= IN_FORCE) & ((status & STARTING) == 0)
        return holding

    def _cells(self, mask: Array) -> Cells:
        flat = np.flatnonzero(mask)
        who, day = np.divmod(flat.astype(np.int32), np.int32(w.HISTORY_DAYS))
        return Cells(who, day, self.life.status.ravel()[flat], self.life.phases.ravel()[flat])

    def customer_id(self, who: Array) -> pa.Array:
        """Return the ids of customers as a column that stays small in memory and in Parquet."""
        return pa.DictionaryArray.from_arrays(pa.array(who.astype(np.int32)), self.ids)


def office_time(rng: np.random.Generator, size: int) -> Array:
    """Draw a second of the day between 6 and 22 o'clock; no clock change falls into these hours."""
    hours = np.clip(rng.normal(13.0, 3.2, size), 6.0, 21.99)
    seconds: Array = (hours * 3600).astype(np.int64)
    return seconds


def stamps(seconds: Array) -> pa.Array:
    """Return naive local timestamps; `NEVER` becomes missing."""
    missing = seconds == NEVER
    micros = np.where(missing, 0, seconds) * 1_000_000
    return pa.array(micros.view("datetime64[us]"), mask=missing if missing.any() else None)


def so_far(seconds: Array, happens: Array | bool = True) -> Array:
    """Return outcome times as an export at the watermark holds them: what lies ahead is `NEVER`."""
    known: Array = np.where(happens & (seconds < w.WATERMARK_SECONDS), seconds, NEVER)
    return known


def labels(codes: Array, words: tuple[str, ...], missing: Array | None = None) -> pa.Array:
    """Return text from positions in `words`."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), pa.array(words))


def known_later(rng: np.random.Generator, seconds: Array, share: float) -> tuple[Array, Array]:
    """Draw when rows reached the warehouse: at once, or for a share of them one to six days late.

    Returns:
        the times known, and whether each row is late.
    """
    late = rng.random(len(seconds)) < share
    delay = rng.integers(w.DAY_SECONDS, 6 * w.DAY_SECONDS, len(seconds))
    return np.where(late, seconds + delay, seconds), late
