"""Who the customers are and what they have signed: customers and subscriptions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import NEVER, Chunk, labels, office_time, so_far, stamps
from churn.demo.life import START_SECOND
from churn.demo.world import Array, seconds_at

REASONS = ("request", "payment", "renewed", "plan change")
REQUEST, PAYMENT, RENEWED, PLAN_CHANGE = range(4)
LONGEST_TERMS = 6
DUNNING_SECOND = 6 * 3600

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
    """Return one row a customer, as signed up; those yet to sign up after the watermark do not exist."""
    rng, people = chunk.streams.get("customers"), chunk.people
    size = len(people)
    signed_up = seconds_at(people.first_start, office_time(rng, size))
    objects_on = np.maximum(people.first_start, 0) + rng.integers(5, 500, size)
    objected = so_far(seconds_at(objects_on, office_time(rng, size)), people.objects)
    return pa.table(
        {
            "customer_id": chunk.customer_id(np.arange(size)),
            "signed_up_at": stamps(signed_up),
            "name": _names(people.name),
            "language": labels(people.german.astype(np.int64), ("en", "de")),
            "country": labels(people.country, w.COUNTRIES),
            "company_size": labels(people.size, w.SIZES),
            "industry": labels(people.industry, w.INDUSTRIES),
            "channel": labels(people.channel, w.CHANNELS),
            "objected_at": stamps(objected),
        }
    )


def _names(drawn: Array) -> pa.Array:
    first, rest = np.divmod(drawn, len(FOUNDERS))
    second, third = np.divmod(first, len(TRADES))
    parts = ((FOUNDERS, rest), (TRADES, second), (FORMS, third % len(FORMS)))
    words = [np.array(words)[codes % len(words)] for words, codes in parts]
    named = words[0]
    for word in words[1:]:
        named = np.char.add(np.char.add(named, " "), word)
    return pa.array(named)


@dataclass(frozen=True)
class _Rows:
    """Contract rows under way, in days; shape [row]. `FAR` is a time not reached."""

    spell: Array
    start: Array
    end: Array
    reason: Array

    def take(self, picked: Array) -> _Rows:
        return _Rows(self.spell[picked], self.start[picked], self.end[picked], self.reason[picked])


def subscriptions(chunk: Chunk) -> pa.Table:
    """Return the contracts: a monthly one is one open row, a yearly one a row for each term.

    A row ends when its contract ends, is renewed for another year, or changes plan. `renews_at` is the end of
    a yearly term and never lies more than a year after the row's start; a monthly contract has none, for a
    date that is moved on every month inside one row would say who is still here.
    """
    people, spells = chunk.people, chunk.life.spells
    rows = _split_by_plan(chunk, _terms(chunk))
    who = spells.who[rows.spell]
    asked = spells.requested[rows.spell]
    rows_of_request = (asked >= rows.start) & (asked < rows.end) & (asked < w.FAR)
    rng = chunk.streams.get("subscriptions")
    asked_at = seconds_at(asked, office_time(rng, len(spells.who))[rows.spell])
    # A spell begins on the evening of signing, a further term or another plan at midnight.
    first_second = np.where(rows.start == spells.start[rows.spell], START_SECOND, 0)
    last_second = np.where(rows.reason == PAYMENT, DUNNING_SECOND, 0)
    ended = so_far(seconds_at(rows.end, last_second), rows.end < w.FAR)
    term = (rows.start - spells.start[rows.spell]) // w.YEAR_DAYS
    renews = seconds_at(spells.start[rows.spell] + (term + 1) * w.YEAR_DAYS)
    return pa.table(
        {
            "customer_id": chunk.customer_id(who),
            "started_at": stamps(seconds_at(rows.start, first_second)),
            "ended_at": stamps(ended),
            "plan": labels(people.plan_on(who, rows.start), w.PLANS),
            "mrr": pa.array(people.price_on(who, rows.start)),
            "renews_at": stamps(np.where(people.yearly[who], renews, NEVER)),
            "auto_renew": pa.array(people.auto_renew[who]),
            "cancel_requested_at": stamps(so_far(asked_at, rows_of_request)),
            "reason": labels(rows.reason, REASONS, missing=ended == NEVER),
        }
    )


def _terms(chunk: Chunk) -> _Rows:
    """Return one row for each spell of a monthly contract and for each term of a yearly one."""
    people, spells = chunk.people, chunk.life.spells
    yearly = people.yearly[spells.who]
    last_day = np.minimum(spells.end, w.HISTORY_DAYS)
    count = np.where(yearly, 1 + np.maximum(last_day - 1 - spells.start, 0) // w.YEAR_DAYS, 1)
    spell = np.repeat(np.arange(len(count)), count)
    term = np.arange(len(spell)) - np.repeat(np.cumsum(count) - count, count)
    start = spells.start[spell] + term * w.YEAR_DAYS
    final = term == count[spell] - 1
    end = np.where(final, spells.end[spell], start + w.YEAR_DAYS)
    reason = np.where(final, np.where(spells.by_dunning[spell], PAYMENT, REQUEST), RENEWED)
    return _Rows(spell, start, end, reason)


def _split_by_plan(chunk: Chunk, rows: _Rows) -> _Rows:
    """Split the row in which a customer changes plan, unless leaving has been asked for before."""
    people, spells = chunk.people, chunk.life.spells
    who = spells.who[rows.spell]
    change = people.plan_change[who]
    inside = (rows.start < change) & (change < np.minimum(rows.end, w.HISTORY_DAYS))
    changes = inside & (change < spells.requested[rows.spell]) & (people.plan[who] != people.plan_after[who])
    after = replace(rows.take(changes), start=change[changes])
    joined = _Rows(
        np.concatenate([rows.spell, after.spell]),
        np.concatenate([rows.start, after.start]),
        np.concatenate([np.where(changes, change, rows.end), after.end]),
        np.concatenate([np.where(changes, PLAN_CHANGE, rows.reason), after.reason]),
    )
    return joined.take(np.lexsort((joined.start, joined.spell)))
