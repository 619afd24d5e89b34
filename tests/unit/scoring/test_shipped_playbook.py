"""The playbook that is shipped: its plays hold when they should, and its texts can be filled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from churn.contact.templates import fill_template
from churn.features.library import all_signals
from churn.features.signal import FAMILIES
from churn.params import LabelParams, Params
from churn.scoring.conditions import SCORE_COLUMNS
from churn.scoring.playbook import read_playbook
from churn.scoring.template_files import CONTACT_VARIABLES, LANGUAGES

ROOT = Path(__file__).parents[3]
CUSTOMER = {
    "survey_last_rating": 5.0,
    "payment_days_overdue": 12.0,
    "tickets_oldest_open_days": 6.0,
    "subscription_days_to_renewal": 20.0,
    "tenure_days": 45.0,
    "logins_days_since_last": 17.0,
    "orders_days_since_last": 80.0,
    "emails_unopened_run": 4.0,
    "loyalty_tier_days_left": 20.0,
    "loyalty_tier": "silver",
    "health": 2,
}
MAY_BE_MISSING = ("payment_days_overdue", "tickets_oldest_open_days", *list(CUSTOMER)[5:7])
"""The facts that a play uses and that a customer of the play may not have."""

CONTACT = {"customer_id": "c1", "name": "Ana Weber", "owner": "Kim", "channel": "email", "play": "p"}
CONTACT |= {"due_at": "2024-03-05", "reasons": ["a payment is 12 days overdue"]}


def kinds():
    label = LabelParams(kind="inactivity", table="orders", horizon_days=28)
    signals = all_signals(Params(source="nowhere", label=label))
    return {name: signal.kind for name, signal in signals.items()}


@pytest.fixture(scope="module")
def playbook():
    return read_playbook(ROOT / "playbook.yaml", kinds(), "de")


def test_the_shipped_playbook_has_ten_plays_and_two_general_plays_and_no_warning(playbook):
    assert [rule.play.name for rule in playbook.rules] == [
        "low-rating",
        "payment-overdue",
        "slow-support",
        "contract-ending",
        "first-value",
        "gone-quiet",
        "mails-unopened",
        "tier-at-risk",
        "check-in",
        "keep-in-touch",
        "win-back",
        "advocates",
    ]
    assert playbook.warnings == ()
    assert all(rule.success is not None for rule in playbook.rules)
    assert playbook.pause_reasons == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_play_says_what_to_do_in_each_language(playbook, language):
    actions = {rule.play.action_in(language) for rule in playbook.rules}
    successes = {rule.play.success_in(language) for rule in playbook.rules}

    other = "de" if language == "en" else "en"
    assert len(actions) == len(playbook.rules)
    assert not actions & {rule.play.action_in(other) for rule in playbook.rules}
    assert not successes & {rule.play.success_in(other) for rule in playbook.rules}


NOTHING = {"survey_last_rating": 8, "tenure_days": 400, "health": 4, "logins_days_since_last": 1}


def chosen_play(playbook, facts, family=None):
    rules = [rule for rule in playbook.rules if rule.play.audience != "gone"]
    names = {name for rule in rules for name in rule.condition.names()}
    names |= {name for stage in playbook.stages for name in stage.condition.names()}
    columns = {name: np.array([{**NOTHING, **facts}.get(name, np.nan)], dtype=float) for name in names}

    chosen = int(playbook.choose(columns, 1, first_families=[family])[0])

    return playbook.rules[chosen].play.name if chosen >= 0 else None


@pytest.mark.parametrize(
    ("facts", "play"),
    [
        ({}, None),
        ({"survey_last_rating": 6}, "low-rating"),
        ({"survey_last_rating": 7}, None),
        ({"payment_days_overdue": 3}, "payment-overdue"),
        ({"payment_days_overdue": 2}, None),
        ({"payments_failed": 1, "payments_skipped": 1}, "payment-overdue"),
        ({"payments_failed": 1, "payments_skipped": 0}, None),
        ({"tickets_reply_hours": 24}, "slow-support"),
        ({"tickets_oldest_open_days": 5}, "slow-support"),
        ({"subscription_days_to_renewal": 30, "health": 3}, "contract-ending"),
        ({"subscription_days_to_renewal": 30}, None),
        ({"tenure_days": 20, "logins_count_28d": 3}, "first-value"),
        ({"tenure_days": 60, "logins_count_28d": 3}, None),
        ({"logins_days_since_last": 14}, "gone-quiet"),
        ({"logins_days_since_last": 14, "orders_days_since_last": 2}, None),
        ({"emails_unopened_run": 3, "health": 3}, "mails-unopened"),
        ({"emails_unopened_run": 2, "health": 3}, "keep-in-touch"),
        ({"health": 2}, "check-in"),
        ({"health": 3}, "keep-in-touch"),
        ({"loyalty_tier_days_left": 30, "health": 3}, "tier-at-risk"),
        ({"loyalty_tier_days_left": 31, "health": 3}, "keep-in-touch"),
        ({"loyalty_tier_days_left": 30}, None),
    ],
)
def test_each_play_holds_when_it_should(playbook, facts, play):
    assert chosen_play(playbook, facts) == play


@pytest.mark.parametrize("family", FAMILIES)
def test_a_play_about_something_else_does_not_come_before_a_check_in(playbook, family):
    facts = {"survey_last_rating": 3, "health": 2}

    assert chosen_play(playbook, facts, family) == ("low-rating" if family == "sentiment" else "check-in")
    assert chosen_play(playbook, facts) == "low-rating"
    assert chosen_play(playbook, facts | {"health": 3}, family) == "low-rating"


def test_an_advocate_is_on_a_list_of_its_own(playbook):
    facts = {"survey_last_rating": 9, "health": 4, "tenure_days": 180, "logins_days_since_last": 1}
    columns = {name: np.array([value], dtype=float) for name, value in facts.items()}

    assert playbook.choose(columns, 1).tolist() == [-1]
    advocate = playbook.choose(columns, 1, audience="advocates")[0]
    assert playbook.rules[advocate].play.name == "advocates"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_known", [True, False])
def test_each_template_is_filled_for_a_customer(playbook, language, is_known):
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    facts = dict.fromkeys([*kinds(), *SCORE_COLUMNS]) | CUSTOMER
    if not is_known:
        facts |= dict.fromkeys(MAY_BE_MISSING)
    plays = [rule.play for rule in playbook.rules]
    for play, channel in [(own, name) for own in plays for name in own.channel_order]:
        text = playbook.templates.texts[play.template, language]
        contact = CONTACT if is_known else {**CONTACT, "name": None, "reasons": []}

        filled = environment.from_string(text).render({**facts, **contact, "channel": channel})

        assert "None" not in filled
        assert "{" not in filled
        assert "..." not in filled  # an outbox sends the text as it is
        assert "…" not in filled
        assert ("Ana Weber" in filled) is is_known
        assert filled.startswith("Subject: ") is (channel == "email")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_tells_the_customer_no_reason_and_gives_the_customer_no_task_of_the_owner(playbook, language):
    facts = dict.fromkeys([*kinds(), *SCORE_COLUMNS]) | CUSTOMER | CONTACT
    plays = [rule.play for rule in playbook.rules if rule.play.channel_order == ("phone", "email")]
    texts = [playbook.templates.texts[play.template, language] for play in plays]

    mails, scripts = (
        [fill_template(text, facts | {"channel": channel}, location="t") for text in texts]
        for channel in ("email", "phone")
    )

    reason, signature = CONTACT["reasons"][0], CONTACT["owner"]
    assert [play.name for play in plays] == ["low-rating", "slow-support", "contract-ending", "check-in"]
    assert not any(reason in mail.body for mail in mails)
    assert all(mail.subject and mail.body.endswith(f"\n{signature}\n") for mail in mails)
    assert sum(reason in script.body for script in scripts) == 3
    assert all(script.subject is None for script in scripts)


def test_each_template_belongs_to_a_play_and_exists_in_each_language(playbook):
    used = {name for rule in playbook.rules for name in rule.play.templates}

    assert set(playbook.templates.texts) == {(name, language) for name in used for language in LANGUAGES}
    assert not used & set(CONTACT_VARIABLES)
