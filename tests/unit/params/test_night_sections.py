"""The section of an experiment that the company ran by itself: what is missing or contradicts is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from churn.params import OutsideParams

SETTINGS = {
    "name": "mail",
    "from": "mails",
    "unit": "id",
    "arm": "arm",
    "control": "none",
    "treated": "mail",
    "outcome": "visit",
    "wanted": True,
}


def test_one_treated_arm_needs_no_list_and_numbers_are_texts() -> None:
    experiment = OutsideParams.model_validate(
        SETTINGS | {"control": 0, "treated": [1, 2], "sizes": {0: 1, 1: 2, 2: 2}}
    )

    assert experiment.arms == ("0", "1", "2")
    assert OutsideParams.model_validate(SETTINGS).arms == ("none", "mail")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from": None}, "give either 'from'"),
        ({"query": "select 1"}, "give either 'from'"),
        ({"treated": ["mail", "none"]}, "each arm stands once"),
        ({"leave_out": ["mail"]}, "each arm stands once"),
        ({"sizes": {"none": 1}}, "'sizes' needs a number for each arm and for no other: none, mail"),
        ({"sizes": {"none": 1, "mail": 0}}, "greater than 0"),
        ({"wanted": None}, "'wanted' is missing"),
        ({"outcome": "label"}, "leaving is not wanted"),
        ({"outcome": "label", "wanted": None}, "needs 'assigned_at'"),
        ({"score": "risk"}, "belong together"),
        ({"score": "risk", "score_at": "scored"}, "needs 'assigned_at'"),
        ({"control": False}, "needs quotes"),
    ],
)
def test_a_section_that_is_incomplete_or_contradicts_itself_is_refused(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        OutsideParams.model_validate(SETTINGS | change)
