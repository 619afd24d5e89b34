"""Who left, drawn: cutoff 2024-07-01, windows `[cutoff + gap, cutoff + gap + horizon)`."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from churn.data.table_rows import read_batches
from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import cohorts_at
from churn.features.language.reader import NEVER
from churn.labels import labels
from churn.labels.labels import _EventDays, inactivity_outcomes, labels_at
from churn.labels.outcomes import ENDS_IN_GAP, LEFT, STAYED, label_window
from tests.drawn_company import DrawnCompany, draw

CUTOFF = date(2024, 7, 1)


def labelled(world: DrawnCompany) -> dict[str, int]:
    found = labels_at(world.store, [CUTOFF])[0]
    return {str(i): int(v) for i, v in zip(read_customers(world.store).ids, found, strict=True)}


def reasons(world: DrawnCompany, cutoff: date = CUTOFF) -> dict[str, str | None]:
    customers = read_customers(world.store)
    [cohort] = cohorts_at(world.store, [cutoff])
    named = zip(customers.ids, cohort.signed_up, cohort.excluded_because, strict=True)
    return {str(i): reason for i, is_known, reason in named if is_known}


INACTIVITY = {"kind": "inactivity", "table": "orders", "horizon_days": 10, "active_days": 30}

ORDERS = """
    customer   | ordered_at       | amount | known_at
    buys       | 2024-06-20 10:00 | 1      | 2024-06-20 10:00
    buys       | 2024-07-10 23:59 | 1      | 2024-07-10 23:59
    too_late   | 2024-06-20 10:00 | 1      | 2024-06-20 10:00
    too_late   | 2024-07-11 00:00 | 1      | 2024-07-11 00:00
    at_once    | 2024-06-20 10:00 | 1      | 2024-06-20 10:00
    at_once    | 2024-07-01 00:00 | 1      | 2024-12-01 00:00
    long_quiet | 2024-05-31 23:59 | 1      | 2024-05-31 23:59
    edge       | 2024-06-01 00:00 | 1      | 2024-06-01 00:00
    told_late  | 2024-06-20 10:00 | 1      | 2024-07-02 10:00
"""


def test_inactivity_is_no_core_event_in_the_window_whenever_it_became_known(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS, label=INACTIVITY, since=None)

    assert labelled(world) == {
        "buys": STAYED,
        "too_late": LEFT,
        "at_once": STAYED,
        "long_quiet": LEFT,
        "edge": LEFT,
        "told_late": LEFT,
    }


def test_what_happens_in_the_gap_does_not_matter_for_inactivity(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS, label={**INACTIVITY, "gap_days": 1}, since=None)

    found = labelled(world)

    assert found["at_once"] == LEFT
    assert found["too_late"] == STAYED


def test_the_cohort_was_active_as_far_as_was_known(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS, label=INACTIVITY, since=None)

    assert reasons(world) == {
        "buys": None,
        "too_late": None,
        "at_once": None,
        "long_quiet": "inactive",
        "edge": None,
        "told_late": "inactive",
    }


def test_who_signs_up_at_the_cutoff_is_not_known_yet(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at
            before   | 2024-06-30 23:59
            at       | 2024-07-01 00:00
        """,
        orders="""
            customer | ordered_at       | amount
            before   | 2024-06-30 23:59 | 1
            at       | 2024-07-01 00:00 | 1
        """,
        label=INACTIVITY,
        since=None,
    )

    assert reasons(world) == {"before": None}


def test_an_objection_counts_at_every_cutoff_whenever_it_was_made(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at | objected_at
            objects  | 2024-01-01   | 2024-11-01
            agrees   | 2024-01-01   |
        """,
        orders="""
            customer | ordered_at | amount
            objects  | 2024-06-20 | 1
            agrees   | 2024-06-20 | 1
        """,
        label=INACTIVITY,
        since=None,
    )

    assert reasons(world) == {"objects": "objected", "agrees": None}


CONTRACT = {"kind": "contract", "horizon_days": 31, "grace_days": 30}

SUBSCRIPTIONS = """
    customer  | started_at | ended_at   | cancel_requested_at
    stays     | 2024-01-01 |            |
    leaves    | 2024-01-01 | 2024-07-20 |
    first_day | 2024-01-01 | 2024-07-01 |
    after     | 2024-01-01 | 2024-08-01 |
    renews    | 2024-01-01 | 2024-07-10 |
    renews    | 2024-08-09 |            |
    returns   | 2024-01-01 | 2024-07-10 |
    returns   | 2024-08-10 |            |
    gone      | 2024-01-01 | 2024-06-30 |
    lapsed    | 2024-01-01 | 2024-06-25 |
    lapsed    | 2024-07-05 |            |
    cancels   | 2024-01-01 | 2024-07-20 | 2024-06-30
    regrets   | 2024-01-01 | 2024-07-20 | 2024-07-01
"""


def test_a_contract_left_when_its_merged_spell_ends_in_the_window(tmp_path: Path) -> None:
    world = draw(tmp_path, subscriptions=SUBSCRIPTIONS, label=CONTRACT, since=None)

    found = labelled(world)

    assert {who: found[who] for who, reason in reasons(world).items() if reason is None} == {
        "stays": STAYED,
        "leaves": LEFT,
        "first_day": LEFT,
        "after": STAYED,
        "renews": STAYED,
        "returns": LEFT,
        "regrets": LEFT,
    }


def test_a_contract_that_ends_in_the_gap_is_dropped(tmp_path: Path) -> None:
    world = draw(tmp_path, subscriptions=SUBSCRIPTIONS, label={**CONTRACT, "gap_days": 7}, since=None)

    found = labelled(world)

    assert found["first_day"] == ENDS_IN_GAP
    assert found["after"] == LEFT


def test_the_cohort_of_contracts_runs_and_has_not_asked_to_leave(tmp_path: Path) -> None:
    world = draw(tmp_path, subscriptions=SUBSCRIPTIONS, label=CONTRACT, since=None)

    found = reasons(world)

    assert {who for who, reason in found.items() if reason == "no live contract"} == {"gone", "lapsed"}
    assert {who for who, reason in found.items() if reason == "pending cancellation"} == {"cancels"}
    assert found["regrets"] is None


def test_who_has_a_contract_that_nobody_cancelled_is_not_pending(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        subscriptions="""
            customer  | started_at | ended_at   | cancel_requested_at | known_at
            switches  | 2024-01-01 | 2024-07-20 | 2024-06-01          | 2024-01-01
            switches  | 2024-06-01 |            |                     | 2024-06-01
            ends_both | 2024-01-01 | 2024-07-20 | 2024-06-01          | 2024-01-01
            ends_both | 2024-06-01 | 2024-12-31 | 2024-06-30          | 2024-06-01
            had_two   | 2024-01-01 | 2024-07-20 | 2024-06-01          | 2024-01-01
            had_two   | 2024-01-01 | 2024-05-01 |                     | 2024-01-01
            will_have | 2024-01-01 | 2024-07-20 | 2024-06-01          | 2024-01-01
            will_have | 2024-07-01 |            |                     | 2024-07-01
            told_late | 2024-01-01 | 2024-07-20 | 2024-06-01          | 2024-01-01
            told_late | 2024-06-01 |            |                     | 2024-07-01
        """,
        label=CONTRACT,
        since=None,
    )

    assert reasons(world) == {
        "switches": None,
        "ends_both": "pending cancellation",
        "had_two": "pending cancellation",
        "will_have": "pending cancellation",
        "told_late": "pending cancellation",
    }


def test_an_end_known_late_never_puts_a_customer_who_had_left_into_the_cohort(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        subscriptions="""
            customer  | started_at | ended_at   | known_at
            told_late | 2024-01-01 | 2024-06-20 | 2024-07-05
            two_rows  | 2024-01-01 | 2024-05-01 | 2024-01-01
            two_rows  | 2024-05-20 | 2024-06-20 | 2024-07-05
            bridged   | 2024-01-01 | 2024-06-20 | 2024-07-05
            bridged   | 2024-06-25 | 2024-07-20 | 2024-06-25
            goes_on   | 2024-01-01 | 2024-07-20 | 2024-01-01
            goes_on   | 2024-06-01 | 2024-06-20 | 2024-07-05
        """,
        label=CONTRACT,
        since=None,
    )

    found = reasons(world)

    assert found == {
        "told_late": "no live contract",
        "two_rows": "no live contract",
        "bridged": None,
        "goes_on": None,
    }
    assert {labelled(world)[who] for who, reason in found.items() if reason is None} == {LEFT}


@pytest.mark.parametrize(
    ("label", "late_days", "mature_on"),
    [
        (INACTIVITY, 0, "2024-07-11"),
        (INACTIVITY, 3, "2024-07-14"),
        ({**INACTIVITY, "gap_days": 5}, 0, "2024-07-16"),
        ({**CONTRACT, "grace_days": 0}, 0, "2024-08-01"),
        (CONTRACT, 2, "2024-09-02"),
    ],
)
def test_a_label_is_matured_once_nothing_can_change_it(
    tmp_path: Path, label: dict[str, object], late_days: int, mature_on: str
) -> None:
    snapshot = {"watermark": "2024-12-31", "late_days": late_days}
    table = {"orders": ORDERS} if label["kind"] == "inactivity" else {"subscriptions": SUBSCRIPTIONS}
    world = draw(tmp_path, label=label, since=None, params={"snapshot": snapshot}, **table)

    assert (
        str(label_window(CUTOFF, world.store.params.label, world.store.params.snapshot.late_days).mature_on)
        == mature_on
    )


def test_the_days_of_events_are_found_for_each_customer_whatever_lies_around() -> None:
    rng = np.random.default_rng(3)
    customer = np.sort(rng.integers(5, 12, 40))
    day = rng.integers(100, 130, 40)  # a clock change may lead back to the day before
    events = _EventDays.of_rows(customer, day)
    assert events is not None

    for start in range(95, 135):
        found = dict(enumerate(events.first_from(start).tolist(), events.first_customer))

        expected = {
            code: min((own for own in day[customer == code].tolist() if own >= start), default=NEVER)
            for code in range(int(customer[0]), int(customer[-1]) + 1)
        }
        assert found == expected


def test_the_label_and_the_return_do_not_depend_on_how_many_rows_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = draw(tmp_path, orders=ORDERS, label=INACTIVITY, since=None).store
    cutoffs = [CUTOFF, date(2024, 6, 1), date(2024, 12, 1)]
    whole = inactivity_outcomes(store, cutoffs)

    monkeypatch.setattr(labels, "read_batches", partial(read_batches, batch_rows=1))

    for first, second in zip(whole, inactivity_outcomes(store, cutoffs), strict=True):
        assert first.outcome.tolist() == second.outcome.tolist()
        assert first.back_on.tolist() == second.back_on.tolist()
