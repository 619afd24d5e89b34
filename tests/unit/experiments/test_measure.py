"""Measure a drawn ledger: who counts in which arm, what is known, and what is said about it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from churn.errors import Stop
from churn.experiments.effect import Interval, NoVerdict, Verdict, rate_difference
from churn.experiments.measure import NIGHTLY_TARGET, measure, score_dates
from churn.experiments.regression import adjusted_difference
from churn.experiments.result import Effects
from churn.experiments.sequence import difference_sequence, sample_ratio
from tests.drawn_ledger import (
    FIRST,
    LATE,
    SECOND,
    assigned,
    crowd,
    drawn,
    measured,
    names,
    outcomes_of,
    planned,
)


def test_the_difference_is_the_churn_of_the_control_minus_that_of_the_treated():
    # 30 of 100 controls and 180 of 900 treated left: .3 - .2 = .1, so 90 of the 900 were saved.
    ledger = drawn(crowd(100, 900))

    effects = measured(ledger, outcomes_of(names("c", 30) | names("t", 180)))

    universal = effects.universal
    assert universal.difference.control.as_json() == {"n": 100, "churners": 30, "churn": 0.3}
    assert universal.difference.treatment.as_json() == {"n": 900, "churners": 180, "churn": 0.2}
    assert universal.difference.difference.value == pytest.approx(0.1)
    assert universal.difference.verdict == Verdict.FEWER_LEAVE
    assert universal.savings.customers.value == pytest.approx(90)
    assert universal.savings.money.value == pytest.approx(9000)
    assert universal.adjusted_difference.difference.value == pytest.approx(0.1, abs=0.005)
    assert (universal.control_share, universal.ratio.alarm) == (0.1, False)
    assert (universal.first_night, universal.last_night) == (FIRST, FIRST)


def test_there_is_no_verdict_with_fewer_than_20_churners_in_an_arm():
    effects = measured(drawn(crowd(100, 900)), outcomes_of(names("c", 19) | names("t", 180)))

    difference = effects.universal.difference
    assert (difference.verdict, difference.no_verdict_because) == (None, NoVerdict.FEW_CHURNERS)


def test_an_effect_that_the_units_cannot_show_is_said_to_be_undetectable():
    effects = measured(drawn(crowd(4, 36)), outcomes_of({"c0", "t0"}))

    detectable = effects.universal.detectable
    assert detectable.in_words() == (
        "With n = 40 (4 in the control), no effect on a churn rate of 25.0% can be detected."
    )


def test_units_without_matured_outcome_and_without_label_do_not_count():
    # LATE matures 2025-05-29, after the watermark.
    rows = [*crowd(2, 3), assigned("new", "treated", LATE)]

    universal = measured(drawn(rows), outcomes_of({"c0"}, unknown={"t0"})).universal

    assert (universal.immature, universal.without_label) == (1, 1)
    assert (universal.difference.control.n, universal.difference.treatment.n) == (2, 2)


def test_a_unit_left_if_one_of_its_customers_left_and_customers_without_label_tell_nothing():
    rows = [
        assigned("a", "treated", customers=["a", "a2"]),
        assigned("b", "treated", customers=["b", "gone"]),
        assigned("c", "control", customers=["c"]),
    ]

    universal = measured(drawn(rows), outcomes_of({"a2"}, unknown={"gone"})).universal

    assert universal.difference.treatment.as_json() == {"n": 2, "churners": 1, "churn": 0.5}
    assert universal.without_label == 0


def test_units_that_became_one_person_do_not_count():
    rows = [
        *crowd(2, 2),
        assigned("a", "treated", customers=["a"]),
        assigned("b", "control", customers=["b"]),
        assigned("a", "treated", SECOND, customers=["a", "b"]),
    ]

    universal = measured(drawn(rows), outcomes_of(set())).universal

    assert universal.merged_count == 2
    assert (universal.difference.control.n, universal.difference.treatment.n) == (2, 2)


def test_a_unit_that_gained_a_customer_who_was_in_no_unit_counts():
    rows = [assigned("a", "treated"), assigned("a", "treated", SECOND, customers=["a", "b"])]

    universal = measured(drawn(rows), outcomes_of({"b"})).universal

    assert universal.merged_count == 0
    assert universal.difference.treatment.as_json() == {"n": 1, "churners": 0, "churn": 0.0}


def test_units_whose_arm_would_have_changed_do_not_count_also_if_they_left_and_have_no_later_row():
    # The control grows from 5 to 10 % ten days after the start: the positions .05 to .1 change sides. "left"
    # was gone by then, so the ledger has no second row for it; "stays" has one. Neither may count.
    rows = [
        assigned("c", "control", position=0.01, share=0.05),
        assigned("left", "treated", position=0.06, share=0.05),
        assigned("stays", "treated", position=0.07, share=0.05),
        assigned("t", "treated", position=0.5, share=0.05),
        assigned("stays", "control", SECOND, position=0.07, share=0.1),
    ]

    universal = measured(drawn(rows, shares={FIRST: 0.05, SECOND: 0.1}), outcomes_of({"left"})).universal

    assert universal.arm_changed == 2
    assert (universal.difference.control.n, universal.difference.treatment.n) == (1, 1)
    assert universal.control_share == pytest.approx(0.05 / 0.95)


def test_an_arm_that_changes_after_the_outcome_has_matured_counts_as_first_assigned():
    later = FIRST + timedelta(days=28)
    rows = [
        assigned("c", "control", position=0.01, share=0.05),
        assigned("t", "treated", position=0.06, share=0.05),
        assigned("t", "control", later, position=0.06, share=0.1),
    ]

    universal = measured(drawn(rows, shares={FIRST: 0.05, later: 0.1}), outcomes_of({"t"})).universal

    assert universal.arm_changed == 0
    assert universal.difference.treatment.as_json() == {"n": 1, "churners": 1, "churn": 1.0}


def test_units_of_nights_with_another_share_are_not_pooled():
    # Half are controls in a night in which all leave, a tenth in a night in which nobody leaves. Contact does
    # nothing, but pooled arms would differ: 5 of 6 controls and 5 of 14 treated left.
    matured_before = FIRST - timedelta(days=40)
    rows = [*crowd(5, 5, matured_before, "x"), *crowd(1, 9)]
    left = names("xc", 5) | names("xt", 5)

    universal = measured(drawn(rows, shares={matured_before: 0.5, FIRST: 0.1}), outcomes_of(left)).universal

    assert (universal.control_share, universal.other_share) == (0.1, 10)
    assert universal.difference.difference.value == 0
    assert not universal.ratio.alarm


def test_without_a_control_group_there_is_no_effect_and_the_reason_is_repeated():
    effects = measured(drawn(crowd(0, 30), shares={FIRST: 0.0}), outcomes_of(names("t", 3)))

    universal = effects.universal
    assert effects.no_control_because == ("few customers",)
    assert universal.difference.treatment.as_json() == {"n": 30, "churners": 3, "churn": 0.1}
    assert universal.difference.no_verdict_because == NoVerdict.EMPTY_ARM
    assert (universal.savings, universal.ratio, universal.control_share) == (None, None, None)


def test_units_that_could_not_be_controls_do_not_count_beside_those_that_could():
    other = FIRST - timedelta(days=40)
    rows = [*crowd(0, 50, other, "x"), *crowd(1, 9)]

    universal = measured(drawn(rows, shares={other: 0.0, FIRST: 0.1}), outcomes_of(names("xt", 50))).universal

    assert (universal.without_control, universal.other_share) == (50, 0)
    assert universal.difference.treatment.churners == 0


@pytest.mark.parametrize(("n_control", "alarm"), [(100, False), (138, False), (50, True)])
def test_arms_of_the_wrong_size_raise_an_alarm_that_holds_at_every_nightly_look(n_control, alarm):
    # 138 of 1,038 are 3.5 standard errors too many: an alarm for one look, none for looks at every night.
    assert sample_ratio(138, 900, 0.1).alarm

    universal = measured(drawn(crowd(n_control, 900)), outcomes_of(set())).universal

    assert universal.ratio.alarm is alarm


def test_money_is_missing_if_no_value_is_known_and_has_the_mean_of_the_known_ones():
    unknown = [row | {"value": np.nan} for row in crowd(2, 2)]
    partly = [*unknown[:3], unknown[3] | {"value": 50.0}]
    outcomes = outcomes_of({"c0", "c1"})

    without = measured(drawn(unknown), outcomes).universal
    some = measured(drawn(partly), outcomes).universal

    assert without.savings.customers.value == 2
    assert without.savings.money == Interval(value=None, low=None, high=None)
    assert (some.savings.money.value, some.without_value) == (100.0, 3)


def test_units_that_cost_more_than_they_bring_in_have_no_money_to_save():
    rows = [row | {"value": -5.0} for row in crowd(2, 2)]

    savings = measured(drawn(rows), outcomes_of({"c0"})).universal.savings

    assert (savings.customers.value, savings.money.value) == (1.0, None)


def test_a_play_without_own_control_counts_units_at_their_first_task_of_any_play():
    # "both" got its first task from another play, whose contact may decide who gets "call".
    rows = [assigned(unit, arm) for unit, arm in (("c", "control"), ("t", "treated"), ("both", "treated"))]
    tasks = [
        planned("c", "control", "call"),
        planned("t", "treated", "call"),
        planned("t", "treated", "call", SECOND),
        planned("both", "treated", "mail"),
        planned("both", "treated", "call", SECOND),
    ]

    call, mail = measured(drawn(rows, tasks), outcomes_of({"both"})).plays

    assert (call.name, call.control_share, call.after_other_play) == ("call", 0.1, 1)
    assert (call.difference.control.n, call.difference.treatment.n) == (1, 1)
    assert call.first_night == call.last_night == FIRST
    assert (mail.difference.control.n, mail.difference.treatment.churners) == (0, 1)


def test_a_play_with_own_control_is_compared_with_it_and_leaves_out_the_universal_control():
    rows = [assigned("u", "control"), assigned("c", "treated"), assigned("t", "treated")]
    rows += [assigned(unit, "treated", experiment="call", share=0.2, position=0.8) for unit in ("u", "t")]
    rows += [assigned("c", "control", experiment="call", share=0.2, position=0.1)]
    tasks = [
        planned("u", "control", "call"),
        planned("c", "control", "call", control_of="call"),
        planned("t", "treated", "call"),
    ]

    (call,) = measured(drawn(rows, tasks), outcomes_of({"u", "c"})).plays

    assert call.control_share == 0.2
    assert call.difference.control.as_json() == {"n": 1, "churners": 1, "churn": 1.0}
    assert call.difference.treatment.as_json() == {"n": 1, "churners": 0, "churn": 0.0}


def test_variants_are_measured_beside_the_whole_play_and_the_sum_takes_the_whole_play_only():
    rows = [assigned(f"{arm}{i}", arm) for arm in ("control", "treated") for i in range(4)]
    tasks = [
        planned(f"{arm}{i}", arm, "call", variant="a" if i < 2 else "b")
        for arm in ("control", "treated")
        for i in range(4)
    ]
    lonely = planned("treated9", "treated", "mail")

    effects = measured(
        drawn([*rows, assigned("treated9", "treated")], [*tasks, lonely]), outcomes_of(names("control", 2))
    )

    # Of four controls two left, both of variant a; nobody else left.
    assert [(play.name, play.difference.difference.value) for play in effects.plays] == [
        ("call", 0.5),
        ("call, variant a", 1.0),
        ("call, variant b", 0.0),
        ("mail", None),
    ]
    assert effects.sum_of_plays == 2.0
    assert effects.universal.savings.customers.value == pytest.approx(0.5 * 5)
    assert effects.plays_without_difference == ("mail",)


def test_a_play_of_a_list_is_in_no_sum_beside_all_contacts():
    arms = {f"l{i}": "control" if i < 30 else "treated" for i in range(100)}
    own = [assigned(who, arm, experiment="thanks", share=0.3) for who, arm in arms.items()]
    tasks = [planned(row["unit"], row["arm"], "thanks", control_of=None) for row in own]

    effects = measured(drawn([*crowd(100, 900), *own], tasks), outcomes_of(names("c", 30)))

    assert effects.plays[0].savings is not None
    assert (effects.sum_of_plays, effects.plays_without_difference) == (None, ("thanks",))


def test_the_score_is_that_of_the_first_assignment_and_dates_from_the_day_before():
    # The scores of the second rows would be dated after the first assignment.
    rows = [
        assigned(f"{arm}{i}", arm, score=0.1 * (i + 1)) for arm in ("control", "treated") for i in range(6)
    ]
    rows += [row | {"assigned_on": SECOND, "score": 0.9, "customers": ["x" + row["unit"]]} for row in rows]

    adjusted = measured(drawn(rows), outcomes_of({"control1", "treated5"})).universal.adjusted_difference

    assert (adjusted.n, adjusted.units_without_score) == (12, 0)
    assert adjusted.difference.value is not None


def test_a_score_dated_on_the_night_of_the_assignment_is_refused_and_one_of_the_day_before_is_not():
    night = np.array([FIRST] * 12, dtype="datetime64[D]")
    arguments = {
        "left": np.arange(12) % 3 == 0,
        "in_treatment": np.arange(12) % 2 == 0,
        "score": np.linspace(0.1, 0.6, 12),
        "unit": [f"u{i}" for i in range(12)],
        "first_assigned_date": night,
    }

    with pytest.raises(
        Stop,
        match="12 of 12 units have a score that was computed on or after the day of their first assignment",
    ):
        adjusted_difference(**arguments, score_date=night)
    assert adjusted_difference(**arguments, score_date=score_dates(night)).difference.value is not None


def test_the_interval_for_nightly_looks_has_a_target_that_does_not_follow_the_data():
    rows = [*crowd(100, 900), *crowd(100, 900, SECOND, "x")]
    left = names("c", 30) | names("t", 180) | names("xc", 30) | names("xt", 180)

    nightly = measured(drawn(rows), outcomes_of(left)).universal.nightly

    counts = [np.array(count) for count in ([30, 60], [100, 200], [180, 360], [900, 1800])]
    expected = difference_sequence(*counts, n_target=NIGHTLY_TARGET)
    assert nightly.difference.value == pytest.approx(0.1)
    assert nightly.difference.low == pytest.approx(expected.low[-1])


@pytest.mark.parametrize(("n_left", "named_bands"), [(60, ["quarter 4 of 4 by risk"]), (39, [])])
def test_a_band_of_risk_is_named_only_if_an_interval_for_all_bands_shows_harm(n_left, named_bands):
    # 100 units in each arm and quarter of risk; the arms differ in the highest quarter only.
    # With 39 of 100 against 25 of 100 a single interval of 95 % would show harm.
    assert rate_difference(25, 100, n_left, 100).verdict == Verdict.MORE_LEAVE
    rows = [
        assigned(f"{arm}{band}-{i}", arm, score=0.2 * (band + 1), share=0.5)
        for arm in ("control", "treated")
        for band in range(4)
        for i in range(100)
    ]
    left = {f"control{band}-{i}" for band in range(4) for i in range(25)}
    left |= {f"treated{band}-{i}" for band in range(3) for i in range(25)} | names("treated3-", n_left)
    rows += [assigned("without score", "treated", score=np.nan, share=0.5)]

    universal = measured(drawn(rows, shares={FIRST: 0.5}), outcomes_of(left)).universal

    assert [band.band for band in universal.drives_away] == named_bands


def test_bands_are_silent_if_contact_helps_or_does_nothing():
    effects = measured(drawn(crowd(400, 400)), outcomes_of(names("c", 200) | names("t", 150)))

    assert effects.universal.drives_away == ()


def test_an_unwanted_event_counts_from_the_night_to_the_end_of_the_window():
    inside, outside = FIRST + timedelta(days=27), FIRST + timedelta(days=28)
    events = [
        ("t0", FIRST),
        ("t1", inside),
        ("t2", outside),
        ("t3", FIRST - timedelta(days=1)),
        ("c0", inside),
    ]

    (guard,) = measured(drawn(crowd(4, 4)), outcomes_of(set(), events=events)).universal.guards

    assert (guard.name, guard.control, guard.treatment, guard.is_worse) == ("unsubscribed", 0.25, 0.5, False)
    assert guard.low < 0.25 < guard.high


@pytest.mark.parametrize(("n_events", "is_worse"), [(60, True), (25, False)])
def test_a_side_effect_is_worse_only_where_it_is_shown(n_events, is_worse):
    events = [(f"c{i}", FIRST) for i in range(25)] + [(f"t{i}", FIRST) for i in range(n_events)]

    (guard,) = measured(drawn(crowd(100, 100)), outcomes_of(set(), events=events)).universal.guards

    assert guard.is_worse is is_worse


def test_a_ledger_with_nothing_matured_has_counts_and_no_numbers():
    universal = measured(drawn(crowd(2, 3, LATE)), outcomes_of(set())).universal

    assert (universal.immature, universal.last_night) == (5, None)
    assert (universal.difference.difference.value, universal.savings, universal.nightly) == (None, None, None)


def test_the_effects_survive_a_file():
    effects = measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", 180)))

    assert Effects.model_validate_json(effects.model_dump_json()) == effects


def test_the_share_of_the_control_is_the_one_of_the_nights_to_the_last_digit():
    universal = measured(
        drawn(crowd(3, 17), shares={FIRST: 0.15, SECOND: 0.15}), outcomes_of(set())
    ).universal

    assert universal.control_share == 0.15


@pytest.mark.parametrize(
    ("n_treated", "verdict", "gained"),
    [(450, Verdict.MORE_HAVE_EVENT, 180), (90, Verdict.FEWER_HAVE_EVENT, -180)],
)
def test_a_label_of_an_event_measures_a_gain_and_saves_nobody(
    n_treated: int, verdict: Verdict, gained: float
) -> None:
    # 120 of 400 controls have the event; of the 900 treated half or a tenth, so 180 more or fewer.
    rows = [*crowd(400, 900)]
    tasks = [planned(str(row["unit"]), str(row["arm"]), "ask") for row in rows]
    outcomes = outcomes_of(names("c", 120) | names("t", n_treated))

    effects = measure(drawn(rows, tasks), outcomes, "label", event="upgrade")

    universal = effects.universal
    assert universal.difference.difference.value == pytest.approx(gained / 900)
    assert universal.difference.verdict == universal.nightly.verdict == verdict
    assert universal.adjusted_difference.difference.value == pytest.approx(gained / 900, abs=0.01)
    assert universal.difference.difference.low < gained / 900 < universal.difference.difference.high
    assert (universal.savings, universal.gain.value) == (None, pytest.approx(gained))
    assert effects.sum_of_plays == pytest.approx(gained)
    assert {band.effect.verdict for band in universal.drives_away} <= {Verdict.FEWER_HAVE_EVENT}
    assert bool(universal.drives_away) == (gained < 0)
