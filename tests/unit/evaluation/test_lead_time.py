from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from churn.evaluation.lead_time import measure_lead_time
from tests.small_snapshots import rows_of, snapshots_from
from tests.unit.evaluation.conftest import draw_snapshots


def test_the_auc_falls_where_trouble_shows_only_just_before_leaving(test_set_of) -> None:
    leads = measure_lead_time(test_set_of(draw_snapshots()), gap_days=0, threads=1)

    assert [lead.days for lead in leads] == [0, 28, 56, 84, 112]
    assert leads[0].fall.value == 0
    assert all(lead.fall.low > 0.1 and lead.low < 0.5 < lead.high for lead in leads[1:])


def test_the_auc_stays_where_trouble_stays(test_set_of) -> None:
    rng = np.random.default_rng(1)
    trouble = np.tile(rng.normal(size=400), 8)
    left = rng.random(3200) < 1 / (1 + np.exp(1.2 - 1.5 * trouble))
    snapshots = snapshots_from(rows_of({"trouble": trouble}, left, cutoffs=8))

    leads = measure_lead_time(test_set_of(snapshots), gap_days=0, threads=1)

    assert all(abs(lead.fall.value) < 0.05 for lead in leads)


def test_customers_count_who_are_at_risk_at_both_ends(test_set_of) -> None:
    whole = draw_snapshots()
    new = (whole.rows.customer < 100) & (whole.rows.cutoff < whole.rows.cutoff.max())
    snapshots = replace(whole, rows=whole.rows.where(~new))

    leads = measure_lead_time(
        test_set_of(snapshots, test_cutoffs=snapshots.cutoffs[-1:]), gap_days=0, threads=1
    )

    assert [lead.rows for lead in leads] == [400, 300, 300, 300, 300]


def test_the_gap_is_a_lead_of_its_own(test_set_of) -> None:
    monthly = draw_snapshots()
    weekly = {day: day - timedelta(days=21 * number) for number, day in enumerate(monthly.cutoffs)}
    cutoff = monthly.rows.cutoff - 21 * ((monthly.rows.cutoff - monthly.rows.cutoff[0]) // 28)
    snapshots = replace(
        monthly,
        rows=replace(monthly.rows, cutoff=cutoff),
        mature_on={day: day + timedelta(days=7) for day in weekly.values()},
    )

    leads = measure_lead_time(
        test_set_of(snapshots, test_cutoffs=snapshots.cutoffs[-1:]), gap_days=7, threads=1
    )

    assert [lead.days for lead in leads] == [0, 7, 28]
