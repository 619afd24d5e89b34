"""The chance of leaving by day: hazards multiply, and the curve goes through the model's own probability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.model.bundle import write_bundle
from churn.model.scorer import Scorer, expected_days, horizon_columns, horizons_of

COLUMNS = {
    "days": np.array([1.0, 30.0, np.nan, 400.0]),
    "logins": np.array([3, 0, 7, 12]),
    "plan": np.array(["basic", "plus", None, "basic"], dtype=object),
}


def told(chances: list[float], anchor: int = 30, slope: float = 0.0) -> dict[str, Any]:
    """Intervals of 30 days whose chances of leaving are these for log-odds of 0."""
    return {
        "days": [30 * place for place in range(1, len(chances) + 1)],
        "anchor_days": anchor,
        "intervals": [
            {
                "start": 30 * place,
                "end": 30 * place + 30,
                "slope": slope,
                "intercept": float(np.log(chance / (1 - chance))),
            }
            for place, chance in enumerate(chances)
        ],
    }


@pytest.mark.parametrize(
    ("own", "anchor", "within"),
    [  # the model's probability, its horizon, and what follows for 30, 60 and 90 days
        (0.1, 30, [0.1, 0.28, 0.496]),  # 1 - .9, 1 - .9 * .8, 1 - .9 * .8 * .7
        (0.5, 30, [0.5, 0.6, 0.72]),  # another level up to day 30, the same hazards after it
        (0.28, 60, [0.1, 0.28, 0.496]),
        (1 - 0.9 * 0.8**0.5, 45, [0.1, 0.28, 0.496]),  # the hazard is constant inside an interval
        (1 - 0.9 * 0.8 * 0.7**1.5, 105, [0.1, 0.28, 0.496]),  # and goes on beyond the last
        (1 - 0.9**0.5, 15, [0.1, 0.28, 0.496]),
        (0.0, 30, [0.0, 0.2, 0.44]),
    ],
)
def test_chances_of_staying_multiply_from_the_models_own_probability_on(
    own: float, anchor: int, within: list[float]
) -> None:
    found = horizons_of(np.zeros(1), np.array([own]), told([0.1, 0.2, 0.3], anchor))

    assert [float(found[days][0]) for days in (30, 60, 90)] == pytest.approx(within)


def test_hazards_follow_the_models_log_odds() -> None:
    found = horizons_of(np.array([0.0, 1.0]), np.array([0.1, 0.1]), told([0.1, 0.2, 0.3], slope=1.0))

    rising = 1 / (1 + np.exp(-(np.log(0.2 / 0.8) + 1)))
    assert found[60] == pytest.approx([0.28, 1 - 0.9 * (1 - rising)])


CHANCES = st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=3)


@given(
    chances=CHANCES,
    slope=st.floats(0, 3),
    logits=st.lists(st.floats(-40, 40), min_size=1, max_size=5),
    own=st.floats(0, 1),
    anchor=st.integers(1, 120),
)
def test_the_curve_never_falls_and_has_the_models_probability_in_its_place(
    chances: list[float], slope: float, logits: list[float], own: float, anchor: int
) -> None:
    probability = np.full(len(logits), own)

    found = horizons_of(np.array(logits), probability, told(chances, anchor, slope))

    curve = np.array([np.zeros(len(logits)), *(found[days] for days in sorted(found)), np.ones(len(logits))])
    assert (np.diff(curve, axis=0) >= 0).all()
    for days, reached in found.items():
        over = reached - own if days <= anchor else own - reached
        assert (over <= 1e-12).all()


@pytest.mark.parametrize(
    ("within", "days"),
    [
        ([0.0, 0.0, 0.0], 90.0),
        ([1.0, 1.0, 1.0], 0.0),
        ([0.0, 0.0, 1.0], 60.0),
        ([1 - np.exp(-0.3), 1 - np.exp(-0.6), 1 - np.exp(-0.9)], (1 - np.exp(-0.9)) / 0.01),
    ],
    ids=["stays", "leaves at once", "leaves when the last interval begins", "constant hazard of 0.01"],
)
def test_the_days_to_expect_are_the_area_under_the_chance_of_still_being_there(
    within: list[float], days: float
) -> None:
    found = expected_days({day: np.array([p]) for day, p in zip((30, 60, 90), within, strict=True)})

    assert found == pytest.approx([days], abs=0.1)


def test_the_days_to_expect_are_told_of_90_days_only() -> None:
    known = {30: np.array([0.1]), 60: np.array([0.2])}

    assert list(horizon_columns(known)) == ["churn_probability_30d", "churn_probability_60d"]
    assert "expected_days_90d" in horizon_columns(known | {90: np.array([0.3])})


def test_a_bundle_keeps_its_horizons(tmp_path: Path, spec: dict[str, Any], text: str) -> None:
    horizons = told([0.1, 0.2, 0.3], anchor=31, slope=0.5)
    write_bundle(tmp_path / "bundle", spec | {"horizons": horizons}, {"booster_0.txt": text})

    scorer = Scorer.load(tmp_path / "bundle")
    found = scorer.predict_horizons(COLUMNS)

    expected = horizons_of(scorer.logits(scorer.matrix(COLUMNS)), scorer.predict(COLUMNS), horizons)
    assert {days: p.tolist() for days, p in found.items()} == {d: p.tolist() for d, p in expected.items()}
    assert scorer.predict_horizons({name: values[:0] for name, values in COLUMNS.items()})[90].shape == (0,)


@pytest.mark.parametrize("horizons", [None, {"days": [], "anchor_days": 31, "intervals": []}])
def test_a_bundle_without_horizons_tells_none(
    tmp_path: Path, spec: dict[str, Any], text: str, horizons: dict[str, Any] | None
) -> None:
    stated = spec | ({"horizons": horizons} if horizons else {})
    write_bundle(tmp_path / "bundle", stated, {"booster_0.txt": text})

    assert Scorer.load(tmp_path / "bundle").predict_horizons(COLUMNS) == {}
