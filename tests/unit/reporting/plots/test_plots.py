from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn.evaluation.comparison import compare_candidates
from churn.evaluation.prediction_tables import prediction_histogram
from churn.evaluation.result import EvaluationResult
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams
from churn.reporting.plots import FIGURES, write_plots
from churn.snapshots.dataset import LabelledRows
from tests.filled import filled, json_of
from tests.small_snapshots import draws_of

LEAD = [{"days": days, "auc": 0.8 - days / 500, "low": 0.7, "high": 0.9} for days in (0, 28, 56)]


@pytest.fixture
def evaluated() -> dict[str, Any]:
    """What the charts read of metrics.json."""
    rng = np.random.default_rng(0)
    left, days = (rng.random(400) < 0.2).astype(float), np.repeat([19_000, 19_028], 200)
    rows = LabelledRows((), {}, np.zeros((400, 0)), left, np.tile(np.arange(200), 2), days)
    good = 1 / (1 + np.exp(-(2 * rows.left - 2 + rng.normal(size=len(rows)))))
    predictions = {"challenger": good, "recency": rng.random(len(rows)), "base_rate": np.full(len(rows), 0.2)}
    worth = CustomerValues(rng.gamma(2, 60, len(rows)), ProfitParams())
    judged = compare_candidates(rows, predictions, draws_of(rows), share=0.1, values=worth)
    some, none = ({"missing_share": one, "missing_probability": one or None} for one in (0.15, 0.0))
    level = some | {"signal": "plan", "kind": "level", "unit": "name"}
    number = none | {"signal": "silence", "kind": "number", "unit": "days"}
    return {
        "contact_share": 0.1,
        "candidates": json_of(judged.candidates),
        "gain_table": json_of(judged.gain_table),
        "profit_curve": json_of(judged.profit_curve),
        "calibration_table": json_of(judged.calibration_table),
        "prediction_histogram": json_of(prediction_histogram(rows.left, good)),
        "importance": [{"signal": "silence", "share": 0.7}, {"signal": "plan", "share": 0.3}],
        "importance_by_family": [{"family": "activity", "share": 1.0}],
        "partial_dependence": [
            number | {"values": [0.0, 2.5], "deciles": [1.0], "probabilities": [0.1, 0.3]},
            level | {"levels": ["basic", "plus"], "shares": [0.5, 0.4], "probabilities": [0.2, 0.1]},
        ],
        "lead_time": LEAD,
    }


def whole(content: dict[str, Any]) -> EvaluationResult:
    return filled(EvaluationResult, content)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_evaluation_gives_the_same_charts_byte_for_byte(evaluated, tmp_path: Path) -> None:
    write_plots(tmp_path / "one", whole(evaluated))
    write_plots(tmp_path / "other", whole(evaluated))

    drawn = bytes_in(tmp_path / "one")
    assert set(drawn) == {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert bytes_in(tmp_path / "other") == drawn


def test_importance_is_told_with_a_decimal_and_as_what_it_is(evaluated) -> None:
    shares = [{"signal": f"s{place}", "share": share} for place, share in enumerate((0.052, 0.048))]

    figure = FIGURES["importance"](whole(evaluated | {"importance": shares}))

    assert figure is not None
    figure.draw_without_rendering()
    signals, families = figure.axes
    assert [text.get_text() for text in signals.texts] == ["4.8%", "5.2%"]
    assert [text.get_text() for text in families.texts] == ["100.0%"]
    assert "contribution" in signals.get_xlabel()
    for tick in signals.get_xticklabels():
        assert float(tick.get_text().rstrip("%")) == pytest.approx(100 * tick.get_position()[0])


def test_what_is_made_of_a_missing_value_has_a_mark_of_its_own(evaluated) -> None:
    silence, plan = evaluated["partial_dependence"]
    lacking = silence | {"missing_share": 0.4, "missing_probability": 0.5}

    figure = FIGURES["partial_dependence"](whole(evaluated | {"partial_dependence": [lacking, plan]}))

    assert figure is not None
    number, level = figure.axes[:2]
    assert [text.get_text() for text in number.texts] == ["missing"]
    assert number.get_ylim()[1] > 0.5
    assert [bar.get_height() for bar in level.patches] == [0.2, 0.1, 0.15]


def test_a_chart_without_data_is_not_drawn_and_an_old_one_is_removed(evaluated, tmp_path: Path) -> None:
    for name in ("lead_time", "profit", "mine"):
        (tmp_path / f"{name}.svg").write_text("old")

    written = write_plots(tmp_path, whole(evaluated | {"lead_time": LEAD[:1], "profit_curve": []}))

    assert {path.stem for path in written} == set(FIGURES) - {"lead_time", "profit"}
    assert {path.stem for path in tmp_path.glob("*.svg")} == set(FIGURES) - {"lead_time", "profit"} | {"mine"}


@pytest.mark.parametrize("name", ["calibration", "lift", "profit"])
def test_rare_churn_and_intervals_that_are_not_defined_are_drawn(evaluated, name: str) -> None:
    left = np.append(np.ones(2), np.zeros(198))
    spread = json_of(prediction_histogram(left, np.linspace(0.3, 0.001, 200)))
    table = [row | {"observed": 0.0, "low": 0.0} for row in evaluated["calibration_table"]]
    undefined = {
        metric: numbers | {"low": None, "high": None} if isinstance(numbers, dict) else numbers
        for metric, numbers in evaluated["candidates"]["challenger"].items()
    }
    curve = [row | {"low": None, "high": None} for row in evaluated["profit_curve"]]

    figure = FIGURES[name](
        whole(
            evaluated
            | {
                "prediction_histogram": spread,
                "calibration_table": table,
                "candidates": {"challenger": undefined},
                "profit_curve": curve,
            }
        )
    )

    assert spread["scale"] == "log"
    assert figure is not None
    figure.draw_without_rendering()


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_ticks_of_calibration_reach_above_its_highest_point(evaluated, scale: str) -> None:
    table = [row | {"high": 0.24} for row in evaluated["calibration_table"]]
    spread = evaluated["prediction_histogram"] | {"scale": scale}

    figure = FIGURES["calibration"](
        whole(evaluated | {"calibration_table": table, "prediction_histogram": spread})
    )

    assert figure is not None
    highest = max(0.24, *(row["predicted"] for row in table))
    above = figure.axes[0]
    assert above.get_yticks()[-1] >= highest
    assert above.get_ylim()[1] >= above.get_yticks()[-1]


def test_the_word_chance_stands_inside_the_chart_of_lead_time(evaluated) -> None:
    figure = FIGURES["lead_time"](whole(evaluated))

    assert figure is not None
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (chance,) = (text for text in axes.texts if text.get_text() == "chance")
    assert chance.get_window_extent().x0 >= axes.get_window_extent().x0
    assert all(round(10 * tick, 6).is_integer() for tick in axes.get_yticks())
