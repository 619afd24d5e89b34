from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from churn.contact.night import score_night
from churn.errors import ModelError
from churn.model.scorer import SchemaError
from churn.params import LabelParams
from churn.scoring.night import Trial, run_id
from churn.scoring.reasons import MAX_EXPLAINED_BEYOND_LIST, rows_to_explain
from churn.scoring.sink import night_files
from tests.night_company import score_columns


def night_of(company):
    return score_night(**vars(company)).night


def rows_of(night):
    return {row["customer_id"]: row for row in night.scores.to_pylist()}


def with_score(company, **changes):
    score = company.params.score.model_copy(update=changes)
    company.params = company.params.model_copy(update={"score": score})


def with_budget(company, contacts):
    with_score(company, budget=company.params.score.budget.model_copy(update={"contacts": contacts}))


COLUMNS = score_columns()


def test_the_score_file_has_the_agreed_columns_in_the_agreed_order(company):
    assert night_of(company).scores.column_names == COLUMNS


@pytest.mark.parametrize(
    ("horizon", "gap", "filled"),
    [(28, 0, True), (31, 0, True), (27, 0, False), (32, 0, False), (90, 0, False), (30, 1, False)],
)
def test_contract_labels_have_month_columns_and_only_a_month_from_tonight_fills_one(
    company, horizon, gap, filled
):
    label = LabelParams(kind="contract", horizon_days=horizon, gap_days=gap)
    company.params = company.params.model_copy(update={"label": label})

    night = night_of(company)

    assert night.scores.column_names[3:7] == [
        "churn_probability",
        *(f"churn_probability_{d}d" for d in (30, 60, 90)),
    ]
    for row in rows_of(night).values():
        assert row["churn_probability_30d"] == (row["churn_probability"] if filled else None)
        assert row["churn_probability_60d"] is None


def test_every_known_customer_has_one_row_and_who_is_left_out_says_why(company):
    rows = rows_of(night_of(company))

    assert list(rows) == ["ann", "bob", "cem", "dea", "eva", "fil"]
    assert rows["fil"]["excluded_because"] == "inactive"
    assert rows["fil"]["not_contacted_because"] == "excluded: inactive"
    assert rows["fil"]["arm"] == "none"
    assert rows["fil"]["churn_probability"] is None
    assert rows["ann"]["excluded_because"] is None


def test_a_contacted_customer_has_all_of_the_play_and_the_others_only_its_name(company):
    with_budget(company, 1)

    rows = rows_of(night_of(company))

    assert {who: (row["play"], row["arm"], row["not_contacted_because"]) for who, row in rows.items()} == {
        "ann": ("gone-quiet", "treated", None),
        "bob": (None, "none", "no play"),
        "cem": ("gone-quiet", "none", "below the budget"),  # it follows the first reason
        "dea": ("keep-in-touch", "none", "below the budget"),
        "eva": (None, "none", "no play"),
        "fil": (None, "none", "excluded: inactive"),
    }
    assert rows["ann"]["due_at"] == date(2024, 2, 5)  # the third is a Saturday
    assert rows["ann"]["owner"] == "marketing"
    assert rows["cem"]["owner"] is None
    assert rows["cem"]["due_at"] is None


def test_unknown_money_is_a_missing_value_at_risk_and_comes_after_the_known(company):
    with_budget(company, 3)

    night = night_of(company)

    assert rows_of(night)["cem"]["value_at_risk"] is None
    assert [line["customer_id"] for line in lines_of(night)] == ["ann", "dea", "cem"]


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "40 days since the last login"), ("de", "DE 40 days since the last login")],
)
def test_reasons_speak_the_teams_language_and_a_missing_value_gives_none(company, language, said):
    with_budget(company, 2)
    with_score(company, language=language)

    rows = rows_of(night_of(company))

    assert rows["ann"]["reason_1"] == said
    assert rows["ann"]["reason_2"] is None  # the survey was never answered


def test_a_new_customer_is_three_and_noted_in_the_call_list(company):
    company.frame.loc[company.frame["customer_id"] == "dea", "survey_last_rating"] = 1.0
    with_budget(company, 5)

    night = night_of(company)

    assert rows_of(night)["dea"]["health"] == 3
    assert {line["customer_id"]: line["note"] != "" for line in lines_of(night)}["dea"]
    assert night.facts["thin"] == 1


def lines_of(night):
    return list(csv.DictReader(io.StringIO(night.calls.removeprefix("\ufeff"))))


def test_the_call_list_holds_names_percent_and_rank(company):
    [first, *_] = lines_of(night_of(company))

    assert (first["rank"], first["customer_id"], first["name"]) == ("1", "ann", "Ann <b>")
    assert first["churn_probability"] == "94.3%"


def test_reasons_are_computed_for_those_who_may_be_called_and_the_unhealthy_only(company):
    with_budget(company, 1)

    night = night_of(company)

    healthy = {who for who, row in rows_of(night).items() if (row["health"] or 5) > 3}
    assert not set(company.model.explained) & healthy
    assert company.model.explained[0] == "ann"


def test_the_work_beyond_the_call_list_is_bounded_and_takes_the_likeliest():
    many = MAX_EXPLAINED_BEYOND_LIST + 500
    probability = np.linspace(0, 1, many)

    positions = rows_to_explain(np.array([3, 1]), np.ones(many), probability)

    assert positions[:3].tolist() == [3, 1, many - 1]
    assert len(positions) == MAX_EXPLAINED_BEYOND_LIST + 2
    assert len(set(positions.tolist())) == len(positions)


def test_the_same_night_twice_is_the_same_bytes_whatever_the_order_of_the_roster(company):
    first = night_of(company)
    company.roster = company.roster.iloc[::-1]

    second = night_of(company)

    assert night_files(first.scores, first.calls, first.contacts, first.facts) == night_files(
        second.scores, second.calls, second.contacts, second.facts
    )


def test_signals_that_the_model_cannot_read_are_a_model_error_that_lists_them_all(company):
    def refuse(columns):
        raise SchemaError(["'a' is missing.", "'b' holds infinite values."])

    company.model.predict = refuse

    with pytest.raises(ModelError) as caught:
        night_of(company)

    assert len(caught.value.problems) == 2


def test_a_night_without_a_cohort_still_accounts_for_everybody(company):
    company.frame = company.frame.iloc[:0]
    company.monthly_money = company.monthly_money[:0]
    company.roster = company.roster.assign(excluded_because="inactive")

    night = night_of(company)

    assert night.scores["arm"].to_pylist() == ["none"] * 6
    assert lines_of(night) == []


TRIAL = Trial(("beats_rfm",), ("not better than RFM.",), ("it is better than RFM",))


def test_a_trial_is_marked_in_each_row_and_each_line_and_assigns_nobody_to_an_arm(company):
    with_budget(company, 3)
    champions = rows_of(night_of(company))
    company.trial = TRIAL

    night = night_of(company)

    rows = rows_of(night)
    called = [line["customer_id"] for line in lines_of(night)]
    assert called == ["ann", "dea", "cem"]
    assert {(row["trial"], row["trial_because"]) for row in rows.values()} == {(True, "beats_rfm")}
    assert {row["arm"] for row in rows.values()} == {"none"}
    assert {who: row["not_contacted_because"] for who, row in rows.items()} == {
        "ann": "trial",
        "bob": "no play",
        "cem": "trial",
        "dea": "trial",
        "eva": "no play",
        "fil": "excluded: inactive",
    }
    assert [rows[who]["action"] for who in called] == [champions[who]["action"] for who in called]
    assert all(line["trial"].startswith("TRIAL: model version 3") for line in lines_of(night))
    assert night.calls.removeprefix("\ufeff").startswith("trial,rank,")
    assert night.facts["trial"]["requirements"] == ["it is better than RFM"]


def test_a_night_of_the_champion_is_no_trial_and_its_call_list_has_no_mark(company):
    night = night_of(company)

    assert {(row["trial"], row["trial_because"]) for row in rows_of(night).values()} == {(False, None)}
    assert "trial" not in lines_of(night)[0]
    assert night.facts["trial"] is None


def test_the_contacts_are_the_call_list_with_each_text_as_it_is_in_the_data(company):
    with_budget(company, 3)
    company.names = {"ann": "A\rnn", "cem": "'=1"}

    night = night_of(company)

    assert night.contacts.select(["rank", "customer_id", "name"]).to_pylist() == [
        {"rank": 1, "customer_id": "ann", "name": "A\rnn"},
        {"rank": 2, "customer_id": "dea", "name": None},
        {"rank": 3, "customer_id": "cem", "name": "'=1"},
    ]


def id_of(company, **changes):
    given = {
        "store_digest": "s",
        "cutoff": company.cutoff,
        "playbook": company.playbook,
        "model_digest": "m",
        "definitions": {},
        "reads": {},
    }
    return run_id(company.params, **(given | changes))


def test_the_run_id_moves_with_everything_the_result_depends_on(company):
    ids = {
        id_of(company),
        id_of(company, store_digest="t"),
        id_of(company, cutoff=date(2024, 2, 1)),
        id_of(company, model_digest="n"),
        id_of(company, definitions={"login_change": "a1"}),
        id_of(company, trial=TRIAL),
        id_of(company, reads={"ledger": "other"}),
        id_of(company, playbook=replace(company.playbook, text="other")),
    }
    with_score(company, reasons=2)
    ids.add(id_of(company))

    assert len(ids) == 9


def test_the_run_id_stays_where_files_and_machines_change(company, tmp_path):
    before = id_of(company)
    engine = company.params.engine.model_copy(update={"threads": 64})

    company.params = company.params.model_copy(update={"output": tmp_path / "else", "engine": engine})

    assert id_of(company) == before
