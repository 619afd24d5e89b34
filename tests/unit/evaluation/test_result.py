from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from churn.data.files import json_text
from churn.errors import CallError, SourceError
from churn.evaluation.measures import Measure
from churn.evaluation.result import EvaluationResult
from churn.metrics.interval import Interval
from tests.filled import filled

NAN = float("nan")


def written(result: EvaluationResult, folder: Path) -> str:
    result.write(folder / "metrics.json")
    return (folder / "metrics.json").read_text(encoding="utf-8")


MONEY = {
    "candidates": {
        "challenger": {"empc": {"value": 3.5, "low": 3.0, "high": 4.0}, "rows_with_known_value": 9}
    },
    "value": {"rows": 9, "known": 8, "mean": 70.5, "median": 50.0, "months": 12, "margin": 1.0},
    "profit_curve": [{"share": 0.1, "value": 1.0, "low": 0.5, "high": 2.0, "ceiling": 9.0, "recency": 0.2}],
}
CONTRACTS = {
    "horizons": {
        "anchor_days": 31,
        "days": {"30": {"rows": 9, "cutoffs": ["2024-06-01"]}},
        "missing": {"60": "who left is not known yet", "90": "who left is not known yet"},
    }
}
COMPARED = {
    "champion": {"version": "2", "digest": "abc"},
    "candidates": {"challenger": {}, "champion": {}, "champion_recipe": {}},
    "paired": {"challenger_minus_champion_recipe": {}, "challenger_minus_champion": {}},
    "segments": {"country": [{"level": "DE", "challenger_minus_champion_recipe": {"auc": {"value": 0.1}}}]},
    "freshness": {"challenger": "2024-06-01", "champion": "2024-05-01"},
}
UNDEFINED = {
    "candidates": {"challenger": {"calibration_slope": {"value": NAN, "low": NAN, "high": NAN}}},
    "gain_table": [{"share": 0.1, "lift": NAN, "contacted": 3}],
    "cutoffs_possible": None,
}
FINDINGS = {
    "guards": {
        "looked": ["too_good"],
        "found": [{"place": "AUC", "found": "it is 0.97.", "way_out": "Look.", "guard": "too_good"}],
    }
}
TRAINED = {
    "tried": [
        {
            "recipe": {
                "candidate": "trees",
                "rounds": 9,
                "calibration": "none",
                "seed": 7,
                "learning_rate": 0.03,
                "num_leaves": None,
                "extra_trees": False,
                "strength": 0.003,
            }
        }
    ]
}
EVALUATIONS = [{}, MONEY, CONTRACTS, COMPARED, UNDEFINED, FINDINGS, TRAINED]


@pytest.mark.parametrize("content", EVALUATIONS)
def test_a_written_result_reads_back_as_itself_and_writes_the_same_bytes(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    result = filled(EvaluationResult, content)

    text = written(result, tmp_path)
    again = EvaluationResult.read(tmp_path / "metrics.json")

    assert again == result
    assert written(again, tmp_path) == text
    assert json_text(json.loads(text)) == text


def test_the_order_of_names_is_that_of_the_file(tmp_path: Path) -> None:
    result = filled(EvaluationResult, COMPARED)

    written(result, tmp_path)

    assert list(result.paired) == ["challenger_minus_champion", "challenger_minus_champion_recipe"]
    assert list(EvaluationResult.read(tmp_path / "metrics.json").paired) == list(result.paired)


def test_a_part_that_was_not_measured_has_no_key_and_an_undefined_number_is_null(tmp_path: Path) -> None:
    content = json.loads(written(filled(EvaluationResult, UNDEFINED), tmp_path))

    assert "horizons" not in content
    assert "empc" not in content["candidates"]["challenger"]
    assert content["candidates"]["challenger"]["calibration_slope"] == {
        "value": None,
        "low": None,
        "high": None,
    }
    assert content["gain_table"][0]["lift"] is None
    assert "recency" not in content["gain_table"][0]


def test_undefined_numbers_are_none_before_they_are_written() -> None:
    assert Interval(value=NAN, low=-float("inf")) == Interval(value=None, low=None)


def test_metrics_are_found_by_name() -> None:
    result = filled(EvaluationResult, MONEY)

    assert result.challenger.metric("empc") == Measure(value=3.5, low=3.0, high=4.0)
    assert result.challenger.metric("best_share") is None
    assert result.challenger.metric("rows") is None
    assert list(result.challenger.metrics)[:2] == ["log_loss", "brier"]
    assert result.pair("recency") is None


@pytest.mark.parametrize(
    ("candidates", "reference"),
    [
        (["challenger"], None),
        (["challenger", "champion"], "champion"),
        (["challenger", "champion", "champion_recipe"], "champion_recipe"),
    ],
)
def test_the_recipe_of_a_champion_that_saw_the_test_is_its_reference(
    candidates: list[str], reference: str | None
) -> None:
    result = filled(EvaluationResult, {"candidates": {name: {} for name in candidates}})

    assert result.champion_reference == reference


def test_the_champion_may_be_the_model_that_was_evaluated() -> None:
    model, champion = {"digest": "abc"}, {"digest": "abc"}

    assert filled(EvaluationResult, {"model": model, "champion": champion}).evaluated_champion
    assert not filled(EvaluationResult, {"model": model, "champion": {"digest": "def"}}).evaluated_champion
    assert not filled(EvaluationResult, {"model": model}).evaluated_champion


def test_a_missing_file_and_a_file_of_another_version_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    with pytest.raises(CallError, match="nothing was evaluated yet"):
        EvaluationResult.read(path)

    path.write_text(written(filled(EvaluationResult), tmp_path).replace('"paired"', '"pairs"'))
    with pytest.raises(SourceError, match=r"metrics.json: paired.*churn evaluate"):
        EvaluationResult.read(path)
