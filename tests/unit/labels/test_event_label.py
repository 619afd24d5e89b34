"""Who had the event of a label, drawn: cutoff 2024-07-01, `[cutoff + gap, cutoff + gap + horizon)`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from churn.errors import ParamsError, SourceError
from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import cohorts_at
from churn.labels.labels import labels_at
from churn.labels.outcomes import DROP_REASONS, EVENT_IN_GAP, LEFT, STAYED, label_window
from tests.drawn_company import DrawnCompany, draw

CUTOFF = date(2024, 7, 1)
UPGRADE = {"kind": "event", "table": "upgrades", "horizon_days": 10, "among": "all"}
UPGRADES = """
    customer   | happened_at      | kind    | value | known_at
    before     | 2024-06-30 23:59 | plan    | 10    | 2024-06-30 23:59
    at_cutoff  | 2024-07-01 00:00 | plan    | 10    | 2024-07-01 00:00
    last       | 2024-07-10 23:59 | plan    | 10    | 2024-07-10 23:59
    too_late   | 2024-07-11 00:00 | plan    | 10    | 2024-07-11 00:00
    told_late  | 2024-07-05 00:00 | plan    | 10    | 2024-12-01 00:00
    it's       | 2024-07-05 00:00 | it's    | 10    | 2024-07-05 00:00
    small      | 2024-07-05 00:00 | plan    | 4.99  | 2024-07-05 00:00
    empty      | 2024-07-05 00:00 |         |       | 2024-07-05 00:00
    after_mark | 2025-01-01 00:00 | plan    | 10    | 2025-01-01 00:00
"""


def world_of(folder: Path, label: dict[str, Any], **tables: str) -> DrawnCompany:
    return draw(folder, upgrades=UPGRADES, label=UPGRADE | label, since=None, **tables)


def labelled(world: DrawnCompany) -> dict[str, int]:
    [labels] = labels_at(world.store, [CUTOFF])
    return {str(i): int(v) for i, v in zip(read_customers(world.store).ids, labels, strict=True)}


def with_event(world: DrawnCompany) -> set[str]:
    return {customer for customer, label in labelled(world).items() if label == LEFT}


def reasons(world: DrawnCompany) -> dict[str, str | None]:
    [cohort] = cohorts_at(world.store, [CUTOFF])
    named = zip(read_customers(world.store).ids, cohort.signed_up, cohort.excluded_because, strict=True)
    return {str(i): reason for i, is_known, reason in named if is_known}


def test_a_customer_has_the_event_with_a_row_in_the_window_whenever_it_became_known(tmp_path: Path) -> None:
    world = world_of(tmp_path, {})

    assert with_event(world) == {"at_cutoff", "last", "told_late", "it's", "small", "empty"}
    assert set(labelled(world).values()) == {LEFT, STAYED}


def test_a_row_in_the_gap_counts_only_with_once_and_then_drops_the_customer(tmp_path: Path) -> None:
    repeated = labelled(world_of(tmp_path / "repeated", {"gap_days": 1}))
    once = labelled(world_of(tmp_path / "once", {"gap_days": 1, "once": True}))

    assert repeated["at_cutoff"] == STAYED
    assert once["at_cutoff"] == EVENT_IN_GAP
    assert EVENT_IN_GAP in DROP_REASONS
    assert repeated["too_late"] == once["too_late"] == LEFT


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("kind = 'plan'", {"at_cutoff", "last", "told_late", "small"}),
        ("kind = 'it''s'", {"it's"}),
        ("value >= 4.99", {"at_cutoff", "last", "told_late", "small", "it's"}),
        ("value > 4.99", {"at_cutoff", "last", "told_late", "it's"}),
        ("kind IS NULL", {"empty"}),
        ("kind != 'plan'", {"it's"}),
        ("value > 5 -- a comment", {"at_cutoff", "last", "told_late", "it's"}),
        ("false OR kind = 'plan' AND value < 5", {"small"}),
    ],
)
def test_where_selects_rows_by_their_values_and_a_missing_value_meets_no_comparison(
    tmp_path: Path, where: str, expected: set[str]
) -> None:
    assert with_event(world_of(tmp_path, {"where": where})) == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("kid = 'plan'", "label.where .*not understood.*kid.*can use: kind, value"),
        ("kind = ", "not understood"),
        ("kind = 'plan') OR (true", "not understood"),
        ("kind = 'plan'], [true", "own row"),
        ("true) UNION SELECT 1, 2, 3 FROM (SELECT 1", "not understood"),
        ("value", "type DOUBLE.*true or false"),
        ("value > (SELECT 1)", "own row"),
        ("random() < 0.5", "own row"),
        ("row_number() OVER () = 1", "not understood|own row"),
        ("now() > TIMESTAMP '2024-01-01'", "own row"),
        ("day > 1", "not understood"),
        ("__churn_day > 1", "own row"),
    ],
)
def test_where_is_refused_where_it_is_no_condition_of_its_own_row(
    tmp_path: Path, where: str, message: str
) -> None:
    world = world_of(tmp_path, {"where": where})

    with pytest.raises(SourceError, match=message):
        labels_at(world.store, [CUTOFF])


def test_where_cannot_use_what_is_filled_in_later(tmp_path: Path) -> None:
    label = {"kind": "event", "table": "orders", "horizon_days": 10, "among": "all"}
    orders = """
        customer | ordered_at | amount | returned_at
        ana      | 2024-07-05 | 20     | 2024-08-01
        ben      | 2024-07-05 | 5      |
    """
    allowed = draw(tmp_path / "a", orders=orders, label=label | {"where": "amount > 10"}, since=None)
    outcome = draw(tmp_path / "b", orders=orders, label=label | {"where": "returned_at IS NULL"}, since=None)

    assert with_event(allowed) == {"ana"}
    with pytest.raises(SourceError, match="cannot use returned_at: the source writes these values later"):
        labels_at(outcome.store, [CUTOFF])


SUBSCRIPTIONS = """
    customer   | started_at | ended_at   | cancel_requested_at
    before     | 2024-01-01 |            |
    at_cutoff  | 2024-01-01 | 2024-06-01 |
    last       | 2024-01-01 | 2024-08-01 | 2024-06-30
    too_late   | 2024-07-01 |            |
    told_late  | 2024-01-01 | 2024-07-01 |
"""


def test_among_active_takes_the_customers_with_a_contract_as_a_label_of_contracts_does(
    tmp_path: Path,
) -> None:
    found = reasons(world_of(tmp_path, {"among": "active"}, subscriptions=SUBSCRIPTIONS))

    assert {who for who, reason in found.items() if reason is None} == {"before", "told_late"}
    assert found["at_cutoff"] == "no live contract"
    assert found["last"] == "pending cancellation"
    assert found["too_late"] == found["small"] == "no live contract"


def test_among_gone_takes_the_customers_who_had_a_contract_and_have_none(tmp_path: Path) -> None:
    found = reasons(world_of(tmp_path, {"among": "gone"}, subscriptions=SUBSCRIPTIONS))

    assert {who for who, reason in found.items() if reason is None} == {"at_cutoff"}
    assert found["before"] == found["last"] == found["told_late"] == "still active"
    assert found["too_late"] == found["small"] == "never active"


LOGINS = """
    customer  | happened_at      | known_at
    before    | 2024-06-20 10:00 | 2024-06-20 10:00
    at_cutoff | 2024-05-31 23:59 | 2024-05-31 23:59
    last      | 2024-06-01 00:00 | 2024-06-01 00:00
    too_late  | 2024-07-01 00:00 | 2024-07-01 00:00
    told_late | 2024-06-20 10:00 | 2024-07-01 00:00
"""


@pytest.mark.parametrize(
    ("among", "cohort", "others"),
    [
        ("active", {"before", "last"}, {"inactive"}),
        ("gone", {"at_cutoff"}, {"still active", "never active"}),
    ],
)
def test_activity_in_another_table_decides_as_a_label_of_inactivity_does(
    tmp_path: Path, among: str, cohort: set[str], others: set[str]
) -> None:
    label = {"among": among, "active_in": "logins", "active_days": 30}

    found = reasons(world_of(tmp_path, label, logins=LOGINS))

    assert {who for who, reason in found.items() if reason is None} == cohort
    assert {reason for reason in found.values() if reason} == others


def test_once_leaves_out_who_had_the_event_as_far_as_was_known_at_the_cutoff(tmp_path: Path) -> None:
    upgrades = """
        customer | happened_at      | kind | known_at
        earlier  | 2024-06-30 23:59 | plan | 2024-06-30 23:59
        at       | 2024-07-01 00:00 | plan | 2024-07-01 00:00
        told     | 2024-06-01 00:00 | plan | 2024-07-01 00:00
        other    | 2024-06-01 00:00 | seat | 2024-06-01 00:00
    """
    label = UPGRADE | {"once": True, "where": "kind = 'plan'"}

    found = reasons(draw(tmp_path, upgrades=upgrades, label=label, since=None))

    assert found == {"earlier": "already had the event", "at": None, "told": None, "other": None}


def test_the_event_matures_without_a_grace_once_late_rows_have_arrived(tmp_path: Path) -> None:
    world = draw(tmp_path, upgrades=UPGRADES, label=UPGRADE | {"gap_days": 5}, since=None)

    assert label_window(CUTOFF, world.store.params.label, 3).mature_on == date(2024, 7, 19)


def test_the_table_of_activity_must_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(
        ParamsError, match=r"label\.active_in 'subscriptions' is not among the tables.*among to all"
    ):
        world_of(tmp_path, {"among": "active"})
