from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from churn.errors import ParamsError
from churn.evaluation.sections.champion import beside
from churn.evaluation.sections.comparison import judged, spread
from churn.evaluation.sections.lead_time import lead_time
from churn.evaluation.sections.purged import purged
from churn.evaluation.sections.segments import segments
from churn.evaluation.sections.split_comparison import four_numbers
from churn.evaluation.segments import check_segments, groups_of
from churn.evaluation.test_set import hold_exam
from churn.params import EngineParams, EvaluateParams, LabelParams
from churn.training import backtest
from churn.training.recipe import fit_recipe
from churn.training.split import plan_cutoffs
from tests.small_snapshots import RECIPE, rows_of, snapshots_from
from tests.snapshot_world import params_for

NAN = float("nan")
LOGISTIC = replace(RECIPE, candidate="logistic", strength=0.1)


@pytest.fixture
def exam_of(tmp_path):
    """Hold an exam over snapshots made in memory."""

    def hold(snapshots, *, threads=1, gap_days=0, **evaluate):
        asked = EvaluateParams(bootstrap=100, **evaluate)
        params = params_for(tmp_path, evaluate=asked, engine=EngineParams(threads=threads))
        label = LabelParams(kind="inactivity", table="orders", horizon_days=28, gap_days=gap_days)
        params = params.model_copy(update={"label": label})
        cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on, asked.test_cutoffs)
        record = SimpleNamespace(recipe=RECIPE, logistic=LOGISTIC, choice_cutoffs=cutoffs.choice)
        return hold_exam(params, snapshots, record, cutoffs)

    return hold


def troubled(
    *, customers: int = 400, cutoffs: int = 8, seed: int = 1, **others: object
) -> dict[str, np.ndarray]:
    """Draw trouble that comes and goes from cutoff to cutoff and makes leaving likely."""
    rng = np.random.default_rng(seed)
    trouble = rng.normal(size=customers * cutoffs)
    left = rng.random(customers * cutoffs) < 1 / (1 + np.exp(1.2 - 1.5 * trouble))
    return {"trouble": trouble, "left": left.astype(float), **others}


def world(*, known_after: int = 28, **drawn: object):
    signals = troubled(**drawn)
    left = signals.pop("left")
    return snapshots_from(rows_of(signals, left, cutoffs=8), known_after=known_after)


@pytest.mark.parametrize(("known_after", "newest"), [(28, 6), (29, 5)])
def test_a_label_known_a_day_after_the_test_cutoff_trains_nothing(
    monkeypatch, exam_of, known_after: int, newest: int
) -> None:
    trained = []

    def spy(rows, *others):
        trained.append(int(rows.cutoff.max()))
        return fit_recipe(rows, *others)

    monkeypatch.setattr(backtest, "fit_recipe", spy)
    snapshots = world(known_after=known_after)

    exam_of(snapshots, test_cutoffs=snapshots.cutoffs[-1:])

    assert max(trained) == snapshots.rows.cutoff[0] + 28 * newest


def test_what_was_purged_is_counted_per_test_cutoff(exam_of) -> None:
    snapshots = world(known_after=29)
    test = snapshots.cutoffs[-2:]

    found = purged(exam_of(snapshots, test_cutoffs=test))["purged"]

    days = [str(day) for day in snapshots.cutoffs]
    assert found[0] == {
        "cutoff": days[6],
        "trained_on": days[:5],
        "trained_rows": 5 * 400,
        "purged": days[5:6],
        "purged_rows": 400,
    }
    assert found[1]["purged"] == days[6:7]


def test_a_label_known_on_the_test_cutoff_is_not_purged(exam_of) -> None:
    (found,) = purged(exam_of(world(), test_cutoffs=(world().cutoffs[-1],)))["purged"]

    assert (found["purged"], found["purged_rows"]) == ([], 0)


def test_the_four_numbers_stand_side_by_side(exam_of) -> None:
    exam = exam_of(world(), rule={"signal": "trouble", "at_least": 1})

    found = four_numbers(exam)["four_numbers"]

    other = found["out_of_time_and_customer"]
    assert found["out_of_time"]["auc"] == judged(exam)["candidates"]["challenger"]["auc"]
    assert other["rows"] == other["same_customers_in_training"]["rows"] < found["out_of_time"]["rows"] / 3
    assert abs(other["out_minus_in_training"]["auc"]["value"]) < 0.05
    assert found["naive_split"]["label"] == "not to be quoted"
    assert set(found["baselines"]) == {"logistic", "rule", "base_rate"}
    assert 0.5 < found["baselines"]["rule"]["auc"]["value"] < found["out_of_time"]["auc"]["value"]


def test_baselines_that_lack_what_they_need_are_named_in_notes(exam_of) -> None:
    notes = exam_of(world()).notes

    assert set(notes) >= {"recency", "bg_nbd"}


def test_every_other_candidate_is_compared_with_the_challenger_in_pairs(exam_of) -> None:
    signals = troubled()
    left = signals.pop("left")
    signals = {"orders_days_since_last": np.exp(signals["trouble"]), "orders_count_28d": signals["trouble"]}

    exam = exam_of(
        snapshots_from(rows_of(signals, left, cutoffs=8)), rule={"signal": "orders_count_28d", "at_least": 1}
    )

    assert set(judged(exam)["paired"]) == {
        f"challenger_minus_{name}" for name in ("recency", "rfm", "rule", "logistic", "base_rate")
    }


def test_the_spread_is_that_of_the_cutoffs_where_a_candidate_was_judged() -> None:
    metrics = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")
    one, other = ({name: {"value": value} for name in metrics} for value in (0.7, 0.8))

    found = spread(
        {"2024-01-01": {"challenger": one}, "2024-02-01": {"challenger": other, "champion": one}},
        "challenger",
    )

    assert found["auc"] == {"min": 0.7, "max": 0.8, "sd": pytest.approx(0.0707, abs=1e-4)}
    assert found["cutoffs"] == 2
    assert spread({"2024-02-01": {"champion": one}}, "champion")["auc"]["sd"] is None


def test_texts_of_few_levels_and_bands_of_tenure_make_groups() -> None:
    rows = rows_of(
        {
            "plan": [0, 1, NAN, 1],
            "city": [0, 1, 2, 3],
            "one": [0, 0, 0, 0],
            "tenure_days": [90, 91, 800, NAN],
        },
        [0, 0, 1, 1],
        levels={"plan": ("basic", "plus"), "city": tuple("abcdefghijklm"), "one": ("same",)},
    )

    groups = groups_of(rows)

    assert {
        name: {level: here.tolist() for level, here in parts.items()} for name, parts in groups.items()
    } == {
        "city": {name: [name == each for each in "abcd"] for name in "abcd"},
        "plan": {
            "basic": [True, False, False, False],
            "plus": [False, True, False, True],
            "(missing)": [False, False, True, False],
        },
        "tenure_days": {
            "[0, 91)": [True, False, False, False],
            "[91, 182)": [False, True, False, False],
            "from 730": [False, False, True, False],
            "(missing)": [False, False, False, True],
        },
    }
    assert set(groups_of(rows, ["one"])) == {"one", "tenure_days"}


def test_a_segment_asked_for_must_be_a_signal_of_text(tmp_path: Path) -> None:
    rows = rows_of({"plan": [0, 1], "tenure_days": [1, 2]}, [0, 1], levels={"plan": ("basic", "plus")})
    asked = EvaluateParams(segments=["plans", "tenure_days", "plan"])
    params = params_for(tmp_path, evaluate=asked)

    with pytest.raises(ParamsError) as told:
        check_segments(params.of_file("team.yaml"), rows)

    assert all(problem.startswith("team.yaml: evaluate.segments: ") for problem in told.value.problems)
    assert [problem.split("'")[1] for problem in told.value.problems] == ["plans", "tenure_days"]


def test_a_small_segment_shows_its_level_and_no_ranking(exam_of) -> None:
    signals = troubled()
    left = signals.pop("left")
    signals["plan"] = np.tile(np.arange(400) < 8, 8).astype(float)
    snapshots = snapshots_from(rows_of(signals, left, cutoffs=8, levels={"plan": ("plus", "rare")}))

    plus, rare = segments(exam_of(snapshots))["segments"]["plan"]

    assert {"auc", "log_loss", "observed_expected"} <= set(plus)
    assert (rare["level"], rare["rows"]) == ("rare", 24)
    assert "auc" not in rare
    assert rare["observed_expected"]["low"] <= rare["observed_expected"]["value"]


def test_lead_time_falls_where_trouble_shows_only_just_before_leaving(exam_of) -> None:
    leads = lead_time(exam_of(world()))["lead_time"]

    assert [one["days"] for one in leads] == [0, 28, 56, 84, 112]
    assert leads[0]["fall"]["value"] == 0
    assert all(one["fall"]["low"] > 0.1 and one["low"] < 0.5 < one["high"] for one in leads[1:])


def test_lead_time_stays_where_trouble_stays(exam_of) -> None:
    rng = np.random.default_rng(1)
    trouble = np.tile(rng.normal(size=400), 8)
    left = rng.random(3200) < 1 / (1 + np.exp(1.2 - 1.5 * trouble))

    leads = lead_time(exam_of(snapshots_from(rows_of({"trouble": trouble}, left, cutoffs=8))))["lead_time"]

    assert all(abs(one["fall"]["value"]) < 0.05 for one in leads)


def test_lead_time_judges_customers_at_risk_at_both_ends(exam_of) -> None:
    whole = world()
    new = (whole.rows.customer < 100) & (whole.rows.cutoff < whole.rows.cutoff.max())
    snapshots = replace(whole, rows=whole.rows.where(~new))

    leads = lead_time(exam_of(snapshots, test_cutoffs=snapshots.cutoffs[-1:]))["lead_time"]

    assert [one["rows"] for one in leads] == [400, 300, 300, 300, 300]


def test_a_gap_is_looked_at_as_a_lead_of_its_own(exam_of) -> None:
    weekly = world()
    shift = {day: day - timedelta(days=21 * place) for place, day in enumerate(weekly.cutoffs)}
    cutoff = weekly.rows.cutoff - 21 * ((weekly.rows.cutoff - weekly.rows.cutoff[0]) // 28)
    snapshots = replace(
        weekly,
        rows=replace(weekly.rows, cutoff=cutoff),
        mature_on={shift[day]: shift[day] + timedelta(days=7) for day in weekly.cutoffs},
    )

    leads = lead_time(exam_of(snapshots, gap_days=7, test_cutoffs=snapshots.cutoffs[-1:]))["lead_time"]

    assert [one["days"] for one in leads] == [0, 7, 28]


def test_one_worker_and_two_give_the_same_numbers(exam_of) -> None:
    snapshots = world()

    one, two = (
        json.dumps([section(exam) for section in (judged, four_numbers, lead_time)])
        for exam in (exam_of(snapshots, threads=threads) for threads in (1, 2))
    )

    assert one == two


def test_the_logistic_baseline_is_fitted_by_its_own_recipe_and_not_by_the_challengers(exam_of) -> None:
    snapshots = world()

    exam = exam_of(snapshots)

    first = exam.plan.test[0]
    known = snapshots.rows.at([day for day, on in snapshots.mature_on.items() if on <= first])
    logits = fit_recipe(known, LOGISTIC, snapshots.monotone, 1).logits(snapshots.rows.at([first]), 1)
    made = exam.predictions["logistic"][: len(logits)]
    np.testing.assert_allclose(made, 1 / (1 + np.exp(-logits)))


def test_health_bands_of_a_cutoff_know_no_later_label(exam_of) -> None:
    snapshots = world()
    tested = np.isin(snapshots.rows.cutoff, np.unique(snapshots.rows.cutoff)[-3:])
    most = replace(snapshots.rows, left=np.where(tested & (np.arange(len(tested)) % 9 > 0), 1.0, 0.0))
    most = replace(most, left=np.where(tested, most.left, snapshots.rows.left))

    usual, later = (
        beside(exam_of(each))["health_bands"]["usual"] for each in (snapshots, replace(snapshots, rows=most))
    )

    first, _, last = usual
    assert later[first] == usual[first]
    assert later[last] > usual[last]
