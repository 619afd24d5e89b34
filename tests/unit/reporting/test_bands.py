from __future__ import annotations

import pandas as pd
import pytest

from churn.reporting.report import band_outcomes, read_report_sources, render_report

#        probability at a base rate of 10 %, rows, of which left, band
DRAWN = [(0.50, 40, 20, 1), (0.20, 50, 10, 2), (0.10, 100, 9, 3), (0.06, 100, 4, 4), (0.02, 200, 2, 5)]


def rows_of(drawn=DRAWN):
    rows = [
        {"left": float(place < left), "challenger": probability}
        for probability, size, left, _ in drawn
        for place in range(size)
    ]
    return pd.DataFrame(rows).assign(customer_id=[f"c{place}" for place in range(len(rows))])


def test_each_band_says_who_was_in_it_and_what_came_of_them():
    found = band_outcomes(rows_of(), base_rate=0.1)

    assert [(one.band, one.rows) for one in found.bands] == [(band, rows) for _, rows, _, band in DRAWN]
    assert [one.predicted for one in found.bands] == pytest.approx([p for p, *_ in DRAWN])
    assert found.bands[0].observed.value == "50.0%"
    assert found.bands[0].observed.interval == "[35.2%, 64.8%]"
    assert found.falls


def test_bands_out_of_order_are_told():
    turned = [(0.50, 40, 2, 1), *DRAWN[1:]]

    assert not band_outcomes(rows_of(turned), base_rate=0.1).falls


def test_rows_of_the_same_customers_make_no_interval_narrower():
    once = rows_of()

    twice = band_outcomes(pd.concat([once, once]), base_rate=0.1)

    assert twice.bands[0].rows == 80
    assert twice.bands[0].observed == band_outcomes(once, base_rate=0.1).bands[0].observed


def test_rows_without_a_judgement_do_not_count():
    blank = rows_of().assign(challenger=float("nan"))

    assert band_outcomes(blank, base_rate=0.1) is None
    assert band_outcomes(None, base_rate=0.1) is None


def test_the_report_shows_what_came_of_each_band_where_there_was_a_test(evaluated):
    without = render_report(read_report_sources(evaluated))
    rows_of().to_parquet(evaluated / "evaluate" / "predictions.parquet", index=False)

    page = render_report(read_report_sources(evaluated))

    assert "How many of each health band left" not in without
    assert "How many of each health band left" in page
    assert "[35.2%, 64.8%]" in page
