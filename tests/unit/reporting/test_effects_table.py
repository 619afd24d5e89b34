"""The lines of `churn measure` and `churn plan`, read as a person reads them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from churn.experiments.measure import measure
from churn.experiments.play_success import compare_success
from churn.experiments.result import Effects
from churn.reporting.effects_table import answer_in_words, design_lines, effect_lines, effect_metrics
from tests.drawn_ledger import (
    FIRST,
    LATE,
    assigned,
    crowd,
    drawn,
    measured,
    names,
    outcomes_of,
    planned,
)
from tests.unit.experiments.test_design import design, ledger_of


def lines_of(effects: Effects) -> list[str]:
    return [re.sub(" {2,}", " ", line.strip()) for line in effect_lines(effects)]


def test_the_churn_of_both_arms_stands_side_by_side_with_difference_and_savings():
    lines = lines_of(measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", 180))))

    assert lines[0] == "label label, outcomes known up to 2025-05-02, 3 nights in the ledger"
    assert "all contacts: control group of 10%" in lines
    assert "units control 100, treated 900" in lines
    assert "churn control 30.0% (30 of 100), treated 20.0% (180 of 900)" in lines
    assert any(line.startswith("difference +10.00 points [+1") for line in lines)
    assert any(line.endswith("(Newcombe): fewer leave") for line in lines)
    assert any(re.fullmatch(r"saved customers 90\.0 \[.*\]", line) for line in lines)
    assert any(re.fullmatch(r"saved money 9,000 \[.*\]", line) for line in lines)
    assert not any("ALARM" in line for line in lines)


def test_without_a_verdict_the_line_says_why_and_what_could_be_found():
    lines = lines_of(measured(drawn(crowd(4, 36)), outcomes_of({"c0", "t0"})))

    assert any(line.endswith("no verdict: fewer than 20 churners in an arm") for line in lines)
    assert "With n = 40 (4 in the control), no effect on a churn rate of 25.0% can be detected." in lines
    assert any(line.startswith("saved customers") and line.endswith(", not shown") for line in lines)


def test_a_nightly_interval_of_all_differences_has_no_number() -> None:
    few = lines_of(measured(drawn(crowd(2, 4)), outcomes_of({"c0", "t0"})))
    many = lines_of(measured(drawn(crowd(40, 360)), outcomes_of({"c0", "t0"})))

    assert any(line.startswith("looked at every night cannot be said yet: ") for line in few)
    assert any(re.match(r"looked at every night [+-]\d+\.\d\d points \[", line) for line in many)


def test_money_that_is_not_known_is_called_unknown():
    rows = [row | {"value": np.nan} for row in crowd(4, 36)]

    assert "saved money unknown, not shown" in lines_of(measured(drawn(rows), outcomes_of({"c0"})))


def test_arms_of_the_wrong_size_are_an_alarm():
    lines = lines_of(measured(drawn(crowd(50, 900)), outcomes_of(set())))

    (alarm,) = (line for line in lines if line.startswith("ALARM"))
    assert "50 of 950 units are controls, but the planned share is 10%" in alarm


def test_the_reason_for_no_control_group_is_repeated():
    lines = lines_of(measured(drawn(crowd(0, 30), shares={FIRST: 0.0}), outcomes_of(set())))

    assert "no control group in some nights, because: few customers" in lines
    assert "all contacts: no control group" in lines
    assert "churn not shown: no units in an arm" in lines


def test_a_success_is_shown_also_where_no_unit_has_a_label():
    arms = {"c1": "control", "t1": "treated"}
    rows = [assigned(who, arm, experiment="back", share=0.2) for who, arm in arms.items()]
    tasks = [planned(who, arm, "back", control_of=None) for who, arm in arms.items()]
    table = pd.DataFrame({"matured": [True, True], "success": pd.array([False, True], dtype="boolean")})
    success = compare_success("The customer comes back", 56, np.array(["control", "treated"]), table)
    ledger = drawn([*rows, *crowd(2, 3)], tasks)

    effects = measure(ledger, outcomes_of(set(), unknown=set(arms)), "label", lambda *_: success)
    lines = lines_of(effects)

    assert "churn no unit counts" in lines
    assert any(line.startswith("success The customer comes back: treated 100.0% (1 of 1)") for line in lines)
    assert effects.plays_without_difference == ("back",)


def test_an_experiment_without_matured_outcomes_says_so():
    lines = lines_of(measured(drawn(crowd(2, 3, LATE)), outcomes_of(set())))

    assert "not counted 5 outcome not known yet" in lines
    assert "churn no outcome is known yet" in lines


def test_the_total_stands_beside_the_sum_of_the_plays():
    # Half of the controls left, so contact saved half of the 4 treated; both groups have tasks of "call".
    tasks = [planned(f"{arm[0]}{i}", arm, "call") for arm in ("control", "treated") for i in range(4)]
    tasks += [planned("t4", "treated", "mail")]

    lines = lines_of(measured(drawn(crowd(4, 5), tasks), outcomes_of({"c0", "c1"})))

    assert any(line.startswith("all contacts saved 2.5 [") for line in lines)
    assert "sum of the plays 2.0 customers" in lines
    assert "not in the sum mail" in lines


def test_a_plan_tells_units_power_and_days():
    lines = [re.sub(" {2,}", " ", line.strip()) for line in design_lines([*design(ledger_of(3)).values()], 3)]

    assert "units so far 120, 10.0 new ones a day" in lines
    assert "churn without contact 20.0%" in lines
    assert "effect looked for 5.00 points, 50% of the units have a planned contact" in lines
    assert any(re.fullmatch(r"units needed [\d,]+ \([\d,]+ in the control\)", line) for line in lines)
    assert any(re.fullmatch(r"answer in [\d,]+ days", line) for line in lines)
    assert any(re.fullmatch(r"power in 90 days \d+%", line) for line in lines)
    assert "answer cannot be told: no unit so far" in lines


def test_a_plan_from_one_night_does_not_invent_a_rate():
    lines = [re.sub(" {2,}", " ", line.strip()) for line in design_lines([*design(ledger_of(1)).values()], 1)]

    assert "units so far 100, the rate of new ones is not known from one night" in lines
    assert "answer cannot be told from one night" in lines
    assert not any(line.startswith(("power in", "cost of holding out")) for line in lines)


def test_the_metrics_hold_the_churn_of_both_arms_or_nothing():
    tasks = [planned(f"{arm[0]}{i}", arm, "call") for arm in ("control", "treated") for i in range(4)]
    tasks += [planned("t4", "treated", "mail")]

    metrics = effect_metrics(measured(drawn(crowd(4, 5), tasks), outcomes_of({"c0", "c1"})))

    assert {name.partition(".")[0] for name in metrics} == {"universal", "call"}
    assert (metrics["call.control_churn"], metrics["call.treated_churn"]) == (0.5, 0.0)
    assert (metrics["call.saved_customers"], metrics["call.saved_money"]) == (2.0, 200.0)


def test_an_answer_that_takes_more_than_ten_years_is_called_out_of_reach():
    plan = design(ledger_of(3))["universal"]

    assert answer_in_words(plan.model_copy(update={"answer_in_days": 3650})) == "in 3,650 days"
    assert answer_in_words(plan.model_copy(update={"answer_in_days": 4000})) == (
        "not within ten years at this rate (4,000 days)"
    )


def test_the_lines_of_an_event_speak_of_its_rate_and_never_of_leaving():
    effects = measure(
        drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", 450)), "label", event="upgrade"
    )
    designs = [*design(ledger_of(3), kept_share=None, is_gain=True).values()]
    designs += design(ledger_of(3), effect=0.04, kept_share=None, is_gain=True).values()

    lines = lines_of(effects)
    plan = [re.sub(" {2,}", " ", line.strip()) for line in design_lines(designs, 3, "upgrade")]

    assert "rate of upgrade control 30.0% (30 of 100), treated 50.0% (450 of 900)" in lines
    assert any(line.startswith("difference +20.00 points [+") for line in lines)
    assert any(line.endswith("(Newcombe): more have the event") for line in lines)
    assert any(line.startswith("customers gained 180.0 [") for line in lines)
    assert "rate of upgrade 20.0% without contact" in plan
    assert any(line.startswith("effect looked for not stated: give --effect") for line in plan)
    assert any(line.startswith("effect looked for 4.00 points more") for line in plan)
    assert any("customers miss the event that a contact would have brought" in line for line in plan)
    assert not re.search(r"churn(?! measure)|leave|left|saved|money", " ".join([*lines, *plan]))
    assert effect_metrics(effects)["universal.gained_customers"] == 180
    assert not any("churn" in name or "saved" in name for name in effect_metrics(effects))
