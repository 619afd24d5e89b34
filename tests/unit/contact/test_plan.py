"""The plan of a night: arms, rules of contact, and the memory of earlier nights."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.contact.arms import CONTROL_REASON
from churn.contact.choice import DO_NOT_DISTURB, LOSES_MONEY
from churn.contact.memory import bands_with_memory
from churn.contact.new_tasks import ProfitCurve
from churn.contact.night import History, score_night
from churn.experiments.contact_costs import ContactCost, ContactCosts
from churn.experiments.ledger import empty_ledger, night_folder, own_assignments, publish, read_ledger, stage
from churn.experiments.ledger_erasure import erase_from_ledger
from churn.experiments.measured_effects import MeasuredEffects, PlayEffect
from churn.experiments.units import Units, find_units
from churn.metrics.interval import Interval
from churn.params import ControlParams, CsvParams
from churn.scoring.night import Trial, score_cohort
from churn.scoring.playbook import parse_playbook
from tests.night_company import CUTOFF, acts_of, states_of

EVERYBODY = """
plays:
  - name: call
    when: {churn_probability: {at_least: 0.0}}
    action: Call
    owner: customer success
    channel: phone
    due_in_days: 2
    success: The customer stays
"""


def set_params(company, **sections):
    company.params = company.params.model_copy(update=sections)


def set_contact(company, **changes):
    set_params(company, contact=company.params.contact.model_copy(update=changes))


def with_control(company, share):
    control = ControlParams(share=share, because=None if share else "no reason")
    set_params(company, experiments=company.params.experiments.model_copy(update={"control": control}))


@pytest.fixture
def everybody(company):
    """The company with one play for everybody, of all health bands, and places for everybody."""
    company.playbook = parse_playbook(EVERYBODY, {})
    set_contact(company, max_health=5)
    profit = company.params.evaluate.profit.model_copy(update={"contact_cost": 0.0})
    set_params(company, evaluate=company.params.evaluate.model_copy(update={"profit": profit}))
    budget = company.params.score.budget.model_copy(update={"contacts": 5})
    set_params(company, score=company.params.score.model_copy(update={"budget": budget}))
    return company


def plan_of(company):
    return score_night(**vars(company))


def rows_of(planned):
    return {row["customer_id"]: row for row in planned.night.scores.to_pylist()}


def reasons_of(planned):
    return {who: row["not_contacted_because"] for who, row in rows_of(planned).items() if who != "fil"}


def next_night(company, planned, days=1, **changes):
    """Publish a night, and turn the company into the one of a later night."""
    output = company.params.output
    if planned is not None:
        stage(output, planned.ledger)
        publish(output, planned.ledger.facts.cutoff)
    company.cutoff = company.cutoff + timedelta(days=days)
    ledger = read_ledger(output, company.cutoff)
    company.history = History(ledger, empty_ledger().assignments)
    company.acts = replace(company.acts, states=states_of(ledger, company.cutoff, **changes))
    return company


def answers(*rows):
    """Return contacts as the company reports them."""
    columns = ["task_id", "customer_id", "contacted_on", "result", "snoozed_until"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    return frame.assign(contacted_at=frame["contacted_on"], play=None, arm="treated", variant=None)


def test_a_control_has_a_task_in_the_ledger_and_stands_on_no_list(everybody):
    with_control(everybody, 0.5)

    planned = plan_of(everybody)

    tasks = read_tasks(planned)
    controls = set(tasks.loc[tasks["arm"] == "control", "customer_id"])
    assert 1 <= len(controls) <= 4
    assert len(tasks) == 5
    assert {who for who, why in reasons_of(planned).items() if why == CONTROL_REASON} == controls
    assert {who for who, row in rows_of(planned).items() if row["arm"] == "control"} == controls
    listed = planned.night.contacts["customer_id"].to_pylist()
    assert sorted([*listed, *controls]) == ["ann", "bob", "cem", "dea", "eva"]
    assert all(rows_of(planned)[who]["action"] is None for who in controls)
    assert planned.night.facts["controls"] == len(controls)


def read_tasks(planned):
    return pq.read_table(io.BytesIO(planned.ledger.contents["tasks.parquet"])).to_pandas()


def test_a_control_spends_a_place_exactly_like_a_treated_customer(everybody):
    budget = everybody.params.score.budget.model_copy(update={"contacts": 3})
    set_params(everybody, score=everybody.params.score.model_copy(update={"budget": budget}))
    without = set(read_tasks(plan_of(everybody))["customer_id"])
    with_control(everybody, 0.5)

    planned = plan_of(everybody)

    assert set(read_tasks(planned)["customer_id"]) == without
    assert [why for why in reasons_of(planned).values() if why == "below the budget"] == [
        "below the budget"
    ] * 2


def test_the_arms_of_a_night_do_not_depend_on_its_budget_or_order(everybody):
    with_control(everybody, 0.5)
    first = {who: row["arm"] for who, row in rows_of(plan_of(everybody)).items()}
    everybody.frame = everybody.frame.iloc[::-1].reset_index(drop=True)
    everybody.monthly_money = everybody.monthly_money[::-1]

    assert {who: row["arm"] for who, row in rows_of(plan_of(everybody)).items()} == first


def test_without_consent_objected_or_suppressed_nobody_is_contacted_or_assigned(everybody):
    everybody.acts = acts_of(
        consents=replace(
            everybody.acts.consents, customers_by_channel={"phone": frozenset(("ann", "bob", "cem"))}
        ),
        suppressed_ids=frozenset(("ann",)),
        objected_ids=frozenset(("bob",)),
    )
    with_control(everybody, 0.5)

    planned = plan_of(everybody)

    reasons = reasons_of(planned)
    assert reasons["ann"] == "on a suppression list"
    assert reasons["bob"] == "objected to being contacted"
    assert reasons["dea"] == reasons["eva"] == "no consent for phone"
    assert planned.ledger.facts.control_share == 0.5
    assert set(read_tasks(planned)["customer_id"]) == {"cem"}
    assert units_assigned(planned) == {"cem"}


def units_assigned(planned):
    return set(pq.read_table(io.BytesIO(planned.ledger.contents["assignments.parquet"]))["unit"].to_pylist())


def test_the_next_channel_is_taken_where_the_first_needs_a_consent_that_is_missing(everybody):
    everybody.playbook = parse_playbook(EVERYBODY.replace("channel: phone", "channels: [phone, email]"), {})
    everybody.acts = acts_of(consents=replace(everybody.acts.consents, customers_by_channel={}))

    assert {row["channel"] for row in rows_of(plan_of(everybody)).values()} == {"email", None}


def test_one_person_with_two_ids_is_contacted_once_and_has_one_arm(everybody):
    everybody.acts = acts_of(units=Units({"ann": "ann", "cem": "ann"}, 0, {}))
    with_control(everybody, 0.5)

    planned = plan_of(everybody)

    tasks = read_tasks(planned)
    assert len(tasks[tasks["unit"] == "ann"]) == 1
    assert "another customer of the same person is contacted tonight" in reasons_of(planned).values()
    assert {"ann", "cem"} - set(tasks["customer_id"])
    assert units_assigned(planned) == {"ann", "bob", "dea", "eva"}


def test_healthy_customers_and_contacts_that_lose_money_are_not_planned(everybody):
    set_contact(everybody, max_health=3)
    profit = everybody.params.evaluate.profit.model_copy(update={"contact_cost": 1e6})

    healthy = reasons_of(plan_of(everybody))
    set_params(everybody, evaluate=everybody.params.evaluate.model_copy(update={"profit": profit}))
    dear = reasons_of(plan_of(everybody))

    assert healthy["bob"] == healthy["eva"] == "health is above 3"
    assert dear["ann"] == LOSES_MONEY
    assert dear["cem"] is None  # the value of this customer is not known, so no loss is known either


BY_REASON = """
plays:
  - name: anniversary
    when: {churn_probability: {at_least: 0.05}}
    action: Call
    owner: customer success
    channel: phone
    due_in_days: 2
    success: The customer stays
  - name: inactive
    when: {churn_probability: {at_least: 0.05}}
    follows: [activity]
    action: Call and show what is new
    owner: customer success
    channel: phone
    due_in_days: 2
    success: The customer logs in
"""


def test_a_contact_with_a_small_value_at_risk_has_reasons_and_the_play_that_follows_them(everybody):
    rich = [f"rich{number}" for number in range(30)]
    bob = everybody.frame[everybody.frame["customer_id"] == "bob"]
    eva = everybody.frame[everybody.frame["customer_id"] == "eva"].assign(logins_days_since_last=20.0)
    bobs = [bob.assign(customer_id=name) for name in rich]
    everybody.frame = pd.concat([eva, *bobs], ignore_index=True)
    everybody.roster = everybody.frame[["customer_id"]].assign(excluded_because=None)
    everybody.monthly_money = np.array([10.0] + [10_000.0] * len(rich))
    everybody.acts = acts_of(
        consents=replace(everybody.acts.consents, customers_by_channel={"phone": {"eva"}})
    )
    everybody.playbook = parse_playbook(BY_REASON, {})
    budget = everybody.params.score.budget.model_copy(update={"contacts": 1})
    set_params(everybody, score=everybody.params.score.model_copy(update={"budget": budget}))

    planned = plan_of(everybody)

    assert planned.night.contacts["customer_id"].to_pylist() == ["eva"]
    assert rows_of(planned)["eva"]["reason_1"] == "20 days since the last login"
    assert rows_of(planned)["eva"]["play"] == "inactive"
    assert len(everybody.model.explained) == len(set(everybody.model.explained)) == 13


def test_an_open_task_keeps_its_date_becomes_overdue_and_ends_with_its_rest(everybody):
    everybody.acts = acts_of()
    planned = plan_of(everybody)
    due = rows_of(planned)["ann"]["due_at"]
    task = rows_of(planned)["ann"]["task_id"]
    no_answers = {"contacts": answers()}

    seen = []
    for days in (1, 5, 30):
        everybody = next_night(everybody, planned, days, **no_answers)
        planned = plan_of(everybody)
        row = rows_of(planned)["ann"]
        seen.append((row["task_status"], row["due_at"], row["task_id"] == task))
        assert planned.night.facts["cohort"] == 5

    assert seen[:2] == [("open", due, True), ("overdue", due, True)]
    status, new_due, is_same = seen[2]
    assert (status, is_same) == ("new", False)
    assert new_due > due + timedelta(days=28)


@pytest.mark.parametrize(
    ("result", "snoozed_until", "reason"),
    [
        ("done", None, "rests until"),
        ("declined", None, "rests until"),
        ("snoozed", CUTOFF + timedelta(days=10), "snoozed until 2024-02-10"),
    ],
)
def test_an_answer_takes_the_task_off_the_list_and_the_customer_rests(
    everybody, result, snoozed_until, reason
):
    planned = plan_of(everybody)
    task = rows_of(planned)["ann"]["task_id"]
    contacts = answers((task, "ann", CUTOFF + timedelta(days=1), result, snoozed_until))

    everybody = next_night(everybody, planned, 3, contacts=contacts)
    planned = plan_of(everybody)

    assert reasons_of(planned)["ann"].startswith(reason)
    assert "ann" not in planned.night.contacts["customer_id"].to_pylist()
    assert rows_of(planned)["bob"]["task_status"] in ("open", "overdue")
    if result != "snoozed":
        assert planned.night.facts["came_off"] == {result: 1}


def test_a_control_rests_like_a_treated_customer_after_the_due_date(everybody):
    with_control(everybody, 0.5)
    planned = plan_of(everybody)
    everybody = next_night(everybody, planned, 10)

    reasons = reasons_of(plan_of(everybody))

    assert all(why.startswith(("rests until", "control group")) for why in reasons.values())


def test_a_customer_who_objects_or_withdraws_consent_leaves_the_list(everybody):
    planned = plan_of(everybody)
    everybody = next_night(everybody, planned, 1, contacts=answers())
    nobody = replace(everybody.acts.consents, customers_by_channel={})
    everybody.acts = replace(everybody.acts, consents=nobody)

    planned = plan_of(everybody)

    assert set(reasons_of(planned).values()) == {"no consent for phone"}
    assert planned.night.contacts.num_rows == 0


def test_a_larger_control_group_takes_its_new_units_off_the_list(everybody):
    planned = plan_of(everybody)
    assert planned.night.contacts.num_rows == 5
    everybody = next_night(everybody, planned, 1, contacts=answers())
    with_control(everybody, 0.5)

    planned = plan_of(everybody)

    controls = {who for who, why in reasons_of(planned).items() if why == CONTROL_REASON}
    assert controls
    assert planned.night.contacts.num_rows == 5 - len(controls)


def test_a_band_does_not_change_because_of_one_night_near_its_edge(company):
    scores = score_cohort(
        company.frame,
        company.model,
        company.monthly_money,
        company.params.label,
        company.params.score.value,
    )
    base = scores.base_rate
    odds = base / (1 - base)

    def band_at(ratio, raw, raw_before, band_before):
        p = np.array([ratio * odds / (1 + ratio * odds)])
        one = replace(
            scores,
            customers=np.array(["ann"], dtype=object),
            probability=p,
            raw_band=np.array([raw]),
            thin=np.array([False]),
        )
        rows = [("ann", raw_before, band_before)] if band_before else []
        earlier = pd.DataFrame(rows, columns=["customer_id", "raw_band", "band"])
        return float(bands_with_memory(one, earlier)[0])

    # The edge between 3 and 2 is an odds ratio of 1.5.
    assert band_at(1.55, 2.0, None, None) == 2  # no memory
    assert band_at(1.55, 2.0, 3.0, 3.0) == 3  # one night, less than 10 % beyond the edge
    assert band_at(1.70, 2.0, 3.0, 3.0) == 2  # more than 10 % beyond
    assert band_at(1.55, 2.0, 2.0, 3.0) == 2  # the second night in a row
    assert band_at(1.45, 3.0, 2.0, 2.0) == 2  # back by less than 10 %
    assert band_at(1.30, 3.0, 2.0, 2.0) == 3
    assert band_at(1.45, 3.0, 3.0, 2.0) == 3
    assert (
        band_at(3.10, 1.0, 3.0, 3.0) == 2
    )  # beyond the next edge by less than 10 %, beyond the first by more
    assert band_at(1.45, 3.0, 3.0, 3.0) == 3


def test_a_night_is_the_same_again_with_the_same_ledger(everybody):
    with_control(everybody, 0.3)
    planned = plan_of(everybody)
    everybody = next_night(everybody, planned, 1, contacts=answers())

    first, second = plan_of(everybody), plan_of(everybody)

    assert first.ledger.contents == second.ledger.contents
    assert first.night.calls == second.night.calls


def test_a_night_that_is_scored_again_keeps_the_assignments_it_made(everybody):
    with_control(everybody, 0.3)
    planned = plan_of(everybody)
    output = everybody.params.output
    stage(output, planned.ledger)
    publish(output, planned.ledger.facts.cutoff)
    everybody.history = History(empty_ledger(), own_assignments(output, everybody.cutoff))
    assert plan_of(everybody).ledger.contents == planned.ledger.contents

    everybody.frame = everybody.frame.iloc[:3]
    everybody.monthly_money = everybody.monthly_money[:3]
    everybody.roster = everybody.roster.assign(excluded_because=[None] * 3 + ["inactive"] * 3)
    assert units_assigned(plan_of(everybody)) == {"ann", "bob", "cem", "dea", "eva"}


def test_a_night_after_an_erasure_keeps_the_arm_of_the_person_and_is_the_same_again(everybody):
    with_control(everybody, 0.5)
    everybody.acts = acts_of(units=Units({"ann": "ann", "cem": "ann"}, 0, {}))
    planned, output = plan_of(everybody), everybody.params.output
    next_night(everybody, planned)
    before = everybody.history.ledger.assignments.set_index("unit")["arm"]
    for night, page in erase_from_ledger(output, "ann").pages.items():
        for name, content in page.contents.items():
            (night_folder(output, night) / name).write_bytes(content)
    everybody = next_night(without_ann(everybody), None, 28)
    customers = pd.DataFrame({"customer_id": ["bob", "cem", "dea", "eva", "fil"]})
    units = find_units(customers, "person", everybody.history.ledger.unit_of)
    everybody.acts = replace(everybody.acts, units=units)

    first = plan_of(everybody)
    stage(output, first.ledger)
    publish(output, everybody.cutoff)
    ledger = read_ledger(output, everybody.cutoff)
    everybody.history = History(ledger, own_assignments(output, everybody.cutoff))
    second = plan_of(everybody)

    after = everybody.history.ledger.assignments.set_index("unit")["arm"]
    assert after.rename({"cem": "ann"}).to_dict() == before.to_dict()
    assert set(after) == {"control", "treated"}
    assert units.unit_of["cem"] == "cem"
    assert units_assigned(first) == set()
    assert len(rows_of(first)) == 5
    assert read_tasks(first)["customer_id"].tolist() == ["cem"]  # the others rest; Ann's contact is forgotten
    assert first.ledger.contents == second.ledger.contents
    assert (first.night.calls, first.night.scores) == (second.night.calls, second.night.scores)


def without_ann(company):
    """Turn the company into one whose data do not know Ann."""
    is_kept = (company.frame["customer_id"] != "ann").to_numpy()
    company.frame = company.frame[is_kept].reset_index(drop=True)
    company.monthly_money = company.monthly_money[is_kept]
    company.roster = company.roster[company.roster["customer_id"] != "ann"].reset_index(drop=True)
    del company.names["ann"]
    return company


def test_a_trial_assigns_nobody_and_has_no_page_in_the_ledger(everybody):
    everybody.trial = Trial(("beats_rfm",), ("not better than RFM.",), ("it is better than RFM",))
    with_control(everybody, 0.5)

    planned = plan_of(everybody)

    assert planned.ledger is None
    assert planned.night.contacts.num_rows == 5


def test_each_owner_has_a_list_of_the_own_tasks(everybody):
    two_plays = (
        EVERYBODY
        + """
  - name: write
    when: {churn_probability: {at_least: 0.0}}
    follows: [sentiment]
    action: Write
    owner: marketing
    channel: email
    due_in_days: 2
    success: The customer stays
"""
    )
    everybody.playbook = parse_playbook(two_plays.replace("at_least: 0.0}}", "at_least: 0.5}}", 1), {})

    planned = plan_of(everybody)

    tasks = read_tasks(planned)
    assert set(tasks["owner"]) == {"customer success", "marketing"}
    assert set(planned.owner_calls) == set(tasks["owner"])
    for owner, text in planned.owner_calls.items():
        lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert {line["customer_id"] for line in lines} == set(
            tasks.loc[tasks["owner"] == owner, "customer_id"]
        )
        assert {line["owner"] for line in lines} == {owner}


def test_german_lists_have_german_headers_marks_and_words(everybody):
    score = everybody.params.score.model_copy(
        update={"language": "de", "csv": CsvParams(separator=";", decimal=",")}
    )
    set_params(everybody, score=score)

    head, first, *_ = plan_of(everybody).night.calls.removeprefix("\ufeff").splitlines()

    assert head.startswith("Rang;Kundennummer;Name;Abwanderungsrisiko;Wert in Gefahr")
    assert first.split(";")[3] == "94,3%"
    assert "neu" in first.split(";")


def test_due_dates_are_working_days(everybody):
    everybody.cutoff = date(2024, 2, 1)  # a Thursday; two days later is a Saturday

    assert {row["due_at"] for row in rows_of(plan_of(everybody)).values()} == {date(2024, 2, 5), None}


def test_the_profit_curve_says_how_many_contacts_pay(everybody):
    profit = everybody.params.evaluate.profit.model_copy(update={"contact_cost": 5.0})
    set_params(everybody, evaluate=everybody.params.evaluate.model_copy(update={"profit": profit}))

    planned = plan_of(everybody)

    curve = planned.night.facts["profit_curve"]
    reasons = list(reasons_of(planned).values())
    assert curve["n_losing"] == reasons.count(LOSES_MONEY) > 0
    assert curve["n_unknown"] == 1  # nothing is known of cem's money
    assert curve["n_worth"] + curve["n_losing"] + curve["n_unknown"] == 5
    assert curve["points"][-1][0] == curve["n_worth"] > 0
    assert curve["points"][-1][1] > 0


def test_a_curve_of_profits_counts_the_best_first_and_never_more_than_pay():
    curve = ProfitCurve.of(np.array([4.0, -2.0, np.nan, 1.0, 2.5]), 2)

    assert curve == ProfitCurve(3, 1, 1, ((1, 4.0), (2, 6.5), (3, 7.5)))
    assert ProfitCurve.of(np.array([-1.0]), 3) == ProfitCurve(0, 1, 0, ((0, 0.0), (0, 0.0), (0, 0.0)))


class DrawnEffect:
    """A model of the effect that a test draws: the effect by customer."""

    as_of, digest = date(2025, 1, 1), "d"

    def __init__(self, effect_of, up_to=None):
        self.effect_of, self.up_to = effect_of, up_to

    def predict(self, frame, plays, channels, probability):
        return np.array([self.effect_of[who] for who in frame["customer_id"]])


def test_the_effect_on_each_customer_decides_who_is_contacted_and_who_is_left_alone(everybody):
    with_control(everybody, 0.0)
    budget = everybody.params.score.budget.model_copy(update={"contacts": 1})
    set_params(everybody, score=everybody.params.score.model_copy(update={"budget": budget}))
    valued = plan_of(everybody)
    by_risk = valued.night.contacts["customer_id"].to_pylist()
    rows = rows_of(valued)
    helped = next(who for who in ("ann", "bob", "dea", "eva") if who not in by_risk)
    everybody.effect_model = DrawnEffect(dict.fromkeys(rows, -0.2) | {helped: 0.5}, up_to=-0.1)

    planned = plan_of(everybody)

    assert planned.night.contacts["customer_id"].to_pylist() == [helped]
    reasons = reasons_of(planned)
    assert {reasons[who] for who in reasons if who != helped} == {DO_NOT_DISTURB}
    assert planned.night.facts["uplift"] == {"as_of": "2025-01-01", "model": "d", "do_not_disturb": 4}
    assert "uplift" not in valued.night.facts


def test_the_expected_profit_is_that_of_the_effect(everybody):
    with_control(everybody, 0.0)
    everybody.effect_model = DrawnEffect(dict.fromkeys(("ann", "bob", "cem", "dea", "eva"), 0.125))

    tasks = read_tasks(plan_of(everybody))

    profit = 0.125 * tasks["residual_value"].to_numpy()
    assert tasks["expected_profit"].to_numpy() == pytest.approx(profit, nan_ok=True)


def test_without_a_known_value_the_larger_effect_goes_first_and_no_harm_is_planned(everybody):
    with_control(everybody, 0.0)
    everybody.monthly_money = np.full(len(everybody.monthly_money), np.nan)
    effects = {"ann": 0.1, "bob": 0.3, "cem": -0.1, "dea": 0.2, "eva": 0.4}
    everybody.effect_model = DrawnEffect(effects)

    planned = plan_of(everybody)

    assert planned.night.contacts["customer_id"].to_pylist() == ["eva", "bob", "dea", "ann"]
    assert reasons_of(planned)["cem"] == LOSES_MONEY


def test_a_measured_effect_takes_the_place_of_the_assumed_one_and_is_said(everybody):
    with_control(everybody, 0.0)
    assumed = read_tasks(plan_of(everybody)).set_index("customer_id")["expected_profit"]
    effect = PlayEffect("call", Interval(value=0.15, low=0.1, high=0.2), True, "fewer leave")
    everybody.measured_effects = MeasuredEffects(date(2025, 1, 1), {"call": effect})

    planned = plan_of(everybody)

    profit = read_tasks(planned).set_index("customer_id")["expected_profit"]
    assert profit.to_numpy() == pytest.approx((assumed.loc[profit.index] / 2).to_numpy(), nan_ok=True)
    assert planned.night.facts["measured_effects"] == {
        "as_of": "2025-01-01",
        "plays": {"call": {"used": 0.15, "value": 0.15, "low": 0.1, "high": 0.2}},
    }


def costs_of_calls(with_cost: int) -> ContactCosts:
    """Return a cost of 5 for a call, recorded for so many of 40 contacts."""
    cost = Interval(value=5.0, low=4.0, high=6.0)
    return ContactCosts(
        all_contacts=ContactCost(play=None, contacts=40, with_cost=with_cost, cost=cost),
        plays=(ContactCost(play="call", contacts=40, with_cost=with_cost, cost=cost),),
        other_rows=0,
    )


def test_a_measured_cost_takes_the_place_of_the_assumed_one_and_is_said(everybody):
    with_control(everybody, 0.0)
    assumed = read_tasks(plan_of(everybody)).set_index("customer_id")
    everybody.measured_effects = MeasuredEffects(date(2025, 1, 1), costs=costs_of_calls(38))

    planned = plan_of(everybody)

    tasks = read_tasks(planned).set_index("customer_id")
    change = assumed["cost"].loc[tasks.index] - 5
    assert (tasks["cost"] == 5).all()
    assert (change != 0).all()
    assert tasks["expected_profit"].to_numpy() == pytest.approx(
        (assumed["expected_profit"].loc[tasks.index] + change).to_numpy(), nan_ok=True
    )
    cost = {"value": 5.0, "low": 4.0, "high": 6.0, "contacts": 40, "with_cost": 38}
    assert planned.night.facts["measured_costs"] == {
        "as_of": "2025-01-01",
        "all_contacts": cost,
        "plays": {"call": cost},
    }


def test_costs_that_are_recorded_in_part_change_no_byte_of_the_night(everybody):
    plain = plan_of(everybody)
    everybody.measured_effects = MeasuredEffects(date(2025, 1, 1), costs=costs_of_calls(35))

    planned = plan_of(everybody)

    assert planned.night.scores.equals(plain.night.scores)
    assert planned.night.facts == plain.night.facts
    assert planned.ledger.contents == plain.ledger.contents


def test_an_effect_that_is_not_proved_changes_no_byte_of_the_night(everybody):
    plain = plan_of(everybody)
    effect = PlayEffect("call", Interval(value=0.15, low=-0.1, high=0.4), False, "not shown")
    everybody.measured_effects = MeasuredEffects(date(2025, 1, 1), {"call": effect})

    planned = plan_of(everybody)

    assert planned.night.scores.equals(plain.night.scores)
    assert planned.night.facts == plain.night.facts
    assert planned.ledger.contents == plain.ledger.contents
