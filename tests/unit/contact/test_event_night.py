"""A night whose label is an event: no health, no value at risk, and the most likely customers first."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace
from typing import Any

import pytest

from churn.contact.night import PlannedNight, score_night
from churn.params import LabelParams
from churn.scoring.playbook import parse_playbook
from tests.night_company import KINDS

PLAYBOOK = """
plays:
  - name: offer
    when: {event_probability: {at_least: 0}}
    action: Offer the larger plan
    owner: sales
    channel: phone
    due_in_days: 3
    success: A larger plan
"""


@pytest.fixture
def upgrades(company: SimpleNamespace) -> SimpleNamespace:
    label = LabelParams(kind="event", table="upgrades", horizon_days=28, event_name="upgrade")
    budget = company.params.score.budget.model_copy(update={"contacts": 2})
    score = company.params.score.model_copy(update={"budget": budget})
    company.params = company.params.model_copy(update={"label": label, "score": score})
    company.playbook = parse_playbook(PLAYBOOK, KINDS, is_event=True)
    for entry in company.model.spec["signals"]:
        entry.update(riskier_when="either")
    return company


def rows_of(planned: PlannedNight) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in planned.night.scores.to_pylist()}


def test_the_scores_hold_the_probability_of_the_event_and_neither_health_nor_value(
    upgrades: SimpleNamespace,
) -> None:
    planned = score_night(**vars(upgrades))

    names = planned.night.scores.column_names
    assert "event_probability" in names
    assert not [name for name in names if name.startswith("churn_probability")]
    missing = ("health", "health_activity", "health_support", "value_at_risk")
    for row in rows_of(planned).values():
        assert [row[name] for name in missing] == [None] * len(missing)
    assert rows_of(planned)["ann"]["event_probability"] > rows_of(planned)["bob"]["event_probability"]


def test_the_most_likely_customers_are_on_the_list_whatever_they_pay(upgrades: SimpleNamespace) -> None:
    planned = score_night(**vars(upgrades))

    probability = {who: row["event_probability"] for who, row in rows_of(planned).items() if who != "fil"}
    likeliest = sorted(probability, key=lambda who: -probability[who])[:2]
    lines = list(csv.DictReader(io.StringIO(planned.night.calls.removeprefix("\ufeff"))))
    assert [line["customer_id"] for line in lines] == likeliest
    assert "event_probability" in lines[0]
    assert not {"churn_probability", "health", "value_at_risk"} & set(lines[0])
    assert [line["note"] for line in lines] == ["", ""]


def test_no_profit_is_expected_and_nobody_is_left_out_because_of_one(upgrades: SimpleNamespace) -> None:
    planned = score_night(**vars(upgrades))

    curve = planned.night.facts["profit_curve"]
    assert (curve["n_worth"], curve["n_losing"], curve["n_unknown"]) == (0, 0, 5)
