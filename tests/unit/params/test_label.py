"""The label of params.yaml: which keys belong to which kind, and what its id depends on."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from churn.params import LabelParams, Params

UPGRADE = {"kind": "event", "table": "upgrades", "horizon_days": 30}


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"kind": "event", "horizon_days": 30}, "'table' is needed: the table whose rows are the event"),
        (UPGRADE | {"grace_days": 3}, "'grace_days' belongs to labels of churn"),
        (UPGRADE | {"leaving": "voluntary"}, "'leaving' belongs to labels of churn"),
        (UPGRADE | {"accept_reactivation": "why"}, "'accept_reactivation' belongs to labels of churn"),
        (UPGRADE | {"among": "all", "active_in": "orders"}, "'among: all' takes everybody"),
        (UPGRADE | {"active_days": 30}, "'active_days' needs 'active_in'"),
        (UPGRADE | {"where": " "}, "should match pattern"),
        ({"kind": "contract", "horizon_days": 30, "once": True}, "'once' belongs to kind event"),
        (
            {"kind": "inactivity", "table": "orders", "horizon_days": 30, "where": "x", "among": "gone"},
            "'where' and 'among' belong to kind event",
        ),
    ],
)
def test_a_key_of_another_kind_is_refused(label: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LabelParams.model_validate(label)


@pytest.mark.parametrize(
    "label",
    [
        UPGRADE,
        UPGRADE | {"where": "value > 0", "once": True, "event_name": "upgrade"},
        UPGRADE | {"among": "gone", "active_in": "orders", "active_days": 30},
        UPGRADE | {"among": "all"},
    ],
)
def test_the_keys_of_an_event_are_taken(label: dict[str, Any]) -> None:
    assert LabelParams.model_validate(label).is_event


def test_labels_of_churn_are_written_down_without_the_keys_of_an_event() -> None:
    label = LabelParams(kind="contract", horizon_days=31)

    assert list(label.model_dump(mode="json")) == [
        *("kind", "table", "horizon_days", "gap_days", "active_days", "grace_days", "leaving"),
        *("involuntary_reasons", "accept_reactivation"),
    ]
    assert Params(source="raw", label=label).label_id == "3fc3c8112f81"


@pytest.mark.parametrize("change", [{"where": "value > 1"}, {"among": "all"}, {"once": True}])
def test_the_id_of_a_label_depends_on_what_decides_the_event(change: dict[str, Any]) -> None:
    first, second = (
        Params(source="raw", label=LabelParams.model_validate(label)) for label in (UPGRADE, UPGRADE | change)
    )

    assert first.label_id != second.label_id


def test_the_name_of_the_event_is_a_word_and_no_part_of_the_id() -> None:
    unnamed = Params(source="raw", label=LabelParams.model_validate(UPGRADE))
    named = Params(source="raw", label=LabelParams.model_validate(UPGRADE | {"event_name": "larger plan"}))

    assert unnamed.label.words.event == "upgrades"
    assert named.label.words.event == "larger plan"
    assert unnamed.label_id == named.label_id
