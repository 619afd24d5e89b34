"""The optional fields of plays: stages, first reasons, nights in a row, follow-ups, lists, variants."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.errors import PlaybookError
from churn.params import ProfitParams
from churn.scoring.playbook import nights_in_a_row, parse_playbook

KINDS = {"tenure_days": "number", "logins_days_since_last": "number", "survey_last_rating": "number"}
REST = "action: call, owner: success, due_in_days: 2, success: stays"
CALL = f"{REST}, channel: phone"
ALL = "when: {health: {at_most: 5}}"
STAGES = """stages:
  onboarding: {tenure_days: {below: 60}}
  lapsing: {logins_days_since_last: {at_least: 30}}
  active: {health: {at_most: 5}}
"""


def book(*plays, head=""):
    return parse_playbook(head + "plays:\n" + "".join(f"  - {{{play}}}\n" for play in plays), KINDS)


def problems_of(*plays, head=""):
    with pytest.raises(PlaybookError) as caught:
        book(*plays, head=head)
    return caught.value.problems


def columns(**values):
    return {name: np.array(row, dtype=float) for name, row in values.items()}


def test_a_play_of_a_stage_holds_only_for_customers_whose_first_stage_it_is():
    playbook = book(f"name: p, {ALL}, {CALL}, stage: lapsing", head=STAGES)
    signals = columns(tenure_days=[10, 400, 400], logins_days_since_last=[40, 40, 1], health=[3, 3, 3])

    holding = playbook.holds(signals, 3)

    assert playbook.stages_of(signals, 3).tolist() == ["onboarding", "lapsing", "active"]
    assert holding.tolist() == [[False, True, False]]


def test_a_customer_of_no_stage_has_none_and_gets_no_play_of_a_stage():
    playbook = book(f"name: p, {ALL}, {CALL}, stage: lapsing", head=STAGES)
    signals = columns(tenure_days=[np.nan], logins_days_since_last=[1], health=[np.nan])

    assert playbook.stages_of(signals, 1).tolist() == [None]
    assert playbook.holds(signals, 1).tolist() == [[False]]


def test_a_play_of_several_stages_takes_each_of_them():
    playbook = book(f"name: p, {ALL}, {CALL}, stage: [onboarding, active]", head=STAGES)
    signals = columns(tenure_days=[10, 400, 400], logins_days_since_last=[40, 40, 1], health=[3, 3, 3])

    assert playbook.holds(signals, 3).tolist() == [[True, False, True]]


def test_a_play_whose_stage_cannot_hold_without_its_tables_is_switched_off():
    playbook = book(f"name: p, {ALL}, {CALL}, stage: lapsing", head=STAGES)

    assert playbook.switched_off({"health", "tenure_days"}) == {"p": ("logins_days_since_last",)}
    assert playbook.switched_off({"health", "logins_days_since_last"}) == {}


def test_the_play_that_follows_the_first_reason_goes_before_the_order_of_the_file():
    playbook = book(
        f"name: general, {ALL}, {CALL}",
        f"name: bill, when: {{health: {{at_most: 3}}}}, {CALL}, follows: [payment]",
    )
    signals = columns(health=[2, 2, 2, 4])

    chosen = playbook.choose(signals, 4, first_families=["payment", "activity", None, "payment"])

    assert chosen.tolist() == [1, 0, 0, 0]
    assert playbook.choose(signals, 4).tolist() == [0, 0, 0, 0]


def test_a_play_waits_until_its_condition_has_held_for_its_nights():
    playbook = book(f"name: p, {ALL}, {CALL}, for_nights: 3")
    signals = columns(health=[2, 2, 2])
    before = np.array([[1, 2, 9]])

    counts = nights_in_a_row(before, playbook.holds(signals, 3))

    assert counts.tolist() == [[2, 3, 10]]
    assert playbook.choose(signals, 3, nights_held=counts).tolist() == [-1, 0, 0]
    assert playbook.choose(signals, 3).tolist() == [-1, -1, -1]


def test_a_follow_up_comes_after_its_days_and_its_result_and_only_once():
    playbook = book(
        f"name: mail, {ALL}, {REST}, channel: email, stage: lapsing",
        f"name: call, {CALL}, after: {{play: mail, days: 7}}",
        head=STAGES,
    )
    rows = [  # customer, play, planned, due, result; the cutoff is 20 March
        ("ann", "mail", "2024-03-10", "2024-03-13", None),  # seven days ago: follows
        ("bob", "mail", "2024-03-11", "2024-03-14", None),  # six days ago
        ("cem", "mail", "2024-03-10", "2024-03-13", "done"),  # answered
        ("dea", "mail", "2024-03-10", "2024-03-13", "no answer"),
        ("eva", "mail", "2024-03-01", "2024-03-04", None),  # the call was planned already
        ("eva", "call", "2024-03-12", "2024-03-14", None),
        ("fil", "mail", "2024-01-01", "2024-01-04", None),  # a later mail was answered
        ("fil", "mail", "2024-03-02", "2024-03-04", "done"),
        ("gus", "mail", "2024-03-01", "2024-03-04", None),  # the call belongs to an earlier mail
        ("gus", "call", "2024-02-01", "2024-02-03", None),
    ]
    tasks = pd.DataFrame(rows, columns=["customer_id", "play", "planned_on", "due_at", "result"])
    customers = ["ann", "bob", "cem", "dea", "eva", "fil", "gus", "hal"]

    may_follow = playbook.follow_ups(tasks, customers, date(2024, 3, 20))

    assert may_follow[0].all()
    assert dict(zip(customers, may_follow[1].tolist(), strict=True)) == {
        **dict.fromkeys(["ann", "dea", "gus"], True),
        **dict.fromkeys(["bob", "cem", "eva", "fil", "hal"], False),
    }
    signals = columns(health=[2] * 8, logins_days_since_last=[1] * 8)
    chosen = playbook.choose(signals, 8, may_follow=may_follow)
    assert (chosen == 1).tolist() == may_follow[1].tolist()
    assert (playbook.choose(signals, 8) == -1).all()


def test_without_earlier_tasks_nothing_follows():
    playbook = book(f"name: mail, {ALL}, {CALL}", f"name: call, {CALL}, after: {{play: mail, days: 7}}")
    tasks = pd.DataFrame(columns=["customer_id", "play", "planned_on", "due_at", "result"])

    assert playbook.follow_ups(tasks, ["ann"], date(2024, 3, 20)).tolist() == [[True], [False]]


def test_the_plays_of_one_list_do_not_mix_with_those_of_another():
    playbook = book(f"name: thanks, {ALL}, {CALL}, for: advocates", f"name: call, {ALL}, {CALL}")
    signals = columns(health=[5])

    assert playbook.choose(signals, 1).tolist() == [1]
    assert playbook.choose(signals, 1, audience="advocates").tolist() == [0]
    assert playbook.choose(signals, 1, audience="gone").tolist() == [-1]


def test_a_play_that_is_off_is_never_taken_and_says_why():
    playbook = book(f"name: p, {ALL}, {CALL}, pause: no budget this year", f"name: q, {ALL}, {CALL}")

    assert playbook.choose(columns(health=[1]), 1).tolist() == [1]
    assert playbook.pause_reasons == {"p": "no budget this year"}


def test_the_first_of_the_channels_is_the_channel():
    play = book(f"name: p, {ALL}, {REST}, channels: [email, phone]").rules[0].play

    assert (play.channel, play.channel_order) == ("email", ("email", "phone"))
    assert book(f"name: p, {ALL}, {CALL}").rules[0].play.channel_order == ("phone",)


def test_a_play_that_prefers_the_customers_channel_names_the_channels_to_choose_from():
    play = book(f"name: p, {ALL}, {REST}, channel: preferred, channels: [email, phone]").rules[0].play

    assert (play.prefers_own_channel, play.channel_order) == (True, ("email", "phone"))
    for channels in ("", ", channels: [email]"):
        (problem,) = problems_of(f"name: p, {ALL}, {REST}, channel: preferred{channels}")
        assert (
            "plays[0].channel 'preferred' chooses among several channels, so 'channels' must name two"
            in problem
        )


def test_a_play_states_its_own_costs_and_takes_the_others_from_the_parameters():
    defaults = ProfitParams(contact_cost=1, incentive_cost=10, accept_share=0.3)
    play = book(f"name: p, {ALL}, {CALL}, cost: 0, accept_share: 0.2").rules[0].play

    assert play.terms(defaults) == ProfitParams(contact_cost=0, incentive_cost=10, accept_share=0.2)


def test_variants_share_the_customers_by_their_weights():
    variants = "variants: {plain: {subject: Hello, weight: 3}, warm: {subject: 'Dear {{ name }}'}}"
    play = book(f"name: p, {ALL}, {CALL}, {variants}, control: 0.2").rules[0].play

    assert play.variant_shares() == {"plain": 0.75, "warm": 0.25}
    assert play.control == 0.2


@pytest.mark.parametrize(
    ("play", "problem"),
    [
        ("stage: lapsin", "plays[0].stage 'lapsin' is not under stages. Did you mean 'lapsing'?"),
        ("follows: [paymet]", "plays[0].follows 'paymet' is no family. Did you mean 'payment'?"),
        ("for: advocate", "plays[0].for ('advocate'): expected 'at risk', 'advocates' or 'gone'. Did you"),
        ("for_nights: 0", "plays[0].for_nights (0): Input should be greater than or equal to 1."),
        ("control: 0.6", "plays[0].control (0.6): Input should be less than or equal to 0.5."),
        ("accept_share: 1", "plays[0].accept_share (1): Input should be less than 1."),
        ("cost: -1", "plays[0].cost (-1): Input should be greater than or equal to 0."),
        ("after: {play: q, days: 3}", "plays[0].after.play 'q' is no play."),
        (
            "after: {play: p, days: 3}",
            "plays[0].after.play 'p' is this play, and a play cannot follow itself.",
        ),
        (
            "after: {play: q, days: 3, day: 3}",
            "plays[0].after.day is not a part of a playbook. Did you mean 'days'?",
        ),
        ("variants: {A: {subject: Hi}}", "plays[0].variants.A ('A'): a name has only lower-case letters"),
        ("variants: {a: {weight: 2}}", "plays[0].variants.a: give 'subject', 'template' or both."),
        ("variants: {a: {sbject: x}}", "plays[0].variants.a.sbject is not a part of a playbook. Did you"),
        (
            "variants: {a: {subject: '{{ nam }}'}}",
            "subject, line 1: 'nam' is not a variable. Did you mean 'name",
        ),
        ("variants: {a: {subject: '{{ name'}}", "subject, line 1: the template breaks the syntax of jinja2"),
        ("channels: [email, phone]", "plays[0].channel 'phone' must be the first name under 'channels'."),
        ("channels: [phone, phone]", "plays[0].channels names a channel twice; keep it once."),
        ("fr_nights: 2", "plays[0].fr_nights is not a part of a playbook. Did you mean 'for_nights'?"),
    ],
)
def test_a_mistake_in_an_optional_field_is_named_with_its_line(play, problem):
    problems = problems_of(f"name: p, {ALL}, {CALL}, {play}", head=STAGES)

    assert any(f"line 6: plays[0].{problem.removeprefix('plays[0].')}" in line for line in problems) or any(
        line.startswith("playbook.yaml: line 6: plays[0].variants.a") and problem in line for line in problems
    )
    assert len(problems) == 1 + ("day: 3" in play)


@pytest.mark.parametrize(
    ("play", "problem"),
    [
        ("action: {en: call}", "plays[0].action has no text in 'de', the language of `score.language`."),
        ("success: {text: {en: stays}, when: {stays: true}, within_days: 9}", "plays[0].success.text has no"),
        ("action: {de: anrufen, fr: appeler}", "plays[0].action.fr ('fr')"),
        ("action: {}", "plays[0].action"),
    ],
)
def test_a_text_that_the_team_cannot_read_is_a_mistake_with_its_line(play, problem):
    others = [part for part in ("action: call", "success: stays") if part.split(":")[0] not in play[:8]]
    text = f"name: p, {ALL}, owner: success, due_in_days: 2, channel: phone, {play}, {', '.join(others)}"

    with pytest.raises(PlaybookError) as caught:
        parse_playbook(f"plays:\n  - {{{text}}}\n", KINDS, language="de")

    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"playbook.yaml: line 2: {problem}")


def test_a_text_is_shown_in_the_language_of_the_team_and_one_without_languages_as_it_is():
    both, plain = "action: {en: call, de: anrufen}", "action: anrufen"
    rest = f"{ALL}, owner: s, due_in_days: 2, channel: phone, success: stays"

    plays = [book(f"name: p, {rest}, {action}").rules[0].play for action in (both, plain)]

    assert [play.action_in("de") for play in plays] == ["anrufen", "anrufen"]
    assert [play.action_in("en") for play in plays] == ["call", "anrufen"]
    assert plays[0].success_in("de") == "stays"


def test_the_line_is_that_of_the_key_and_not_of_the_play():
    text = f"plays:\n  - name: p\n    {ALL}\n    action: call\n    owner: success\n    channel: phone\n"
    text += "    due_in_days: 2\n    success: stays\n    stage: gone\n"

    with pytest.raises(PlaybookError) as caught:
        parse_playbook(text, KINDS)

    assert caught.value.problems == ("playbook.yaml: line 9: plays[0].stage 'gone' is not under stages.",)


def test_a_mistake_in_a_stage_is_named_with_its_line():
    newest = "  newest: {tenure_days: {below: 9}}\n"
    head = "stages:\n  new: {tenure_days: {below: 60}}\n" + newest + "  old: {tenur: {}}\n"

    problems = problems_of(f"name: p, {ALL}, {CALL}", head=head)

    assert any(
        line.startswith("playbook.yaml: line 4: stages.old.tenur is not a signal.") for line in problems
    )
    assert any(
        "line 3: stages.newest can never apply: the earlier stage 'new' already takes" in line
        for line in problems
    )


def test_plays_that_follow_each_other_in_a_circle_are_a_mistake():
    problems = problems_of(
        f"name: p, {CALL}, after: {{play: q, days: 1}}", f"name: q, {CALL}, after: {{play: p, days: 1}}"
    )

    assert all("follow each other in a circle" in line for line in problems)
    assert len(problems) == 2


def test_a_play_without_a_condition_needs_an_earlier_play():
    assert problems_of(f"name: p, {CALL}") == (
        "playbook.yaml: line 2: plays[0].when is missing; only a play with 'after' may lack this key.",
    )


@pytest.mark.parametrize(
    ("earlier", "later", "is_mistake"),
    [
        ("", "", True),
        ("", "follows: [payment]", False),  # the reason brings it forward
        ("follows: [payment]", "follows: [payment]", True),
        ("follows: [payment]", "", True),  # in the order of the file the earlier play is first
        ("for: advocates", "", False),
        ("stage: lapsing", "", False),
        ("stage: lapsing", "stage: lapsing", True),
        ("stage: [lapsing, active]", "stage: lapsing", True),
        ("", "stage: lapsing", True),
        ("for_nights: 3", "", False),
        ("", "for_nights: 3", True),
        ("pause: later", "", False),
        ("after: {play: third, days: 3}", "", False),
    ],
)
def test_a_play_is_shadowed_only_if_the_earlier_play_takes_all_its_customers(earlier, later, is_mistake):
    plays = [f"name: first, {ALL}, {CALL}, {earlier}", f"name: second, {ALL}, {CALL}, {later}"]
    plays.append(f"name: third, {ALL}, {CALL}, follows: [contract]")

    if is_mistake:
        assert "plays[1] 'second' can never apply" in problems_of(*plays, head=STAGES)[0]
    else:
        assert len(book(*plays, head=STAGES).rules) == 3


def test_an_owner_that_is_not_in_the_list_of_owners_is_a_mistake():
    play = f"name: p, {ALL}, {CALL}"

    problems = problems_of(play, head="owners: [succes, sales]\n")

    assert problems == (
        "playbook.yaml: line 3: plays[0].owner 'success' is not under owners. Did you mean 'succes'?",
    )
    assert len(book(play, head="owners: [success]\n").rules) == 1


def with_owners(*owners):
    bands = range(1, len(owners) + 1)
    return book(
        *(
            f"name: p{band}, when: {{health: {{equals: {band}}}}}, action: a, owner: {owner}, "
            "channel: phone, due_in_days: 2, success: stays"
            for band, owner in zip(bands, owners, strict=True)
        )
    )


@pytest.mark.parametrize("typo", ["customer sucess", "Customer Success", "customer-success"])
def test_an_owner_that_is_nearly_another_owner_is_a_warning(typo):
    playbook = with_owners("customer success", "customer success", typo)

    assert playbook.warnings == (
        f"playbook.yaml: line 4: plays[2].owner '{typo}' is spelled nearly like 'customer success', which "
        "is the owner of 2 plays. If both names mean the same owner, use only one of them.",
    )


@pytest.mark.parametrize(
    "owners", [("sales", "support"), ("team 1", "team 2"), ("team a", "team b"), ("ann", "anna"), ("x", "x")]
)
def test_owners_that_differ_on_purpose_are_no_warning(owners):
    assert with_owners(*owners).warnings == ()


def test_a_stage_without_any_play_is_a_warning():
    of_stage = [f"name: p{stage}, {ALL}, {CALL}, stage: {stage}" for stage in ("onboarding", "lapsing")]

    some = book(*of_stage, head=STAGES)
    rest = book(*of_stage, f"name: rest, {ALL}, {CALL}", head=STAGES)

    assert some.warnings == (
        "playbook.yaml: line 4: stages.active has no play: customers in this stage get no play.",
    )
    assert rest.warnings == ()


@pytest.mark.parametrize(
    ("audience", "key"),
    [
        ("advocates", "follows: [payment]"),
        ("gone", "variants: {a: {subject: Hi}}"),
        ("gone", "stage: lapsing"),
        ("gone", "for_nights: 2"),
    ],
)
def test_a_list_has_no_keys_of_reasons_and_earlier_tasks(audience, key):
    when = "when: {days_since_left: {at_most: 9}}" if audience == "gone" else ALL

    problems = problems_of(f"name: p, {when}, {CALL}, for: {audience}, {key}", head=STAGES)

    name = key.split(":")[0]
    assert len(problems) == 1
    assert problems[0].startswith(
        f"playbook.yaml: line 6: plays[0].{name} does not work in a play with 'for: {audience}'"
    )


def test_a_budget_bounds_only_a_list_with_a_control_group():
    list_play = f"name: p, {ALL}, {CALL}, for: advocates"

    assert book(f"{list_play}, control: 0.2, budget: 5").rules[0].play.budget == 5
    for play in (f"{list_play}, budget: 5", f"name: p, {ALL}, {CALL}, control: 0.2, budget: 5"):
        (problem,) = problems_of(play)
        assert (
            "plays[0].budget limits the new contacts of a list, and works only in a list with a "
            "control group" in problem
        )


def test_a_play_for_those_who_are_gone_may_use_only_what_is_known_of_them():
    gone = problems_of(f"name: p, {ALL}, {CALL}, for: gone")
    at_risk = problems_of(f"name: p, when: {{days_since_left: {{at_most: 9}}}}, {CALL}")

    assert gone[0].startswith("playbook.yaml: line 2: plays[0].when.health is not a signal.")
    assert at_risk[0].startswith("playbook.yaml: line 2: plays[0].when.days_since_left is not a signal.")


def test_a_play_for_those_who_are_gone_holds_for_nobody_else_and_is_never_off():
    playbook = book(
        f"name: back, when: {{monthly_value: {{below: 9, or_missing: true}}}}, {CALL}, for: gone",
        f"name: call, {ALL}, {CALL}",
    )
    at_risk = columns(health=[1.0, 2.0])
    churners = columns(days_since_left=[3.0, 5.0], monthly_value=[np.nan, 90.0], tenure_days=[1.0, 1.0])

    assert playbook.choose(at_risk, 2).tolist() == [1, 1]
    assert playbook.choose(churners, 2, audience="gone").tolist() == [0, -1]
    assert playbook.holds(at_risk, 2)[0].tolist() == [False, False]
    assert playbook.switched_off({"health"}) == {}
