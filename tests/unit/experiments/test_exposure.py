from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.data.store import day_number
from churn.errors import SourceError, Stop
from churn.experiments.exposure import TaskHistory, check_ledger, without_treated
from churn.experiments.ledger import Ledger, empty_ledger
from churn.params import LabelParams
from churn.snapshots.read import Snapshots
from tests.drawn_ledger import FIRST, SECOND, assigned, night_facts, planned
from tests.small_snapshots import rows_of, snapshots_from

LABEL = LabelParams(kind="inactivity", table="orders", horizon_days=28, active_days=56)
FREE_AGAIN = FIRST + timedelta(days=30)


def task(
    unit: str, arm: str, play: str = "call", night: date = FIRST, **changes: object
) -> dict[str, object]:
    return planned(unit, arm, play, night, expires_on=night + timedelta(days=30)) | changes


def ledger_of(
    assignments: Sequence[dict[str, object]], tasks: Sequence[dict[str, object]], share: float = 0.1
) -> Ledger:
    empty = empty_ledger()
    nights = (night_facts(FIRST).model_copy(update={"control_share": share}),)
    return replace(
        empty,
        assignments=pd.DataFrame(assignments, columns=empty.assignments.columns),
        tasks=pd.DataFrame(tasks, columns=empty.tasks.columns),
        nights=nights,
    )


DRAWN = ledger_of(
    [assigned("ana", "treated"), assigned("ben", "control"), assigned("cem", "treated")],
    [task("ana", "treated"), task("ben", "control")],
)


def snapshots_of(cutoff: date, customers: Sequence[str], left: Sequence[float]) -> Snapshots:
    rows = rows_of({"logins": np.arange(len(left)).tolist()}, left)
    rows = replace(rows, cutoff=np.full(len(left), day_number(cutoff)))
    matured = {cutoff: cutoff + timedelta(days=28)}
    return replace(snapshots_from(rows), customers=tuple(customers), mature_on=matured)


def snapshots_at(cutoff: date) -> Snapshots:
    """Return the rows of ana, ben, cem and dan; ben and dan leave."""
    return snapshots_of(cutoff, ("ana", "ben", "cem", "dan"), (0.0, 1.0, 0.0, 1.0))


def read(snapshots: Snapshots, ledger: Ledger, reason: str | None = None) -> Snapshots:
    return without_treated(
        snapshots,
        ledger,
        label=LABEL,
        late_days=0,
        reason=reason,
        accept_key="params.yaml: evaluate.accept",
    )


def test_a_treated_row_is_left_out_and_the_control_of_the_same_task_stands_for_ten() -> None:
    cutoff = FIRST - timedelta(days=1)

    untreated = read(snapshots_at(cutoff), DRAWN)

    assert untreated.rows.customer.tolist() == [1, 2, 3]
    assert untreated.rows.weight is not None
    assert untreated.rows.weight.tolist() == pytest.approx([10, 1, 1])
    assert untreated.treated_rows is not None
    assert untreated.treated_rows.customer.tolist() == [0]
    (exposure,) = untreated.exposures
    assert (exposure.rows, exposure.treated_rows, exposure.control_rows) == (4, 1, 1)


@pytest.mark.parametrize(
    ("days", "treated"),
    [(-28, 0), (-27, 1), (0, 1), (29, 1), (30, 0)],
    ids=["window ends before", "on its last day", "same day", "still open", "free again"],
)
def test_a_task_counts_if_it_can_be_worked_off_on_a_day_of_the_window(days: int, treated: int) -> None:
    snapshots = snapshots_at(FIRST + timedelta(days=days))

    untreated = read(snapshots, DRAWN)

    assert sum(exposure.treated_rows for exposure in untreated.exposures) == treated
    assert (untreated is snapshots) == (treated == 0)


@pytest.mark.parametrize(
    ("list_plays", "other_tasks", "weight"),
    [
        ((), [], 1 / (0.1 + 0.9 * 0.5)),  # an older ledger does not say that the play is a list
        (("win-back",), [], 1 / 0.5),
        (("win-back",), [task("ben", "control", "call")], 1 / (0.5 * (0.1 + 0.9 * 0.2))),
    ],
    ids=["not known as a list", "a list", "a list and a play of the call list"],
)
def test_a_control_of_a_list_stands_only_for_those_on_the_list(
    list_plays: tuple[str, ...], other_tasks: list[dict[str, object]], weight: float
) -> None:
    ledger = ledger_of(
        [
            assigned("ben", "treated"),
            assigned("ben", "control", experiment="win-back", position=0.3, share=0.5),
            assigned("ben", "control", experiment="call", position=0.1, share=0.2),
        ],
        [task("ben", "control", "win-back"), *other_tasks],
    )
    (night,) = ledger.nights
    ledger = replace(ledger, nights=(night.model_copy(update={"list_plays": list_plays}),))

    untreated = read(snapshots_at(FIRST), ledger)

    assert untreated.rows.weight is not None
    assert untreated.rows.weight.tolist() == pytest.approx([1, weight, 1, 1])


def test_without_a_ledger_the_snapshots_are_the_same_object_with_the_same_digest() -> None:
    snapshots = snapshots_at(FIRST)

    assert read(snapshots, empty_ledger()) is snapshots


def test_the_digest_tells_that_rows_were_left_out() -> None:
    snapshots = snapshots_at(FIRST)

    assert read(snapshots, DRAWN).digest != snapshots.digest


def test_the_controls_of_all_plays_of_a_unit_are_multiplied() -> None:
    plays = {"call": 0.5, "mail": 0.2}
    rows = [assigned("ben", "treated")]
    rows += [assigned("ben", "control", experiment=play, share=share) for play, share in plays.items()]
    ledger = ledger_of(rows, [task("ben", "control", play) for play in plays])

    weights = TaskHistory(ledger).weights(ledger.tasks)

    assert weights.weight_of["ben"] == pytest.approx(1 / (0.1 + 0.9 * 0.5 * 0.2))


@pytest.mark.parametrize(
    ("shares", "play_shares"),
    [((0.1, 0.3), (0.0, 0.0)), ((0.3, 0.1), (0.0, 0.0)), ((0.2, 0.4), (0.5, 0.3)), ((0.4, 0.2), (0.2, 0.6))],
)
def test_a_unit_with_two_tasks_is_left_alone_as_often_as_in_drawn_positions(
    shares: tuple[float, float], play_shares: tuple[float, float]
) -> None:
    nights = tuple(
        night_facts(night, previous).model_copy(update={"control_share": share})
        for night, previous, share in zip((FIRST, SECOND), (None, FIRST), shares, strict=True)
    )
    rows = [assigned("ben", "treated")]
    rows += [
        {**assigned("ben", "treated", experiment="call", share=share), "assigned_on": night}
        for night, share in zip((FIRST, SECOND), play_shares, strict=True)
    ]
    tasks = [task("ben", "control", night=night) for night in (FIRST, SECOND)]
    universal, own = np.random.default_rng(1).random((2, 200_000))
    is_alone = [(universal < u) | (own < c) for u, c in zip(shares, play_shares, strict=True)]

    alone = TaskHistory(replace(ledger_of(rows, tasks), nights=nights)).untreated_probability(
        pd.DataFrame(tasks)
    )

    assert alone["ben"] == pytest.approx(np.mean(is_alone[0] & is_alone[1]), abs=0.005)


def test_the_share_of_the_night_of_the_task_counts_and_not_a_later_share() -> None:
    nights = (
        night_facts(FIRST),
        night_facts(SECOND, FIRST).model_copy(update={"control_share": 0.2}),
    )
    ledger = replace(DRAWN, nights=nights, tasks=pd.DataFrame([task("ben", "control")]))
    later = replace(ledger, tasks=pd.DataFrame([task("ben", "control", night=SECOND)]))

    assert TaskHistory(ledger).weights(ledger.tasks).weight_of["ben"] == pytest.approx(10)
    assert TaskHistory(later).weights(later.tasks).weight_of["ben"] == pytest.approx(5)


def test_the_weighted_rate_of_untreated_rows_is_that_of_a_company_without_contacts() -> None:
    rng, n, share = np.random.default_rng(3), 20_000, 0.1
    at_risk = rng.random(n) < 0.3
    would_leave = rng.random(n) < np.where(at_risk, 0.4, 0.05)
    is_control = rng.random(n) < share
    is_saved = at_risk & ~is_control & (rng.random(n) < 0.6)
    names = [f"c{number}" for number in range(n)]
    arms = np.where(is_control, "control", "treated")
    ledger = ledger_of(
        [assigned(names[i], str(arms[i])) for i in np.flatnonzero(at_risk)],
        [task(names[i], str(arms[i])) for i in np.flatnonzero(at_risk)],
    )
    left = (would_leave & ~is_saved).astype(float)
    snapshots = snapshots_of(FIRST, names, left.tolist())

    untreated = read(snapshots, ledger)

    assert left.mean() < 0.1
    assert untreated.rows.left.mean() < 0.1
    assert untreated.rows.rate == pytest.approx(would_leave.mean(), abs=0.015)


@pytest.mark.parametrize(
    "ledger",
    [
        ledger_of([assigned("ana", "treated", share=0.0)], [task("ana", "treated")], share=0.0),
        ledger_of([assigned("ana", "treated")], [task("ana", "treated")]),
    ],
    ids=["no control group", "no control had the task"],
)
def test_treated_rows_for_whom_nobody_stands_stop_the_training_unless_a_person_accepts_it(
    ledger: Ledger,
) -> None:
    with pytest.raises(Stop, match=r"no comparable controls .*2025-03-01 \(1\).*evaluate.accept.no_controls"):
        read(snapshots_at(FIRST), ledger)

    accepted = read(snapshots_at(FIRST), ledger, reason="a pilot without controls")

    assert accepted.rows.customer.tolist() == [1, 2, 3]
    assert accepted.no_controls_accepted == "a pilot without controls"


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        (ledger_of([assigned("ana", "control", share=1.0)], []), "not in \\[0, 1\\)"),
        (ledger_of([assigned("ana", "treated", share=float("nan"))], []), "not in \\[0, 1\\)"),
        (ledger_of([assigned("ana", "treated", position=0.05)], []), "does not follow from their position"),
        (
            ledger_of([assigned("ana", "treated"), assigned("ana", "treated", position=0.8)], []),
            "drawn twice",
        ),
        (
            ledger_of([assigned("ana", "treated")], [task("ana", "treated"), task("ana", "treated")]),
            "ids of several tasks",
        ),
        (
            ledger_of([assigned("ana", "treated")], [task("ana", "treated"), task("eva", "treated")]),
            "eva have a task but no assignment",
        ),
    ],
    ids=["share 1", "no share", "contradicting arm", "unit drawn twice", "task id used again", "gap"],
)
def test_a_ledger_that_contradicts_itself_is_refused_with_the_place(ledger: Ledger, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        check_ledger(ledger)


def test_a_sound_ledger_is_silent() -> None:
    check_ledger(DRAWN)
    check_ledger(empty_ledger())


def test_all_mistakes_of_a_ledger_are_listed_at_once() -> None:
    ledger = ledger_of([assigned("ana", "treated", position=0.05)], [task("eva", "treated")])

    with pytest.raises(SourceError) as caught:
        check_ledger(ledger)

    assert len(caught.value.problems) == 2
