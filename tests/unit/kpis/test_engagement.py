from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.kpis.company import Company
from churn.kpis.company_sections import engagement_of
from churn.kpis.engagement import engagement_scores, engagement_section, percentile_among, window_before
from churn.kpis.segments import Segmentation, all_customers
from tests.drawn_company import draw

WINDOW = window_before(date(2025, 3, 1))


def test_a_percentile_is_the_middle_of_the_ranks_among_peers() -> None:
    values = np.array([5.0, 1.0, 1.0, 7.0, 2.0, np.nan])
    peers = np.array([0, 0, 0, 0, 1, 1])

    result = percentile_among(values, peers)

    assert result[:5] == pytest.approx([5 / 8, 1 / 4, 1 / 4, 7 / 8, 1 / 2])
    assert np.isnan(result[5])
    assert len(percentile_among(np.zeros(0), np.zeros(0, dtype=np.int64))) == 0


def test_a_family_that_a_customer_cannot_have_drops_out_and_lowers_the_coverage() -> None:
    activity = {"logins": np.array([1.0, 2.0]), "emails": np.array([np.nan, 0.5])}

    scores = engagement_scores(activity, np.array([0, 0]))

    assert scores.score == pytest.approx([25, (75 + 50) / 2])
    assert scores.coverage == pytest.approx([0.5, 1])


def test_the_mean_is_of_active_customers_and_of_each_segment() -> None:
    activity = {"logins": np.array([0.0, 3.0, 9.0, 100.0])}
    plan = Segmentation("plan", ("(missing)", "basic", "pro"), np.array([1, 1, 2, 2]))
    is_active = np.array([True, True, True, False])

    result = engagement_section(
        activity, np.zeros(4, dtype=np.int64), is_active, [all_customers(4), plan], WINDOW
    )

    means = {figure.slice.level if figure.slice else None: figure.value for figure in result.figures}
    assert means == pytest.approx({None: 50, "basic": 100 / 3, "pro": 100 * 5 / 6})
    assert result.figures[0].n == 3
    assert result.figures[0].notes == ("families: logins", "coverage 100%")


def test_without_activity_or_active_customers_the_score_is_missing() -> None:
    nobody = engagement_section(
        {"logins": np.zeros(1)},
        np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=bool),
        [all_customers(1)],
        WINDOW,
    )
    nothing = engagement_section(
        {}, np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool), [all_customers(1)], WINDOW
    )

    assert nobody.figures[0].reason == "nobody is active at the cutoff"
    assert "no table of activity" in str(nothing.figures[0].reason)


def test_the_activity_of_the_last_28_days_is_read_as_known_at_the_cutoff(tmp_path: Path) -> None:
    drawn = draw(
        tmp_path,
        since=None,
        label={"kind": "inactivity", "table": "logins", "horizon_days": 30},
        logins="""
            customer_id | happened_at
            anna        | 2024-06-03 10:00
            anna        | 2024-06-30 10:00
            ben         | 2024-06-02 10:00
            cleo        | 2024-07-01 10:00
        """,
        emails="""
            customer_id | sent_at          | opened_at
            ben         | 2024-06-20 10:00 | 2024-06-21 10:00
            ben         | 2024-06-21 10:00 | 2024-07-05 10:00
        """,
    )

    (figure,) = engagement_of(Company(drawn.store, date(2024, 7, 1))).figures

    # logins in the window: anna 2, ben 0; mails: ben alone, and cleo is not active yet
    assert figure.value == pytest.approx((75 + (25 + 50) / 2) / 2)
    assert figure.notes == ("families: logins, emails", "coverage 75%")
