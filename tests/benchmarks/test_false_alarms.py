from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.false_alarms.__main__ import EXAMPLES, Alarms, check_company, example_names, table
from benchmarks.false_alarms.shapes import SHAPES
from churn.finding import Finding

ROUND = 100
"""The reported table uses the seeds from 0; these tests do not."""


@pytest.mark.parametrize("number", range(len(SHAPES)), ids=[*SHAPES])
def test_no_guard_stops_an_honest_company_of_odd_shape(number: int) -> None:
    alarms = check_company(ROUND * len(SHAPES) + number)

    assert alarms.stops == ()
    assert len(alarms.warnings) <= 1


def test_the_table_counts_stops_and_warnings() -> None:
    warning = Finding("logins", "it trails.", "Map it.", guard="late_rows")
    noisy = Alarms(
        "noisy", (Finding("plan", "it tells.", "Leave it out.", "stop", "alone"),), (warning, warning)
    )

    lines = list(table([Alarms("calm", (), ()), noisy]))

    assert lines[2] == "| calm | 0 | 0 |  |"
    assert lines[3] == "| noisy | 1 | 2 | `alone` 1, `late_rows` 2 |"
    assert lines[4] == "| **all 2** | 1 | 2 | more than one warning in 1 |"


def test_examples_with_tables_and_data_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_DATA", str(tmp_path))
    for path in EXAMPLES.glob("*.yaml"):
        if path.stem != "cdnow":
            (tmp_path / path.stem).mkdir()

    names = example_names()

    assert {"online_retail", "ravenstack"} <= set(names)
    assert not {"cdnow", "hillstrom", "cookie_cats", "shop_playbook"} & set(names)
