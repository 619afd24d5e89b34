"""Make the loyalty programme: points for orders and paid bills, redeemed points, expired points, and tiers
(ranks) that end.

The programme is computed day by day: a day depends on the days before it and on the customer's own random
numbers for this day. So the bookings up to any day do not depend on how long the company is simulated.

Leaving never depends on points. But leaving and points both depend on the customers' troubles, such as a bad
experience, so they are weakly related. Customers in trouble order less and redeem less, so points expire and
tiers are lost. Some customers never redeem; they are no more likely to leave than others.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churn.data.tables import LOYALTY_KINDS
from churn.demo import contract_tables
from churn.demo import world as w
from churn.demo.columns import NO_TIME, STATUS_BITS, Chunk, categories, timestamps
from churn.demo.troubles import TROUBLE_NAMES
from churn.demo.world import Values, seconds_at

EARN, REDEEM, EXPIRE, TIER = range(len(LOYALTY_KINDS))

POINTS_PER_CURRENCY = 1.0
"""The points for each unit of currency of an order; a paid bill gives a tenth of this."""
LIFE_DAYS = 240
"""The number of days after which earned points expire."""
COST_OF_GIFT = 150
"""The least number of points of a redemption; a customer redeems as many multiples of it as the points
allow.
"""
REDEEM_RATE = 0.012
"""The daily probability that a customer with enough points redeems them."""
NEVER_SHARE = 0.25
"""The share of customers who never redeem points."""
REDEEM_FACTORS = {
    "usage_fading": (1.0, 0.7, 0.45, 0.25),
    "champion_lost": (1.0, 0.6, 0.35, 0.2),
    "bad_experience": (1.0, 0.8, 0.6, 0.4),
    "spending_less": (1.0, 0.8, 0.6, 0.4),
}
"""The factor on the probability of redeeming, by trouble and phase."""

TIERS = ("base", "silver", "gold")
TIER_POINTS = (0, 700, 2_000)
"""The points that must be earned within `TIER_DAYS` days to reach each tier."""
TIER_DAYS = 180
"""The number of days for which a tier is kept; then the points of the last `TIER_DAYS` days decide about the
next tier.
"""
BOOKING_SECONDS = (81_060, 81_120, 81_000, 81_180)
"""The second of the day of each kind of booking: after half past ten in the evening, later than the other
events of the day. First points expire, then points are earned and redeemed, then the tier is set.
"""


@dataclass(frozen=True)
class Earnings:
    """Points that were earned, as parallel arrays, [row]. `customer` holds the indices of customers; `points`
    is above 0.
    """

    customer: Values
    day: Values
    points: Values


def loyalty(chunk: Chunk) -> pa.Table:
    """Return the bookings of the loyalty programme; no booking arrives late in the data."""
    orders, payments = contract_tables.orders(chunk), contract_tables.payments(chunk)
    return loyalty_of(chunk, earnings_of(orders, payments, chunk.ids))


def loyalty_of(chunk: Chunk, earnings: Earnings) -> pa.Table:
    """Return the bookings on the days of a chunk; these days must begin with the first day of the history.

    Args:
        chunk: The customers, and what happens to them on each day.
        earnings: The points that the customers of the chunk earn; points that are earned after the last day
            of the chunk do not count.
    """
    is_member = (chunk.life.status & STATUS_BITS) > 0
    counts = (earnings.day >= 0) & (earnings.day < is_member.shape[1])
    earnings = Earnings(earnings.customer[counts], earnings.day[counts], earnings.points[counts])
    draws = DayDraws(chunk.streams.seed, chunk.people.number)
    bookings = book(earnings, is_member, _redeem_factor(chunk), draws)
    booked_at = seconds_at(bookings.day, np.array(BOOKING_SECONDS)[bookings.kind])
    ends = np.where(bookings.ends == w.FAR, NO_TIME, seconds_at(np.minimum(bookings.ends, 99_999)))
    return pa.table(
        {
            "customer_id": chunk.customer_id(bookings.customer),
            "happened_at": timestamps(booked_at),
            "kind": categories(bookings.kind, LOYALTY_KINDS),
            "points": pa.array(bookings.points, mask=bookings.kind == TIER),
            "expires_at": timestamps(ends),
            "balance": pa.array(bookings.balance),
            "tier": categories(np.maximum(bookings.tier, 0), TIERS, missing=bookings.tier < 0),
        }
    )


def earnings_of(orders: pa.Table, payments: pa.Table, ids: pa.Array) -> Earnings:
    """Return the points that orders and paid bills earn; a bill earns them on the day of its payment.

    Args:
        orders: The rows of the table of orders.
        payments: The rows of the table of payments; a bill that is not paid gives no points.
        ids: The ids of the customers of the chunk.
    """
    paid = payments.filter(pc.is_valid(payments["paid_at"]))
    parts = [
        (orders["customer_id"], orders["ordered_at"], orders["amount"], POINTS_PER_CURRENCY),
        (paid["customer_id"], paid["paid_at"], paid["amount"], POINTS_PER_CURRENCY / 10),
    ]
    customer = np.concatenate([_indices(id_column, ids) for id_column, *_ in parts])
    seconds = np.concatenate([_seconds(times) for _, times, *_ in parts])
    points = np.concatenate([np.floor(amounts.to_numpy() * rate) for *_, amounts, rate in parts])
    day = seconds // w.DAY_SECONDS - w.FIRST_DAY_NUMBER
    counts = points > 0
    return Earnings(customer[counts], day[counts], points[counts].astype(np.int64))


def _indices(id_column: pa.ChunkedArray, ids: pa.Array) -> Values:
    texts = id_column.cast(pa.string())
    indices: Values = pc.index_in(texts, value_set=ids).to_numpy().astype(np.int64)
    return indices


@dataclass(frozen=True)
class DayDraws:
    """Uniform random numbers in `[0, 1)` that depend only on the seed, the customer and the day.

    Source: Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators (SplitMix64).
    """

    seed: int
    number: Values

    def on(self, day: int, purpose: str) -> Values:
        """Return one random number in [0, 1) for each customer on a day, for one purpose, [customer]."""
        key = zlib.crc32(f"{purpose} {self.seed}".encode())
        with np.errstate(over="ignore"):
            bits = _mix(self.number.astype(np.uint64) + np.uint64(key) * np.uint64(0x9E3779B97F4A7C15))
            bits = _mix(bits + np.uint64(day + w.FAR) * np.uint64(0xD1B54A32D192ED03))
        draw: Values = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return draw


def _mix(bits: Values) -> Values:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Values = bits ^ (bits >> np.uint64(31))
    return mixed


@dataclass(frozen=True)
class Bookings:
    """The bookings of the programme, ordered by customer and time. Shape [row].

    `kind` is the index into `LOYALTY_KINDS`. `ends` is the day on which points expire or a tier ends, `FAR`
    if there is none. `tier` is the index into `TIERS`, -1 in rows about points.
    """

    customer: Values
    day: Values
    kind: Values
    points: Values
    ends: Values
    balance: Values
    tier: Values


def book(earnings: Earnings, is_member: Values, redeem_factor: Values, draws: DayDraws) -> Bookings:
    """Compute the bookings of the programme day by day.

    Args:
        earnings: The points that customers earn.
        is_member: Whether each customer has a contract on each day, [customer, day]; a customer without a
            contract redeems nothing, and gets no row about a tier.
        redeem_factor: The factor on the probability of redeeming, [customer, day].
        draws: The random numbers for each customer and day.
    """
    size, days = is_member.shape
    earned = np.zeros((size, days), dtype=np.int64)
    np.add.at(earned, (earnings.customer, earnings.day), earnings.points)
    # the points earned on each day that are neither redeemed nor expired
    left = np.zeros((size, days), dtype=np.int64)
    balance, tier = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    tier_end = np.full(size, w.FAR)
    recent = np.zeros(size, dtype=np.int64)  # the points earned in the last TIER_DAYS
    never = draws.on(-1, "never redeems") < NEVER_SHARE
    rows: list[tuple[Values, ...]] = []

    def write(customer: Values, day: int, kind: int, points: Values, ends: Values, new_tier: Values) -> None:
        columns = (customer, np.full(len(customer), day), np.full(len(customer), kind), points, ends)
        rows.append((*columns, balance[customer].copy(), new_tier))

    def no_tier(customer: Values) -> Values:
        return np.full(len(customer), -1)

    for day in range(days):
        if day >= LIFE_DAYS:
            losers = np.flatnonzero(left[:, day - LIFE_DAYS] > 0)
            lost = left[losers, day - LIFE_DAYS]
            left[losers, day - LIFE_DAYS] = 0
            balance[losers] -= lost
            write(losers, day, EXPIRE, lost, np.full(len(losers), w.FAR), no_tier(losers))
        earners = np.flatnonzero(earned[:, day] > 0)
        left[earners, day] = earned[earners, day]
        balance[earners] += earned[earners, day]
        ends = np.full(len(earners), day + LIFE_DAYS)
        write(earners, day, EARN, earned[earners, day], ends, no_tier(earners))

        chance = REDEEM_RATE * redeem_factor[:, day]
        redeems = (balance >= COST_OF_GIFT) & is_member[:, day] & ~never
        users = np.flatnonzero(redeems & (draws.on(day, "redeems") < chance))
        used = balance[users] // COST_OF_GIFT * COST_OF_GIFT
        _use_oldest(left, users, used, max(day - LIFE_DAYS + 1, 0), day)
        balance[users] -= used
        write(users, day, REDEEM, used, np.full(len(users), w.FAR), no_tier(users))

        recent += earned[:, day] - (earned[:, day - TIER_DAYS] if day >= TIER_DAYS else 0)
        reached = np.searchsorted(TIER_POINTS, recent, side="right") - 1
        is_due = tier_end == day
        changes = np.flatnonzero(is_member[:, day] & ((reached > tier) | is_due))
        tier_end[is_due] = w.FAR
        tier[changes] = reached[changes]
        tier[is_due & ~is_member[:, day]] = 0  # a customer who left goes to the lowest tier without a booking
        tier_end[changes] = np.where(reached[changes] > 0, day + TIER_DAYS, w.FAR)
        write(changes, day, TIER, np.zeros(len(changes), dtype=np.int64), tier_end[changes], tier[changes])

    columns = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    order = np.lexsort((np.array(BOOKING_SECONDS)[columns[2]], columns[1], columns[0]))
    return Bookings(*(column[order] for column in columns))


def _use_oldest(left: Values, customers: Values, points: Values, first: int, day: int) -> None:
    """Subtract redeemed points from the oldest points of each customer.

    The function changes the array `left`, which holds the remaining points, [customer, day of earning].
    """
    batches = left[customers, first : day + 1]
    before = np.cumsum(batches, axis=1) - batches
    left[customers, first : day + 1] = batches - np.clip(points[:, None] - before, 0, batches)


def _seconds(times: pa.ChunkedArray) -> Values:
    seconds: Values = times.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() // 1_000_000
    return seconds


def _redeem_factor(chunk: Chunk) -> Values:
    """Return the factor by which customers' troubles change the probability of redeeming, [customer, day]."""
    factor = np.ones(chunk.life.phases.shape, dtype=np.float32)
    for name, factors in REDEEM_FACTORS.items():
        phase = (chunk.life.phases >> np.uint16(2 * TROUBLE_NAMES.index(name))) & 3
        factor *= np.array(factors, dtype=np.float32)[phase]
    return factor
