"""`churn drift`, and the look at the end of `churn score`, on a finished run of a tiny company."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from churn.drift.result import Drift, drift_path, read_drift
from churn.drift.triggers import SOURCE_KINDS
from pipelines import cli
from tests.run_folders import copy_finished_run

NIGHT = date(2025, 10, 1)


@pytest.fixture
def work(small_run: Path, tmp_path: Path) -> Path:
    """A copy of a finished run; its parameters, store, registry and champion are its own."""
    return copy_finished_run(small_run, tmp_path / "work")


def with_own_source(work: Path) -> Path:
    """Let the copy read its own source, and return the folder of the source."""
    path = work / "params.yaml"
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    sections["source"] = "data/company"
    path.write_text(yaml.safe_dump(sections, sort_keys=False), encoding="utf-8")
    return work / "data" / "company"


def look(work: Path) -> Drift:
    assert cli.main("drift", ["--params", str(work / "params.yaml")]) == 0
    drift = read_drift(work / "output", NIGHT)
    assert drift is not None
    return drift


def test_drift_writes_the_bytes_that_score_wrote_and_changes_no_score(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, scores = drift_path(work / "output", NIGHT), work / "output" / "scores"
    written, files = path.read_bytes(), {file: file.read_bytes() for file in scores.rglob("*.*")}

    drift = look(work)

    assert path.read_bytes() == written
    assert {file: file.read_bytes() for file in scores.rglob("*.*")} == files
    assert [alarm for alarm in drift.alarms if alarm.kind in SOURCE_KINDS] == []
    assert drift.signals is not None
    assert len(drift.signals) == 11
    assert (drift.told_apart.auc is None) == (drift.told_apart.because is not None)
    assert "train again because of age: no; " in capsys.readouterr().out


def test_a_source_that_stops_and_a_unit_that_changes_are_named_in_the_same_night(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company = with_own_source(work)
    logins, orders = (pq.read_table(company / f"{name}.parquet") for name in ("logins", "orders"))
    is_old = pc.less(logins["known_at"], pc.cast("2025-09-29T00:00:00", logins["known_at"].type))
    pq.write_table(logins.filter(is_old), company / "logins.parquet")
    in_cents = pc.if_else(
        pc.less(orders["known_at"], pc.cast("2025-09-28T00:00:00", orders["known_at"].type)),
        orders["amount"],
        pc.multiply(orders["amount"], 100.0),
    )
    index = orders.schema.get_field_index("amount")
    pq.write_table(orders.set_column(index, "amount", in_cents), company / "orders.parquet")

    drift = look(work)

    named = {(alarm.kind, alarm.subject) for alarm in drift.alarms}
    assert {("stopped", "logins"), ("unit", "orders.amount")} <= named
    assert "warning: drift: logins: stopped after 2025-09-28: no row for 2 days" in capsys.readouterr().err
