"""How long customers stay."""

from __future__ import annotations

import numpy as np
import pytest

from churn.labels.kaplan_meier import Lives, risk_table, survival_curve


def lives(rows: str) -> Lives:
    """Read lives as `days` or `days+` (still there), with `entry>` in front for those who came late."""
    days, has_left, entry = [], [], []
    for word in rows.split():
        late, _, rest = word.rpartition(">")
        entry.append(int(late or 0))
        days.append(int(rest.rstrip("+")))
        has_left.append(not rest.endswith("+"))
    return Lives(
        np.array(days, dtype=np.int64), np.array(has_left, dtype=bool), np.array(entry, dtype=np.int64)
    )


DRAWN = "5 6 6+ 2>9+ 10 4>10 13 5>16 22+ 10>23"

# From lifelines 0.30.3: KaplanMeierFitter().fit(days, left, entry=entry), the curve and confidence_interval_.
BY_LIFELINES = {
    5: (0.8750000000000001, 0.38700001403202483, 0.9813929658789661),
    6: (0.7656250000000001, 0.3433742442847583, 0.9354542638831479),
    9: (0.7656250000000001, 0.3433742442847583, 0.9354542638831479),
    10: (0.4593750000000002, 0.11170412127756123, 0.7587625570932872),
    13: (0.3445312500000002, 0.06824374864176735, 0.6551212683819446),
    16: (0.22968750000000007, 0.03065444017285142, 0.5374415341799362),
    22: (0.22968750000000007, 0.03065444017285142, 0.5374415341799362),
    23: (0.0, 0.0, 0.0),
}


def test_curve_and_band_are_those_of_lifelines_also_for_customers_who_came_late() -> None:
    curve = survival_curve(lives(DRAWN), min_at_risk=1)

    assert curve is not None
    for age, expected in BY_LIFELINES.items():
        values = (curve.share[age], curve.low[age], curve.high[age])
        assert values == pytest.approx(expected, abs=1e-12, rel=0)
    assert curve.median_days == 10


def test_a_customer_is_at_risk_only_after_the_age_of_entry() -> None:
    at_risk, n_left = risk_table(lives("2 1>2 2>4+"))

    assert at_risk.tolist() == [1, 1, 2, 1, 1]
    assert n_left.tolist() == [0, 0, 2, 0, 0]


def test_a_customer_who_left_by_the_age_of_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="entry_days"):
        risk_table(lives("3>3"))


def test_the_curve_ends_before_the_first_age_with_too_few_at_risk() -> None:
    curve = survival_curve(lives("1 2 3 9 9"), min_at_risk=3)

    assert curve is not None
    assert curve.at_risk.tolist() == [5, 5, 4, 3]
    assert curve.share == pytest.approx([1, 0.8, 0.6, 0.4])


@pytest.mark.parametrize("rows", ["", "3 4", "9>20 9>30 9>40 5"])
def test_without_enough_customers_at_the_first_ages_there_is_no_curve(rows: str) -> None:
    assert survival_curve(lives(rows), min_at_risk=3) is None


def test_nobody_left_gives_a_share_of_one_and_no_median() -> None:
    curve = survival_curve(lives("5+ 5+ 5+"), min_at_risk=3)

    assert curve is not None
    assert curve.share.tolist() == curve.high.tolist() == [1.0] * 6
    assert curve.low == pytest.approx(0.025 ** (1 / 3))  # three of three stay with a chance of 2.5 %
    assert curve.median_days is None


def test_customers_who_joined_before_the_data_do_not_lift_the_curve() -> None:
    """Everybody leaves with 1 % a day; of those who joined earlier only the survivors are in the data."""
    rng = np.random.default_rng(4)
    days = rng.geometric(0.01, 20_000)
    entry = np.where(rng.random(20_000) < 0.5, rng.integers(1, 300, 20_000), 0)
    is_seen = days > entry
    late = Lives(days[is_seen], np.ones(is_seen.sum(), dtype=bool), entry[is_seen])
    naive = Lives(late.days, late.has_left, np.zeros_like(late.entry_days))

    truncated, biased = survival_curve(late), survival_curve(naive)

    assert truncated is not None
    assert biased is not None
    assert truncated.low[100] <= 0.99**100 <= truncated.high[100]
    assert biased.low[100] > 0.99**100
