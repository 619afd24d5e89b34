from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.figure import Period
from churn.kpis.referrals import referral_figures
from churn.kpis.spells import ActivitySpells
from churn.kpis.voice_rows import ContactDays

A, B = day_number(date(2025, 3, 1)), day_number(date(2025, 4, 1))
MARCH = Period(kind="month", start=date(2025, 3, 1), end=date(2025, 4, 1))


def test_the_referral_rate_counts_customers_active_at_the_start_once() -> None:
    active = ActivitySpells(
        np.arange(4), np.array([A - 9, A - 9, A - 9, A + 1]), np.full(4, NEVER), None, 0, 0
    )
    referrals = ContactDays.of_tables(
        (np.array([0, 0, 1, 2, 3]), np.array([A, A + 3, B, A - 1, A + 2], dtype=np.int64))
    )

    (figure,) = referral_figures(active, referrals, {"month": [MARCH]}, latest=MARCH)
    (missing,) = referral_figures(active, None, {"month": [MARCH]}, latest=MARCH)

    assert (figure.value, figure.n) == (pytest.approx(100 / 3), 3)
    assert missing.reason == "no referrals: map tables.referrals"
