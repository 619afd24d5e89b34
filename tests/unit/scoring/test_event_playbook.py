"""A playbook with a label of an event: what speaks of leaving is refused, with the place."""

from __future__ import annotations

import pytest

from churn.errors import PlaybookError
from churn.scoring.playbook import Playbook, parse_playbook

PLAY = """
plays:
  - name: offer
    when: {when}
    action: Offer the larger plan
    owner: sales
    channel: email
    due_in_days: 3
    success: {success}
"""


def playbook(when: str, success: str = "A larger plan", more: str = "", is_event: bool = True) -> Playbook:
    text = PLAY.replace("{when}", when).replace("{success}", success).rstrip("\n") + f"\n{more}"
    return parse_playbook(text, {"login_change": "number"}, events={"upgrades"}, is_event=is_event)


def test_a_play_may_ask_for_the_probability_of_the_event_and_for_signals() -> None:
    rules = playbook("{event_probability: {at_least: 0.1}, login_change: {above: 1}}").rules

    assert [rule.play.name for rule in rules] == ["offer"]


@pytest.mark.parametrize("column", ["churn_probability", "health", "health_payment", "value_at_risk"])
def test_a_condition_on_leaving_is_refused_and_names_the_way_out(column: str) -> None:
    with pytest.raises(
        PlaybookError, match=rf"line 4: .*{column} is a figure about churn.*Use event_probability"
    ):
        playbook(f"{{{column}: {{at_least: 1}}}}")


@pytest.mark.parametrize("criterion", ["{health_at_least: 3}", "{stays: true}", "{any: [{stays: true}]}"])
def test_a_success_that_speaks_of_leaving_is_refused(criterion: str) -> None:
    success = f"{{text: A larger plan, within_days: 30, when: {criterion}}}"

    with pytest.raises(PlaybookError, match="is a figure about churn, but the label is of kind event"):
        playbook("{event_probability: {at_least: 0.1}}", success)


def test_a_success_by_an_event_is_taken() -> None:
    success = "{text: A larger plan, within_days: 30, when: {event: upgrades}}"

    assert playbook("{event_probability: {at_least: 0.1}}", success).rules[0].success is not None


@pytest.mark.parametrize("audience", ["advocates", "gone"])
def test_the_lists_by_health_and_of_those_gone_are_refused(audience: str) -> None:
    when = "{login_change: {above: 1}}" if audience == "advocates" else "{tenure_days: {above: 1}}"

    with pytest.raises(PlaybookError, match=f"for '{audience}' does not work with a label of kind event"):
        playbook(when, more=f"    for: {audience}")


def test_with_a_label_of_churn_the_probability_of_an_event_is_unknown() -> None:
    with pytest.raises(PlaybookError, match="event_probability is not a signal"):
        playbook("{event_probability: {at_least: 0.1}}", is_event=False)
