from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.data.own_files import write_own_json
from churn.errors import CallError, SourceError, Stop
from churn.params import ScoreParams, SignalsParams, SnapshotParams, TableParams, TrainParams
from churn.snapshots.dataset import cutoffs_of, scorer_columns
from churn.snapshots.read import read_snapshots
from pipelines.snapshot import run as run_snapshot
from tests.drawn_company import draw


def test_rows_come_ordered_by_cutoff_with_signals_by_name(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=3, waiting=2)

    snapshots = read_snapshots(params)

    assert list(snapshots.rows.names) == sorted(snapshots.rows.names)
    assert (np.diff(snapshots.rows.cutoff) >= 0).all()
    assert tuple(cutoffs_of(snapshots.rows.cutoff)) == snapshots.cutoffs
    assert len(snapshots.immature_cutoffs) == 2
    assert len(snapshots.rows) == 120
    assert snapshots.monotone[snapshots.rows.names.index("login_change")] == -1


def test_text_survives_the_way_into_numbers_and_back(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=1)

    rows = read_snapshots(params).rows

    plan = scorer_columns(rows)["plan"]
    assert rows.levels["plan"] == ("basic", "plus")
    assert set(plan) == {"basic", "plus", None}
    assert rows.names.index("plan") not in np.flatnonzero(np.isnan(rows.matrix[plan != None]).any(axis=0))  # noqa: E711


def test_labels_unknown_by_a_date_are_left_out(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=5)
    everything = read_snapshots(params)

    earlier = read_snapshots(params, known_by=everything.cutoffs[3])

    assert earlier.cutoffs == everything.cutoffs[:3]
    assert all(known <= everything.cutoffs[3] for known in earlier.mature_on.values())


def test_no_matured_label_is_a_stop(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=0, waiting=2)

    with pytest.raises(Stop):
        read_snapshots(params)


def test_no_snapshots_are_a_wrong_call(make_params) -> None:
    with pytest.raises(CallError):
        read_snapshots(make_params())


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"snapshot": SnapshotParams(every="month")}, "values under snapshot in .* have changed"),
        ({"snapshot": SnapshotParams(late_days=3)}, "values under snapshot in .* have changed"),
        ({"signals": SignalsParams(windows=(28,))}, "values under signals in .* have changed"),
        (
            {"tables": {"tickets": TableParams(where="severity > 1")}, "events": {"visits": TableParams()}},
            "values under tables, events in .* have changed",
        ),
        (
            {"tables": {"orders": TableParams(where="amount > 0")}},
            "another label than .*orders",
        ),
    ],
)
def test_snapshots_made_with_other_parameters_are_refused_by_name(
    make_params, write_world, asked: dict[str, object], named: str
) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)

    with pytest.raises(CallError, match=named):
        read_snapshots(params.model_copy(update=asked))


def test_parameters_of_model_and_night_leave_snapshots_as_they_are(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)

    asked = params.model_copy(update={"train": TrainParams(seed=8), "score": ScoreParams(reasons=1)})

    assert read_snapshots(asked).cutoffs == read_snapshots(params).cutoffs


def test_a_cutoff_named_for_one_call_is_no_other_parameter(tmp_path, echo) -> None:
    logins = "customer | happened_at\nana | 2024-01-01\nana | 2024-07-20\nbo | 2024-05-20"
    snapshot = {"watermark": "2024-08-01", "every": "month"}
    params = draw(tmp_path, logins=logins, since=None, params={"snapshot": snapshot}).store.params

    run_snapshot(params, cutoff=date(2024, 6, 1), echo=echo)

    assert read_snapshots(params).cutoffs == (date(2024, 6, 1),)


def test_snapshots_of_another_label_are_refused(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)
    other = params.model_copy(update={"label": params.label.model_copy(update={"horizon_days": 90})})

    with pytest.raises(CallError):
        read_snapshots(other)


def test_a_lost_snapshot_is_named(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)
    day = read_snapshots(params).cutoffs[1]
    (params.output / "snapshots" / f"cutoff={day}" / "part.parquet").unlink()

    with pytest.raises(SourceError, match=str(day)):
        read_snapshots(params)


def test_the_digest_follows_the_bytes(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)
    before = read_snapshots(params).digest

    write_world(params, customers=40, cutoffs=2)
    same = read_snapshots(params).digest
    write_world(params, customers=40, cutoffs=2, seed=1)
    other = read_snapshots(params).digest

    assert before == same != other


def test_a_late_maturing_cutoff_waits_as_its_manifest_says(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=3)
    path = params.output / "snapshots" / "manifest.json"
    manifest = json.loads(path.read_text())
    last = read_snapshots(params).cutoffs[-1]
    manifest["cutoffs"][str(last)]["mature_on"] = str(last + timedelta(days=60))
    write_own_json(path, manifest | {"watermark": str(last + timedelta(days=90))})

    early, late = (read_snapshots(params, known_by=last + timedelta(days=days)) for days in (59, 60))

    assert last not in early.cutoffs
    assert last in late.cutoffs


def test_snapshots_with_definitions_of_another_format_are_refused_with_the_way_out(
    make_params, write_world
) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)
    path = params.output / "snapshots" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["signals"][0]["definition"] = "9a3f51c2d87e4b06"
    write_own_json(path, manifest)

    with pytest.raises(CallError, match=r"another version.*`churn snapshot` again"):
        read_snapshots(params)


@pytest.mark.parametrize("damage", ["bytes", "column"])
def test_a_damaged_snapshot_is_named(make_params, write_world, damage: str) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)
    day = read_snapshots(params).cutoffs[1]
    path = params.output / "snapshots" / f"cutoff={day}" / "part.parquet"
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        pd.read_parquet(path, partitioning=None).drop(columns="noise").to_parquet(path)

    with pytest.raises(SourceError, match=str(day)):
        read_snapshots(params)


def test_a_date_after_the_watermark_is_refused(make_params, write_world) -> None:
    params = make_params()
    write_world(params, customers=40, cutoffs=2)
    watermark = date.fromisoformat(read_snapshots(params).watermark)

    assert read_snapshots(params, known_by=watermark).cutoffs
    with pytest.raises(CallError):
        read_snapshots(params, known_by=watermark + timedelta(days=1))
