"""How long a silence must be to mean leaving."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.errors import CallError, Stop
from churn.labels import horizon, kaplan_meier
from churn.labels.horizon import count_silences, shortest_final_silence, suggest_horizon
from churn.labels.kaplan_meier import ReturnCurve, Silences, return_curve
from churn.reporting.plots.level import write_horizon_plot
from tests.drawn_company import DrawnCompany, draw

INACTIVITY = {"kind": "inactivity", "table": "orders", "horizon_days": 5}

ORDERS = """
    customer | ordered_at       | amount
    ana      | 2024-06-01 10:00 | 1
    ana      | 2024-06-01 20:00 | 1
    ana      | 2024-06-04 23:30 | 1
    ana      | 2024-06-10 00:30 | 1
    ben      | 2024-06-05 10:00 | 1
    cleo     | 2024-06-21 10:00 | 1
    objects  | 2024-06-02 10:00 | 1
    objects  | 2024-06-03 10:00 | 1
"""
CUSTOMERS = """
    customer | signed_up_at | objected_at
    ana      | 2024-01-01   |
    ben      | 2024-01-01   |
    cleo     | 2024-01-01   |
    objects  | 2024-01-01   | 2024-11-01
"""


def lengths(found: Silences) -> tuple[dict[int, int], dict[int, int]]:
    ended, open_ = (counts.sum(axis=0) for counts in (found.ends, found.open))
    return tuple({int(d): int(counts[d]) for d in np.flatnonzero(counts)} for counts in (ended, open_))  # type: ignore[return-value]


def shop(folder: Path) -> DrawnCompany:
    return draw(folder, orders=ORDERS, customers=CUSTOMERS, label=INACTIVITY, since=None)


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_silences_lie_between_days_with_an_event_and_the_last_is_open(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "BATCH_ROWS", batch)
    world = shop(tmp_path)

    ended, open_ = lengths(count_silences(world.store, "orders", date(2024, 6, 21)))

    assert ended == {3: 1, 6: 1}
    assert open_ == {10: 1, 15: 1}  # until 2024-06-20, the last day before the date


def test_the_chance_to_come_back_is_that_of_kaplan_and_meier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten silences, worked by hand: S falls by 1/10 on day 1, 2/8 on day 2, 1/4 on day 4."""
    monkeypatch.setattr(kaplan_meier, "MIN_AT_RISK", 2)
    days = np.array([1, 1, 2, 2, 2, 3, 4, 4, 5, 5])
    ended = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 0], dtype=bool)

    found = return_curve(Silences.of(np.arange(10), days, ended))

    assert found is not None
    day_2, day_4 = 1 - 2 / 8, 1 - 1 / 4
    staying = np.array([0.9 * day_2 * day_4, day_2 * day_4, day_4, day_4, 1, 1])
    assert found.chance == pytest.approx(1 - staying)
    assert list(found.at_risk) == [10, 10, 8, 5, 4, 2]
    assert found.followed_days == 5
    assert (found.low <= found.chance).all()
    assert (found.chance <= found.high).all()
    assert found.after(6) is None


def test_silences_of_one_customer_widen_the_interval_as_they_are_alike() -> None:
    rng = np.random.default_rng(3)
    ended = rng.random(60) < 0.5
    days = np.where(ended, 3, 10)

    one_each = return_curve(Silences.of(np.arange(600), np.repeat(days, 10), np.repeat(ended, 10)))
    ten_each = return_curve(
        Silences.of(np.repeat(np.arange(60), 10), np.repeat(days, 10), np.repeat(ended, 10))
    )

    assert one_each is not None
    assert ten_each is not None
    assert ten_each.chance == pytest.approx(one_each.chance)
    assert ten_each.high[0] - ten_each.low[0] > 2 * (one_each.high[0] - one_each.low[0])


@pytest.mark.slow
def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty() -> None:
    rng, held = np.random.default_rng(11), 0
    for _ in range(200):
        own = np.repeat(rng.beta(2, 2, 100), 5)  # customers differ in how likely they come back
        ended = rng.random(500) < own
        found = return_curve(Silences.of(np.repeat(np.arange(100), 5), np.where(ended, 2, 9), ended))
        assert found is not None
        held += bool(found.low[0] <= 0.5 <= found.high[0])

    assert 180 <= held <= 199


def curve_of(chance: list[float]) -> ReturnCurve:
    values = np.array(chance)
    return ReturnCurve(values, values, values, np.full(len(chance), 100))


@pytest.mark.parametrize(
    ("chance", "days"),
    [
        ([0.9, 0.5, 0.3, 0.1, 0.05, 0.0, 0.0], 3),
        ([0.9, 0.5, 0.3, 0.11, 0.05, 0.0, 0.0], None),  # day 4 cannot be followed to day 8
        ([0.05, 0.05, 0.05], 1),
    ],
)
def test_the_horizon_is_the_shortest_after_which_one_in_ten_comes_back(
    chance: list[float], days: int | None
) -> None:
    assert shortest_final_silence(curve_of(chance)) == days


def regulars(
    folder: Path,
    every_days: int = 4,
    watermark: str = "2024-06-29",
    snapshot: dict[str, str] | None = None,
    **more: object,
) -> DrawnCompany:
    """Draw eighty customers who order every so many days; half of them stop on a day of their own."""
    lines = ["customer | ordered_at | amount"]
    for number in range(80):
        last = 180 if number % 2 else 40 + number
        lines += [
            f"c{number:02} | {date.fromordinal(date(2024, 1, 1).toordinal() + day)} | 1"
            for day in range(number % every_days, last, every_days)
        ]
    return draw(
        folder,
        orders="\n".join(lines),
        label=INACTIVITY,
        since=None,
        params={"snapshot": {"watermark": watermark, **(snapshot or {})}, **more},
    )


def test_the_horizon_found_is_the_rhythm_of_those_who_stay(tmp_path: Path) -> None:
    found = suggest_horizon(regulars(tmp_path).store)

    assert found.suggested_days == 4
    assert found.as_json()["return_after_suggested"]["value"] == 0
    assert found.as_json()["return_after_asked"]["high"] < 0.2
    assert [each["silent_days"] for each in found.as_json()["curve"]] == list(range(len(found.curve.chance)))


def test_nothing_from_the_first_test_cutoff_on_decides_the_horizon(tmp_path: Path) -> None:
    tested = {"evaluate": {"test_cutoffs": ["2024-04-01", "2024-05-01"]}}
    world = regulars(tmp_path, **tested)

    found = suggest_horizon(world.store)

    assert found.before.day == date(2024, 4, 1)
    assert found.curve.followed_days < (date(2024, 4, 1) - date(2024, 1, 1)).days


# cutoffs are Mondays from 2024-02-26 on; those of 06-24, 06-17 and 06-10 test a horizon of 5 days by default,
# those of 06-17, 06-03 and 05-20 one of 10 days
@pytest.mark.parametrize(
    ("every_days", "begun", "horizon_days"), [(4, date(2024, 6, 10), 5), (10, date(2024, 5, 20), 10)]
)
def test_nothing_from_the_first_default_test_cutoff_of_the_horizon_found_on_decides_it(
    tmp_path: Path, every_days: int, begun: date, horizon_days: int
) -> None:
    found = suggest_horizon(regulars(tmp_path, every_days).store)

    assert found.suggested_days == every_days
    assert found.before.day == begun
    assert found.before.description.endswith(f"by default at a horizon of {horizon_days} days")
    assert found.curve.followed_days < (begun - date(2024, 1, 1)).days


@pytest.mark.parametrize(
    ("watermark", "snapshot"),
    [("2024-02-20", {}), ("2024-06-29", {"first": "2024-06-20"}), ("2024-06-29", {"first": "2024-06-28"})],
    ids=["no cutoff yet", "nothing to train on before it", "no label matured yet"],
)
def test_where_nothing_can_be_tested_yet_all_data_decide_the_horizon(
    tmp_path: Path, watermark: str, snapshot: dict[str, str]
) -> None:
    found = suggest_horizon(regulars(tmp_path, watermark=watermark, snapshot=snapshot).store)

    assert str(found.before) == f"{watermark}, the watermark"
    assert found.silences > 900


def test_default_test_cutoffs_that_leave_nothing_to_look_at_are_told_in_words(tmp_path: Path) -> None:
    world = regulars(tmp_path, watermark="2024-01-16", snapshot={"first": "2023-12-20"})

    with pytest.raises(
        Stop, match=r"0 silences .* before 2023-12-27, the first test cutoff by default.*evaluate"
    ):
        suggest_horizon(world.store)


def test_too_short_a_history_suggests_nothing_in_words(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"orders holds 5 silences.*too few.*Ingest more history"):
        suggest_horizon(shop(tmp_path).store)


def test_a_contract_label_has_no_horizon_to_suggest(tmp_path: Path) -> None:
    contracts = "customer | started_at\nana | 2024-01-01"
    world = draw(tmp_path, subscriptions=contracts, label={"kind": "contract", "horizon_days": 31})

    with pytest.raises(CallError, match=r"contract ends on a known day.*label.horizon_days"):
        suggest_horizon(world.store)


def test_the_chart_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    found = suggest_horizon(regulars(tmp_path).store)

    once, again = (
        [path.read_bytes() for path in write_horizon_plot(tmp_path / name, found)] for name in ("a", "b")
    )

    assert once == again
