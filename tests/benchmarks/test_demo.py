from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import demo
from benchmarks.truth import Bin, chance, compare_families, deciles, distance


def test_the_demo_benchmark_says_the_same_twice_with_the_interval_of_the_evaluation(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for _ in range(2):
        assert demo.main(["--params", str(finished_run / "params.yaml")]) == 0
        said.append(capsys.readouterr().out)

    metrics = json.loads((finished_run / "output" / "evaluate" / "metrics.json").read_text())
    auc = metrics["candidates"]["challenger"]["auc"]
    assert said[0] == said[1]
    assert "| truth (the ceiling) |" in said[0]
    assert "| 60 | 2 |" in said[0] or "| 60 | 1 |" in said[0]
    assert f"| the model | {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}] |" in said[0]


def test_without_a_finished_run_the_demo_benchmark_says_what_to_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = demo.main(["--params", str(tmp_path / "params.yaml")])

    assert code == 11
    assert "make run" in capsys.readouterr().err


def test_reasons_that_are_always_right_beat_every_deal() -> None:
    raised = pd.DataFrame({"support": [True] * 5 + [False] * 5, "email": [False] * 5 + [True] * 5})

    found = compare_families(["support"] * 5 + ["email"] * 5, raised, draws=200, seed=1)
    lost = compare_families([None] * 9 + ["profile"], raised, draws=10, seed=1)

    assert found.share == 1
    assert 0.3 < found.chance.mean() < 0.7
    assert found.always == {"support": 0.5, "email": 0.5}
    assert lost.share == 0


def test_rows_of_one_customer_count_once_for_the_standard_error() -> None:
    truth = np.array([0.1, 0.3] * 4)

    apart = deciles(np.zeros(8), truth, [str(row) for row in range(8)], bins=1)[0]
    together = deciles(np.zeros(8), truth, ["a", "b"] * 4, bins=1)[0]

    assert apart.truth == together.truth == pytest.approx(0.2)
    assert together.error == pytest.approx(2 * apart.error)


def test_distance_to_the_truth_and_what_chance_explains_weigh_bins_by_their_rows() -> None:
    bins = [Bin(30, predicted=0.1, truth=0.2, error=0.0), Bin(10, predicted=0.5, truth=0.4, error=0.2)]

    assert distance(bins) == pytest.approx(0.1)
    assert chance(bins) == pytest.approx(0.05 * np.sqrt(2 / np.pi))
