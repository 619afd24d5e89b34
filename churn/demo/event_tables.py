"""Make the tables of events: logins, interactions, referrals, e-mails, surveys and tickets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import (
    Chunk,
    CustomerDays,
    arrival_times,
    categories,
    office_time,
    timestamps,
)
from churn.demo.life import AFTERGLOW
from churn.demo.world import Values, seconds_at

INTERACTIONS = ("search", "report", "export", "upload", "share", "comment", "dashboard", "api")
LATE_EVENT_SHARE = 0.01
TUESDAY = 1
CAMPAIGNS = ("newsletter", "product_news", "tips", "invitation")
PRAISE = (
    "Works well for us.",
    "Quick and friendly.",
    "We use it daily.",
    "Gute Bedienung.",
    "Sehr zufrieden.",
)
BLAME = ("Too many errors.", "Not worth the price.", "Nobody answers.", "Leider oft langsam.", "Enttäuscht.")
COMMENT_SHARE = 0.3


def logins(chunk: Chunk) -> pa.Table:
    """Return logins: they become fewer when a trouble begins, and still fewer after a request to leave."""
    rng = chunk.streams.get("logins")
    active_days = chunk.in_force()
    rate = _use(chunk, active_days) * chunk.people.use_level.astype(np.float32)[active_days.customer]
    event_days = _expand(rng, active_days, rate)
    strays = chunk.with_flag(AFTERGLOW)
    strays = strays.take(rng.random(len(strays)) < 0.004)
    customer, day = (
        np.concatenate([event_days.customer, strays.customer]),
        np.concatenate([event_days.day, strays.day]),
    )
    return _events(chunk, rng, customer, day)


def interactions(chunk: Chunk) -> pa.Table:
    """Return interactions: customers in trouble have fewer interactions, and fewer kinds of interaction."""
    rng = chunk.streams.get("interactions")
    active_days = chunk.in_force()
    level = 0.50 * chunk.people.use_level.astype(np.float32) ** 0.9
    event_days = _expand(rng, active_days, _use(chunk, active_days) * level[active_days.customer])
    narrow = event_days.by_phase("usage_fading", 1.0, 0.8, 0.6, 0.4)
    narrow = narrow * event_days.by_phase("champion_lost", 1.0, 0.7, 0.45, 0.35)
    breadth = np.maximum(chunk.people.breadth[event_days.customer] * narrow, 1.0)
    rank = (rng.random(len(event_days), dtype=np.float32) ** 1.6 * breadth).astype(np.int64)
    kind = (rank * 3 + chunk.people.name[event_days.customer]) % len(INTERACTIONS)
    quantity = 1 + rng.geometric(0.45, len(event_days)) // 2
    table = _events(chunk, rng, event_days.customer, event_days.day)
    return table.append_column("kind", categories(kind, INTERACTIONS)).append_column(
        "quantity", pa.array(quantity.astype(np.int32))
    )


def referrals(chunk: Chunk) -> pa.Table:
    """Return recommendations: customers with a bad experience make few or none."""
    rng = chunk.streams.get("referrals")
    active_days = chunk.in_force()
    mood = np.clip(chunk.people.mood_level - 7.0, 0.2, 3.0).astype(np.float32)
    rate = 0.0011 * mood[active_days.customer] * active_days.by_phase("bad_experience", 1.0, 0.2, 0.0, 0.0)
    referral_days = active_days.take(
        rng.random(len(active_days), dtype=np.float32) < rate * ~active_days.pending
    )
    return pa.table(
        {
            "customer_id": chunk.customer_id(referral_days.customer),
            "happened_at": timestamps(seconds_at(referral_days.day, office_time(rng, len(referral_days)))),
        }
    )


def _use(chunk: Chunk, active_days: CustomerDays) -> Values:
    """Return the usage of each customer on each day, as a multiple of the customer's usual usage.

    The usage also has random noise, which is new in each week.
    """
    first_week = chunk.first_day // 7
    streams = chunk.streams if chunk.memory is None else chunk.streams.on(7 * first_week)
    rng = streams.get("use")
    weeks = (chunk.end_day - 1) // 7 - first_week + 1
    noise = np.exp(rng.normal(-0.02, 0.20, (len(chunk.people), weeks)).astype(np.float32))
    use = w.USE_BY_DAY[active_days.day] * noise[active_days.customer, active_days.day // 7 - first_week]
    use *= active_days.by_phase("usage_fading", 1.0, 0.45, 0.22, 0.10)
    use *= active_days.by_phase("champion_lost", 1.0, 0.45, 0.22, 0.10)
    use *= active_days.by_phase("bad_experience", 1.0, 0.75, 0.55, 0.40)
    use *= active_days.by_phase("away", 1.0, 0.10, 0.10, 0.10)
    use *= np.where(active_days.pending, np.float32(0.45), np.float32(1.0))
    remaining: Values = use
    return remaining


def _expand(rng: np.random.Generator, active_days: CustomerDays, rate: Values) -> CustomerDays:
    """Draw how often an event happens to each customer on each day, and return one row for each event."""
    return active_days.take(np.repeat(np.arange(len(active_days)), rng.poisson(rate)))


def _events(chunk: Chunk, rng: np.random.Generator, customer: Values, day: Values) -> pa.Table:
    happened_at = seconds_at(day, office_time(rng, len(customer)))
    known_at, late = arrival_times(rng, happened_at, LATE_EVENT_SHARE)
    return pa.table(
        {
            "customer_id": chunk.customer_id(customer),
            "happened_at": timestamps(happened_at),
            "known_at": timestamps(known_at),
            "late": pa.array(late),
        }
    )


def emails(chunk: Chunk) -> pa.Table:
    """Return a newsletter on most Tuesdays and a few other e-mails, until the customer unsubscribes.

    Customers who left get e-mails for two more weeks, and rarely open them.
    """
    rng = chunk.streams.get("emails")
    active_days = chunk.mailable()
    newsletter = w.WEEKDAY[active_days.day] == TUESDAY
    mail_days = active_days.take(
        rng.random(len(active_days), dtype=np.float32) < np.where(newsletter, 0.85, 0.075)
    )
    size = len(mail_days)
    is_opened = rng.random(size) < _chance_to_open(chunk, mail_days)
    is_clicked = is_opened & (rng.random(size) < 0.30)
    unsubscribe_rate = mail_days.by_phase("mail_fatigue", 0.0006, 0.004, 0.010, 0.020)
    is_unsubscribed = rng.random(size) < unsubscribe_rate * np.where(is_opened, 1.0, 0.35)
    is_subscribed = ~_earlier(mail_days.customer, is_unsubscribed)
    if chunk.memory is not None:
        is_subscribed &= ~chunk.memory["unsubscribed"][mail_days.customer]
        chunk.memory["unsubscribed"][mail_days.customer[is_unsubscribed]] = True
    mail_days, size = mail_days.take(is_subscribed), int(is_subscribed.sum())
    is_opened, is_clicked = is_opened[is_subscribed], is_clicked[is_subscribed]
    is_unsubscribed = is_unsubscribed[is_subscribed]

    number = np.where(w.WEEKDAY[mail_days.day] == TUESDAY, 0, rng.integers(1, len(CAMPAIGNS), size))
    sent_at = seconds_at(mail_days.day, 7 * 3600 + rng.integers(0, 1800, size))
    opened_at = sent_at + (np.exp(rng.normal(9.6, 1.3, size))).astype(np.int64).clip(40, 12 * w.DAY_SECONDS)
    clicked_at = opened_at + rng.integers(5, 900, size)
    unsubscribed_at = np.where(is_opened, opened_at, sent_at + 3600) + 60
    return pa.table(
        {
            "customer_id": chunk.customer_id(mail_days.customer),
            "sent_at": timestamps(sent_at),
            "opened_at": timestamps(chunk.times_known(opened_at, is_opened)),
            "clicked_at": timestamps(chunk.times_known(clicked_at, is_clicked)),
            "unsubscribed_at": timestamps(chunk.times_known(unsubscribed_at, is_unsubscribed)),
            "campaign": categories(number, CAMPAIGNS),
        }
    )


def _chance_to_open(chunk: Chunk, mail_days: CustomerDays) -> Values:
    chance = chunk.people.open_level.astype(np.float32)[mail_days.customer]
    chance = chance * mail_days.by_phase("mail_fatigue", 1.0, 0.30, 0.10, 0.04)
    chance *= mail_days.by_phase("champion_lost", 1.0, 0.60, 0.30, 0.18)
    chance *= mail_days.by_phase("away", 1.0, 0.35, 0.35, 0.35)
    has_left = (mail_days.status & 3) == 0
    chance *= np.where(has_left, 0.25, np.where(mail_days.pending, 0.6, 1.0))
    return chance


def _earlier(customer: Values, event: Values) -> Values:
    """Return for each row whether the same customer had the event in an earlier row; the rows are ordered by
    customer.
    """
    before = np.cumsum(event) - event
    first_row = (
        np.concatenate([[True], customer[1:] != customer[:-1]]) if len(customer) else np.zeros(0, dtype=bool)
    )
    at_first = np.maximum.accumulate(np.where(first_row, before, 0))
    earlier: Values = before > at_first
    return earlier


def surveys(chunk: Chunk) -> pa.Table:
    """Return surveys: half of them are answered, and a bad experience brings more surveys and lower
    ratings.
    """
    rng = chunk.streams.get("surveys")
    active_days = chunk.in_force()
    rate = active_days.by_phase("bad_experience", 1 / 30, 1 / 12, 1 / 12, 1 / 12)
    survey_days = active_days.take(
        rng.random(len(active_days), dtype=np.float32) < rate * ~active_days.pending
    )
    size = len(survey_days)
    is_answered = rng.random(size) < survey_days.by_phase("bad_experience", 0.58, 0.58, 0.55, 0.52)
    drop = survey_days.by_phase("bad_experience", 0.0, 3.0, 4.4, 5.2)
    drop += survey_days.by_phase("slow_support", 0.0, 1.6, 2.2, 2.6)
    rating = np.clip(
        np.round(chunk.people.mood_level[survey_days.customer] - drop + rng.normal(0.0, 1.1, size)), 0, 10
    )
    asked_at = seconds_at(survey_days.day, office_time(rng, size))
    answered_at = chunk.times_known(asked_at + rng.integers(600, 4 * w.DAY_SECONDS, size), is_answered)
    silent = answered_at < 0
    return pa.table(
        {
            "customer_id": chunk.customer_id(survey_days.customer),
            "asked_at": timestamps(asked_at),
            "answered_at": timestamps(answered_at),
            "rating": pa.array(rating.astype(np.int32), mask=silent),
            "comment": _comments(rng, rating, silent),
        }
    )


def tickets(chunk: Chunk) -> pa.Table:
    """Return support tickets: if support is slow, there are more tickets and the replies come later."""
    rng = chunk.streams.get("tickets")
    active_days = chunk.in_force()
    rate = 0.011 * (0.4 + 0.6 * w.USE_BY_DAY[active_days.day])
    rate *= active_days.by_phase("slow_support", 1.0, 6.0, 8.0, 9.0)
    rate *= active_days.by_phase("bad_experience", 1.0, 3.0, 4.0, 4.0)
    ticket_days = active_days.take(
        rng.random(len(active_days), dtype=np.float32) < rate * ~active_days.pending
    )
    size = len(ticket_days)
    opened_at = seconds_at(ticket_days.day, office_time(rng, size))
    slower = ticket_days.by_phase("slow_support", 1.0, 4.5, 8.0, 10.0)
    reply_hours = np.minimum(np.exp(rng.normal(1.3, 0.8, size)) * slower, 480.0)
    replied_at = opened_at + (reply_hours * 3600).astype(np.int64)
    closed_at = replied_at + (np.exp(rng.normal(2.6, 1.0, size)) * np.sqrt(slower) * 3600).astype(np.int64)
    closes = rng.random(size) < np.where(slower > 1, 0.85, 0.97)
    rates = closes & (rng.random(size) < 0.4)
    drop = ticket_days.by_phase("bad_experience", 0.0, 1.2, 1.8, 2.0)
    drop += ticket_days.by_phase("slow_support", 0.0, 0.7, 1.2, 1.4)
    satisfaction = np.clip(np.round(4.3 - drop + rng.normal(0.0, 0.8, size)), 1, 5)
    closed_at = chunk.times_known(closed_at, closes)
    return pa.table(
        {
            "customer_id": chunk.customer_id(ticket_days.customer),
            "opened_at": timestamps(opened_at),
            "first_reply_at": timestamps(chunk.times_known(replied_at)),
            "closed_at": timestamps(closed_at),
            "satisfaction": pa.array(satisfaction.astype(np.int32), mask=~rates | (closed_at < 0)),
            "due_at": timestamps(opened_at + w.DAY_SECONDS),
        }
    )


def _comments(rng: np.random.Generator, rating: Values, silent: Values) -> pa.Array:
    words = PRAISE + BLAME
    comment = rng.integers(0, len(PRAISE), len(rating)) + np.where(rating <= 6, len(PRAISE), 0)
    missing = silent | (rng.random(len(rating)) >= COMMENT_SHARE)
    return pa.DictionaryArray.from_arrays(pa.array(comment.astype(np.int32), mask=missing), pa.array(words))
