"""The share of active customers who recommend the company."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np

from churn.data.store import Store, day_number
from churn.kpis.figure import Figure, Period, missing_figure
from churn.kpis.retention import NOBODY_AT_START, share_figure
from churn.kpis.spells import ActivitySpells
from churn.kpis.voice_rows import ContactDays

NO_REFERRALS = "no referrals: map tables.referrals"


def read_referrals(store: Store, cutoff: date) -> ContactDays | None:
    """Read the days on which customers recommended the company; None if the store has no referrals."""
    if not store.has("referrals"):
        return None
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer, day FROM {store.scan('referrals')} "
            f"WHERE {store.visible_before('referrals', cutoff)}"
        ).fetchnumpy()
    return ContactDays.of_tables(
        (np.asarray(rows["customer"], dtype=np.int64), np.asarray(rows["day"], dtype=np.int64))
    )


def referral_figures(
    spells: ActivitySpells,
    referrals: ContactDays | None,
    periods: Mapping[str, Sequence[Period]],
    *,
    latest: Period,
) -> Iterator[Figure]:
    """Yield the referral rate of each period.

    The rate is the share of customers active at the start of the period who recommend the company during the
    period.

    Args:
        spells: When customers were active.
        referrals: The days of referrals; None if the source has none.
        periods: Consecutive periods by kind, such as week or month.
        latest: The latest period. If the source has no referrals, the result is one figure without a value,
            for this period.
    """
    if referrals is None:
        yield missing_figure("referral_rate", latest, NO_REFERRALS)
        return
    for sequence in periods.values():
        for period in sequence:
            start, end = day_number(period.start), day_number(period.end)
            active = spells.customer[(spells.start < start) & (start <= spells.end)]
            counts = referrals.count_between(
                active, np.full(len(active), start), np.full(len(active), end - 1)
            )
            n_hits = int((counts > 0).sum())
            yield share_figure("referral_rate", period, n_hits, len(active), NOBODY_AT_START)
