"""Hazards on small lives: which rows count in an interval, what was known when, and too few rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.labels.contract import ENDS_FILE, ENDS_SCHEMA
from churn.params import LabelParams
from churn.training.backtest import OutOfTime
from churn.training.discrete_hazard import (
    Hazards,
    Lives,
    describe_horizons,
    edges_for,
    fit_hazards,
    read_lives,
)
from tests.small_snapshots import rows_of, snapshots_from

FIRST = date(2024, 1, 1)
LAG = 30
EVER = date(2030, 1, 1)
TRUE = {30: (-2.0, 1.0), 60: (-2.5, 0.6), 90: (-3.0, 0.2)}
"""Intercept and slope of the log-odds of leaving in the 30 days that end on that day."""


def lives_of(stays: list[int], cutoff: date = FIRST) -> Lives:
    size = len(stays)
    predictions = OutOfTime(
        np.zeros(size), np.zeros(size), np.arange(size), np.full(size, day_number(cutoff), dtype=np.int64)
    )
    return Lives(predictions, np.array(stays, dtype=np.int64), LAG)


def drawn(cutoffs: int = 4, customers: int = 3000, seed: int = 1) -> Lives:
    """Lives of months that begin 30 days apart, by the true hazards."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=cutoffs * customers)
    stays = np.full(len(logits), NEVER, dtype=np.int64)
    for end, (intercept, slope) in TRUE.items():
        leaves = rng.random(len(logits)) < 1 / (1 + np.exp(-(intercept + slope * logits)))
        stays[leaves & (stays == NEVER)] = end - 15
    cutoff = np.repeat(day_number(FIRST) + 30 * np.arange(cutoffs), customers)
    return Lives(OutOfTime(logits, np.zeros(len(logits)), np.arange(len(logits)), cutoff), stays, LAG)


def test_a_customer_who_left_before_an_interval_is_not_at_risk_in_it() -> None:
    lives = lives_of([0, 29, 30, 59, 60, NEVER])

    assert lives.at_risk(30, 60, EVER).tolist() == [False, False, True, True, True, True]
    assert lives.left(60).tolist() == [1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(("days_after", "counts"), [(30 + LAG - 1, False), (30 + LAG, True)])
def test_an_interval_counts_from_the_day_on_which_its_end_the_grace_and_late_days_have_passed(
    days_after: int, counts: bool
) -> None:
    lives = lives_of([5, NEVER])

    assert lives.at_risk(0, 30, FIRST + timedelta(days_after)).tolist() == [counts, counts]


def write_ends(folder: Path) -> list[int]:
    """Write the ends of the contracts of four customers, and return them."""
    ends = [day_number(FIRST) + 40, day_number(FIRST) + 50, NEVER, day_number(FIRST) + 20]
    (folder / f"cutoff={FIRST}").mkdir()
    table = {
        "customer_id": pa.array([f"c{number:04d}" for number in range(4)]),
        "ends_on": pa.array(ends, pa.int32(), mask=np.array(ends) == NEVER).cast(pa.date32()),
    }
    pq.write_table(pa.table(table, schema=ENDS_SCHEMA), folder / f"cutoff={FIRST}" / ENDS_FILE)
    return ends


def test_the_ends_of_contracts_of_treated_rows_are_left_out(tmp_path: Path) -> None:
    ends = write_ends(tmp_path)
    whole = snapshots_from(rows_of({"logins": [0.0] * 4}, [0, 0, 0, 1]))
    part = whole.without_treated(np.array([1.0, 0.0, 5.0, 1.0]), [])
    predictions = OutOfTime(np.zeros(3), part.rows.left, part.rows.customer, part.rows.cutoff)

    lives = read_lives(tmp_path, LabelParams(kind="contract", horizon_days=31), LAG, part, predictions)

    assert lives is not None
    assert lives.stays.tolist() == [ends[row] - day_number(FIRST) for row in (0, 2, 3)]


@pytest.mark.parametrize("share", [1, 2])
def test_the_ends_of_contracts_are_joined_if_only_every_nth_customer_is_used(
    tmp_path: Path, share: int
) -> None:
    ends = write_ends(tmp_path)
    rows = rows_of({"logins": [0.0] * 4}, [0, 0, 0, 1])
    used = rows.where(rows.customer % share == 0)
    whole = snapshots_from(rows)
    part = replace(whole, rows=used, customers=whole.customers[::share], customer_share=share)
    predictions = OutOfTime(np.zeros(len(used)), used.left, used.customer // share, used.cutoff)

    lives = read_lives(tmp_path, LabelParams(kind="contract", horizon_days=31), LAG, part, predictions)

    assert lives is not None
    assert lives.stays.tolist() == [end - day_number(FIRST) for end in ends[::share]]


def test_the_true_hazards_are_recovered() -> None:
    fitted = fit_hazards(drawn(cutoffs=8), 31, EVER)

    assert fitted.days == (30, 60, 90)
    for interval in fitted.intervals:
        assert (interval["intercept"], interval["slope"]) == pytest.approx(TRUE[interval["end"]], abs=0.1)


def test_what_was_not_known_by_a_date_changes_nothing() -> None:
    lives = drawn()
    by = FIRST + timedelta(30 + 60 + LAG)  # of the first cutoff 90 days are known, of the second 60
    unknown = lives.predictions.cutoff + lives.stays + 1 + LAG > day_number(by)
    other = Lives(lives.predictions, np.where(unknown, NEVER, lives.stays), LAG)

    assert fit_hazards(lives, 31, by).as_dict() == fit_hazards(other, 31, by).as_dict()
    assert fit_hazards(lives, 31, EVER).as_dict() != fit_hazards(other, 31, EVER).as_dict()
    assert [interval["rows"] for interval in fit_hazards(lives, 31, by).intervals[:1]] == [3 * 3000]


@pytest.mark.parametrize(
    ("stays", "by", "days", "reason"),
    [
        ([10] * 29 + [NEVER] * 50, EVER, (), "only 29 of 79 rows left in days 0 to 30"),
        ([10] * 50 + [NEVER] * 29, EVER, (), "only 29 of 79 rows stayed in days 0 to 30"),
        ([10] * 30 + [40] * 7 + [NEVER] * 50, EVER, (30,), "only 7 of 57 rows left in days 30 to 60"),
        (
            [10] * 30 + [40] * 30 + [NEVER] * 50,
            FIRST + timedelta(60 + LAG),
            (30, 60),
            "120 days after a cutoff",
        ),
    ],
)
def test_a_horizon_with_too_little_to_learn_from_is_missing_with_the_reason(
    stays: list[int], by: date, days: tuple[int, ...], reason: str
) -> None:
    fitted = fit_hazards(lives_of(stays), 31, by)

    assert fitted.days == days
    assert sorted({*days, *fitted.missing}) == [30, 60, 90]
    assert all(reason in why for why in fitted.missing.values())


def test_without_out_of_time_predictions_all_horizons_are_missing() -> None:
    fitted = fit_hazards(lives_of([]), 31, EVER)

    assert fitted.days == ()
    assert "no cutoff was predicted" in fitted.missing[30]
    assert fitted.within(np.zeros(2), np.full(2, 0.1)) == {}


def test_a_curve_that_does_not_reach_the_labels_own_horizon_is_missing() -> None:
    stays = [10] * 30 + [40] * 30 + [70] * 30 + [100] * 3 + [NEVER] * 90

    assert fit_hazards(lives_of(stays), 90, EVER).days == (30, 60, 90)
    fitted = fit_hazards(lives_of(stays), 180, EVER)
    assert fitted.days == ()
    assert "only 3 of" in fitted.missing[30]


@pytest.mark.parametrize("horizon", [1, 14, 30, 31, 36, 45, 90, 96, 97, 365])
def test_some_interval_ends_within_a_week_of_the_models_own_horizon(horizon: int) -> None:
    edges = edges_for(horizon)

    assert {30, 60, 90} <= set(edges)
    assert min(abs(edge - horizon) for edge in edges) < 7


def test_the_lines_name_the_horizons_and_why_others_are_missing() -> None:
    fitted = Hazards((30,), 31, missing={60: "too few", 90: "too few"})

    lines = describe_horizons({"horizons": fitted.as_dict()})

    assert len(lines) == 2
    assert "30" in lines[0]
    assert all(word in lines[1] for word in ("60", "90", "too few"))
    assert describe_horizons({}) == []
