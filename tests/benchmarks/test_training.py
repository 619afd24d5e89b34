from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.engine.measure import Measurement
from benchmarks.training.__main__ import report
from benchmarks.training.generate import CUTOFFS, write_snapshots
from churn.params import LabelParams, Params
from churn.snapshots.read import read_snapshots
from churn.training.split import check_enough_data


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return Params(
        source=str(tmp_path / "company"),
        label=LabelParams(kind="inactivity", table="orders", horizon_days=28),
        output=tmp_path / "output",
    )


def test_made_up_snapshots_are_read_as_snapshots_of_the_size_asked_for(params: Params) -> None:
    write_snapshots(params, rows=2_003, columns=31)

    snapshots = read_snapshots(params)

    check_enough_data(snapshots)
    assert snapshots.rows.matrix.shape == (2_003, 31)
    assert len(snapshots.cutoffs) == CUTOFFS
    assert list(snapshots.rows.levels) == ["signal_029"]
    assert 0.03 < snapshots.rows.left.mean() < 0.10
    assert 0.1 < np.isnan(snapshots.rows.matrix[:, 1]).mean() < 0.3


def test_the_report_states_the_matrix_beside_the_peak() -> None:
    found = Measurement(12.4, 7.6, 900.0, {"churners": 70, "rounds": 30})

    assert "| 12 | 8 | 900 | 92 |" in report(100_000, 120, 2, found)
