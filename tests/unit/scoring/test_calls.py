from __future__ import annotations

import pytest

from churn.scoring.calls import plain_cell, safe_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "-", "+49 30 1234"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_kept_as_text(text):
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["Ann", "-17", "+3.5", "-1,5", "a=b", "", "4711", "'t Hooft"])
def test_a_harmless_cell_stays_as_it_is(text):
    assert safe_cell(text) == text
    assert plain_cell(text) == text
