"""Make the tables of customers, subscriptions, payments and orders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import (
    NO_TIME,
    STATUS_BITS,
    Chunk,
    CustomerDays,
    arrival_times,
    categories,
    office_time,
    timestamps,
)
from churn.demo.life import CHARGE, INACTIVE, START_SECOND, STARTING
from churn.demo.relation_tables import accounts, addresses
from churn.demo.troubles import TROUBLE_NAMES
from churn.demo.world import Values, seconds_at

END_REASONS = ("request", "payment", "renewed", "plan change")
REQUEST, PAYMENT, RENEWAL, PLAN_CHANGE = range(4)
DUNNING_SECOND = 6 * 3600
LATE_ORDER_SHARE = 0.01
UNPAID_PHASE = 2
"""The phase of payment trouble from which on a charge has failed and is not yet paid."""

FOUNDERS = (
    "Ahrens", "Bachmann", "Carter", "Dubois", "Egger", "Fischer", "Gruber", "Hartmann", "Ismail", "Jansen",
    "Keller", "Lorenz", "Mercier", "Novak", "Olsen", "Peters", "Quinn", "Richter", "Schuster", "Turner",
    "Ulrich", "Vogel", "Wagner", "Yilmaz", "Ziegler", "Albrecht", "Brandt", "Cooper", "Dorn", "Evans",
)  # fmt: skip
TRADES = (
    "Logistics", "Optik", "Bakery", "Studio", "Metall", "Garden", "Print", "Energie", "Dental", "Furniture",
    "Travel", "Textil", "Audio", "Consulting", "Elektro", "Foods", "Software", "Bau", "Academy", "Fitness",
)  # fmt: skip
FORMS = ("GmbH", "AG", "& Co", "Ltd", "KG", "Partners", "Group")


def customers(chunk: Chunk) -> pa.Table:
    """Return one row for each customer; nobody signs up after the end of the history."""
    rng, people = chunk.streams.get("customers"), chunk.people
    size = len(people)
    signed_up_at = seconds_at(people.first_start, office_time(rng, size))
    objects_on = np.maximum(people.first_start, 0) + rng.integers(5, 500, size)
    objected_at = chunk.times_known(seconds_at(objects_on, office_time(rng, size)), people.objects)
    return pa.table(
        {
            "customer_id": chunk.customer_id(np.arange(size)),
            "signed_up_at": timestamps(signed_up_at),
            "name": _names(people.name),
            "language": categories(people.german.astype(np.int64), ("en", "de")),
            "country": categories(people.country, w.COUNTRIES),
            "company_size": categories(people.size, w.SIZES),
            "industry": categories(people.industry, w.INDUSTRIES),
            "channel": categories(people.channel, w.CHANNELS),
            "objected_at": timestamps(objected_at),
            "email": addresses(chunk),
            "account_id": accounts(chunk),
        }
    )


def _names(numbers: Values) -> pa.Array:
    first, founder = np.divmod(numbers, len(FOUNDERS))
    second, third = np.divmod(first, len(TRADES))
    parts = ((FOUNDERS, founder), (TRADES, second), (FORMS, third % len(FORMS)))
    words = [np.array(words)[codes % len(words)] for words, codes in parts]
    names = words[0]
    for word in words[1:]:
        names = np.char.add(np.char.add(names, " "), word)
    return pa.array(names)


@dataclass(frozen=True)
class _Rows:
    """Rows of contracts, with dates as day numbers. Shape [row]. The end `FAR` means: no end yet."""

    spell: Values
    start: Values
    end: Values
    reason: Values

    def take(self, rows: Values) -> _Rows:
        return _Rows(self.spell[rows], self.start[rows], self.end[rows], self.reason[rows])


def subscriptions(chunk: Chunk) -> pa.Table:
    """Return the contracts: one row for each monthly contract, and one row for each term of a yearly
    contract.

    A row ends when its contract ends, when the contract is renewed for another year, or when the plan
    changes. `renews_at` is the end of a yearly term, at most a year after the row's start. A monthly contract
    has no `renews_at`. If it had one, this date would move on every month until the contract ends. So a date
    in the future would show who is still a customer.
    """
    people, spells = chunk.people, chunk.life.spells
    rows = _split_by_plan(chunk, _terms(chunk))
    customer = spells.customer[rows.spell]
    request_day = spells.request_day[rows.spell]
    has_request = (request_day >= rows.start) & (request_day < rows.end) & (request_day < w.FAR)
    request_at = seconds_at(request_day, _request_seconds(chunk)[rows.spell])
    # A spell begins on the evening of its first day. A later term, or another plan, begins at midnight.
    first_second = np.where(rows.start == spells.start[rows.spell], START_SECOND, 0)
    last_second = np.where(rows.reason == PAYMENT, DUNNING_SECOND, 0)
    ended_at = chunk.times_known(seconds_at(rows.end, last_second), rows.end < w.FAR)
    term = (rows.start - spells.start[rows.spell]) // w.YEAR_DAYS
    renews = seconds_at(spells.start[rows.spell] + (term + 1) * w.YEAR_DAYS)
    return pa.table(
        {
            "customer_id": chunk.customer_id(customer),
            "started_at": timestamps(seconds_at(rows.start, first_second)),
            "ended_at": timestamps(ended_at),
            "plan": categories(people.plan_on(customer, rows.start), w.PLANS),
            "mrr": pa.array(people.price_on(customer, rows.start)),
            "renews_at": timestamps(np.where(people.yearly[customer], renews, NO_TIME)),
            "auto_renew": pa.array(people.auto_renew[customer]),
            "cancel_requested_at": timestamps(chunk.times_known(request_at, has_request)),
            "reason": categories(rows.reason, END_REASONS, missing=ended_at == NO_TIME),
        }
    )


def _request_seconds(chunk: Chunk) -> Values:
    """Return per spell (unbroken contract) the time of day of the request to leave, in seconds, `[spell]`."""
    spells = chunk.life.spells
    is_later = spells.start >= w.HISTORY_DAYS
    seconds = np.zeros(len(spells.start), dtype=np.int64)
    seconds[~is_later] = office_time(chunk.streams.get("subscriptions"), int((~is_later).sum()))
    for day in np.unique(spells.start[is_later]).tolist():
        starters = spells.start == day
        of_day = office_time(chunk.streams.on(day).get("subscriptions"), len(chunk.people))
        seconds[starters] = of_day[spells.customer[starters]]
    return seconds


def _terms(chunk: Chunk) -> _Rows:
    """Return one row for each unbroken monthly contract, and one row for each year of a yearly contract."""
    people, spells = chunk.people, chunk.life.spells
    yearly = people.yearly[spells.customer]
    last_day = np.minimum(spells.end, chunk.end_day)
    count = np.where(yearly, 1 + np.maximum(last_day - 1 - spells.start, 0) // w.YEAR_DAYS, 1)
    spell = np.repeat(np.arange(len(count)), count)
    term = np.arange(len(spell)) - np.repeat(np.cumsum(count) - count, count)
    start = spells.start[spell] + term * w.YEAR_DAYS
    final = term == count[spell] - 1
    end = np.where(final, spells.end[spell], start + w.YEAR_DAYS)
    reason = np.where(final, np.where(spells.by_dunning[spell], PAYMENT, REQUEST), RENEWAL)
    return _Rows(spell, start, end, reason)


def _split_by_plan(chunk: Chunk, rows: _Rows) -> _Rows:
    """Split the row in which a customer changes the plan, unless the customer has already asked to leave."""
    people, spells = chunk.people, chunk.life.spells
    customer = spells.customer[rows.spell]
    change = people.plan_change[customer]
    inside = (rows.start < change) & (change < np.minimum(rows.end, chunk.end_day))
    changes = (
        inside
        & (change < spells.request_day[rows.spell])
        & (people.plan[customer] != people.plan_after[customer])
    )
    after = replace(rows.take(changes), start=change[changes])
    both_parts = _Rows(
        np.concatenate([rows.spell, after.spell]),
        np.concatenate([rows.start, after.start]),
        np.concatenate([np.where(changes, change, rows.end), after.end]),
        np.concatenate([np.where(changes, PLAN_CHANGE, rows.reason), after.reason]),
    )
    return both_parts.take(np.lexsort((both_parts.start, both_parts.spell)))


def payments(chunk: Chunk) -> pa.Table:
    """Return one invoice per customer and month.

    A customer in an early phase of payment trouble pays late. In a later phase the charge fails, and the
    invoice stays unpaid until the trouble is over.
    """
    rng = chunk.streams.get("payments")
    due = chunk.with_flag(CHARGE)
    size = len(due)
    phase = due.phase("payment_trouble")
    is_unpaid = phase >= UNPAID_PHASE
    recovery_day = _recovery_day(chunk, due, is_unpaid)
    punctual = rng.gamma(1.2, 0.8, size)
    careless = np.where(rng.random(size) < 0.05, rng.uniform(3.0, 11.0, size), punctual)
    delay_days = np.where(phase == 1, rng.uniform(4.0, 22.0, size), careless)
    due_at = seconds_at(due.day, np.where(due.status & STARTING, START_SECOND, 0))
    paid_in_time = due_at + (delay_days * w.DAY_SECONDS).astype(np.int64) + 6 * 3600
    paid_late = seconds_at(recovery_day, office_time(rng, size))
    # Each charge may fail once and succeed at the second attempt; this is noise without a meaning.
    fails_once = ~is_unpaid & (rng.random(size) < np.where(phase == 1, 0.35, 0.008))
    failed_at = due_at + rng.integers(5 * 3600, 8 * 3600, size)
    paid_at = np.where(is_unpaid, paid_late, np.maximum(paid_in_time, failed_at + fails_once * w.DAY_SECONDS))
    return pa.table(
        {
            "customer_id": chunk.customer_id(due.customer),
            "due_at": timestamps(due_at),
            "amount": pa.array(chunk.people.price_on(due.customer, due.day)),
            "paid_at": timestamps(chunk.times_known(paid_at, ~is_unpaid | (recovery_day < w.FAR))),
            "failed_at": timestamps(chunk.times_known(failed_at, is_unpaid | fails_once)),
            "card_expires_at": timestamps(seconds_at(_card_on_file(chunk, due, phase))),
            "invoice_id": _invoice_ids(chunk, due),
        }
    )


def orders(chunk: Chunk) -> pa.Table:
    """Return the table of orders.

    Customers who spend less place fewer orders, and customers with a bad experience send more orders back.
    """
    rng = chunk.streams.get("orders")
    active_days = chunk.in_force()
    rate = chunk.people.order_level.astype(np.float32)[active_days.customer] * (
        0.5 + 0.5 * w.USE_BY_DAY[active_days.day]
    )
    rate *= active_days.by_phase("spending_less", 1.0, 0.35, 0.12, 0.05)
    rate *= active_days.by_phase("champion_lost", 1.0, 0.60, 0.35, 0.25)
    # A customer uses some stock each day, in uneven amounts, and orders after each whole unit. So each
    # customer has a regular rhythm of orders. A few orders are skipped.
    use = rng.gamma(0.25, 4.0, len(active_days)) * rate * np.where(active_days.pending, 0.2, 1.0)
    if chunk.memory is None:
        stock_used = np.cumsum(use)
        stock_before = np.concatenate([[0.0], stock_used[:-1]])
    else:
        stock_before = chunk.memory["stock"][active_days.customer]
        stock_used = stock_before + use
        chunk.memory["stock"][active_days.customer] = stock_used
    falls_due = np.floor(stock_used) > np.floor(stock_before)
    order_days = active_days.take(falls_due & (rng.random(len(active_days)) < 0.92))
    size = len(order_days)
    basket_factor = order_days.by_phase("spending_less", 1.0, 0.8, 0.6, 0.5)
    full_price = (
        chunk.people.basket_level[order_days.customer] * basket_factor * np.exp(rng.normal(0.0, 0.45, size))
    )
    has_discount = rng.random(size) < 0.18
    discount = np.where(has_discount, np.round(full_price * rng.uniform(0.05, 0.25, size), 2), 0.0)
    ordered_at = seconds_at(order_days.day, office_time(rng, size))
    known_at, late = arrival_times(rng, ordered_at, LATE_ORDER_SHARE)
    is_returned = rng.random(size) < order_days.by_phase("bad_experience", 0.035, 0.10, 0.14, 0.16)
    returned_at = ordered_at + rng.integers(3 * w.DAY_SECONDS, 25 * w.DAY_SECONDS, size)
    return pa.table(
        {
            "customer_id": chunk.customer_id(order_days.customer),
            "ordered_at": timestamps(ordered_at),
            "amount": pa.array(np.round(np.maximum(full_price - discount, 1.0), 2)),
            "returned_at": timestamps(chunk.times_known(returned_at, is_returned)),
            "units": pa.array(rng.geometric(0.4, size).astype(np.int32)),
            "discount": pa.array(discount),
            "known_at": timestamps(known_at),
            "late": pa.array(late),
        }
    )


def _recovery_day(chunk: Chunk, due: CustomerDays, is_unpaid: Values) -> Values:
    """Return for each unpaid charge the first later day on which the customer can pay again.

    All other charges get `FAR`. An unpaid charge also gets `FAR` if the customer leaves, or the history ends,
    before the customer can pay again.
    """
    day = np.full(len(due), w.FAR)
    open_charges = np.flatnonzero(is_unpaid)
    shift = np.uint16(2 * TROUBLE_NAMES.index("payment_trouble"))
    day_now = due.day[open_charges].astype(np.int64)
    while len(open_charges):
        day_now += 1
        inside = day_now < chunk.end_day
        open_charges, day_now = open_charges[inside], day_now[inside]
        customer, column = due.customer[open_charges], day_now - chunk.first_day
        has_left = (chunk.life.status[customer, column] & STATUS_BITS) == INACTIVE
        is_recovered = ~has_left & (((chunk.life.phases[customer, column] >> shift) & 3) < UNPAID_PHASE)
        day[open_charges[is_recovered]] = day_now[is_recovered]
        open_charges, day_now = open_charges[~has_left & ~is_recovered], day_now[~has_left & ~is_recovered]
    return day


def _card_on_file(chunk: Chunk, due: CustomerDays, phase: Values) -> Values:
    """Return for each charge the last day on which the customer's card is valid.

    A customer in payment trouble renews the card up to 120 days too late; other customers renew it in time.
    """
    first = chunk.people.card_expires[due.customer]
    is_old = (phase > 0) & (due.day < first + 120)
    card: Values = np.where((due.day < first) | is_old, first, first + 4 * w.YEAR_DAYS)
    return card


def _invoice_ids(chunk: Chunk, due: CustomerDays) -> pa.Array:
    numbers = chunk.people.number[due.customer].astype(np.int64) * 1000 + due.day
    return pa.array(np.char.add("I", numbers.astype("U12")).astype(object), type=pa.string())
