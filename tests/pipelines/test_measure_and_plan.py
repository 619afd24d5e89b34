"""The verbs measure and plan on a drawn shop: a night of its ledger, and who ordered afterwards."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churn.data.own_files import read_own_json
from churn.experiments.result import Effects
from pipelines import cli
from tests.drawn_ledger import assigned, drawn, planned, publish_page

pytestmark = pytest.mark.slow

NIGHT, NEXT_NIGHT = date(2024, 3, 1), date(2024, 3, 2)
PARAMS = """
source: raw
timezone: UTC
tables: {customers: {}, orders: {}, emails: {}, contacts: {}}
label: {kind: inactivity, table: orders, horizon_days: 28, active_days: 28}
"""
PLAYBOOK = """
plays:
  - {name: call, when: {churn_probability: {at_least: 0}}, action: Call, owner: us, channel: phone,
     due_in_days: 1, success: An order, control: 0.2}
"""


def write_rows(path: Path, header: str, rows: list[str]) -> None:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def write_night(output: Path, night: date, previous: date | None, rows: list[dict[str, Any]]) -> None:
    """Write a night with these assignments, and a task of "call" for each of its units."""
    tasks = [
        planned(row["unit"], row["arm"], "call", night)
        | {"task_id": f"{night}-{row['unit']}", "due_at": night, "expires_on": night}
        for row in rows
    ]
    publish_page(output, night, previous, drawn(rows, tasks))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """Four controls and six treated, all with an order in February.

    c0, c1 and t0 do not order in the 28 days after the night, so they left. t1 had no order in February and
    was not at risk, so t1 has no label. t2 has objected since then, and the outcome counts. t3 unsubscribed.
    The contacts of the treated cost 2 each, and that of t5, which came late, costs 8.
    """
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(migrated, folder / "mlflow.db")
    (folder / "raw").mkdir()
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    (folder / "playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    customers = [*(f"c{i}" for i in range(4)), *(f"t{i}" for i in range(6))]
    write_rows(
        folder / "raw" / "customers.csv",
        "customer_id,signed_up_at,objected_at",
        [f"{who},2023-01-01 10:00:00,{'2024-04-01 10:00:00' if who == 't2' else ''}" for who in customers],
    )
    orders = [f"{who},2024-02-20 10:00:00,5" for who in customers if who != "t1"]
    orders += [f"{who},2024-03-10 10:00:00,5" for who in customers if who not in ("c0", "c1", "t0")]
    orders += [f"{who},2024-05-01 10:00:00,5" for who in customers]
    write_rows(folder / "raw" / "orders.csv", "customer_id,ordered_at,amount", orders)
    write_rows(
        folder / "raw" / "emails.csv",
        "customer_id,sent_at,unsubscribed_at",
        ["t3,2024-03-04 10:00:00,2024-03-05 10:00:00", "t4,2024-02-04 10:00:00,2024-02-05 10:00:00"],
    )
    write_rows(
        folder / "raw" / "contacts.csv",
        "customer_id,contacted_at,task_id,cost",
        [f"t{i},2024-03-04 10:00:00,{NIGHT}-t{i},2" for i in range(5)]
        + [f"t5,2024-03-20 10:00:00,{NIGHT}-t5,8"],
    )
    arms = {who: "control" if who.startswith("c") else "treated" for who in customers}
    write_night(folder / "output", NIGHT, None, [assigned(who, arm, NIGHT) for who, arm in arms.items()])
    write_night(folder / "output", NEXT_NIGHT, NIGHT, [assigned("new", "treated", NEXT_NIGHT)])
    return folder


def call(verb: str, folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main(verb, ["--params", str(folder / "params.yaml"), *options])
    output = capsys.readouterr()
    return code, " ".join(output.out.split()), output.err


def test_measure_compares_the_outcomes_of_the_arms_as_the_source_tells_them(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("measure", shop, capsys)

    assert code == 0
    assert "churn control 50.0% (2 of 4), treated 20.0% (1 of 5)" in out
    assert "difference +30.00 points" in out
    assert "no verdict: fewer than 20 churners in an arm" in out
    assert "unsubscribed from e-mails control 0.0%, treated 20.0%" in out
    effects = read_own_json(shop / "output" / "measure" / "effects.json", Effects, way_out="")
    assert effects.universal is not None
    assert effects.universal.without_label == 2  # t1 was not at risk, and the store does not know "new"
    assert [play.name for play in effects.plays] == ["call"]


@pytest.mark.parametrize(
    ("options", "mean"),
    [
        ((), "3.00 [0.43, 5.57], recorded for 6 of 6 contacts (100%)"),
        (("--cutoff", "2024-03-15"), "2.00 [2.00, 2.00], recorded for 5 of 5 contacts (100%)"),
    ],
)
def test_measure_gives_the_mean_cost_of_the_contacts_that_were_known(
    options: tuple[str, ...], mean: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = call("measure", shop, capsys, *options)

    assert f"play call {mean}; not used: fewer than 30 contacts have a recorded cost" in out


def test_measure_logs_each_day_into_a_run_of_its_own_once(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repeats = [call("measure", shop, capsys)[1].split()[-1] for _ in range(2)]
    _, earlier, _ = call("measure", shop, capsys, "--cutoff", "2024-04-15")

    assert "/runs/" in repeats[0]
    assert repeats[0] == repeats[1] != earlier.split()[-1]


def test_measure_as_of_an_earlier_date_knows_no_later_outcome(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("measure", shop, capsys, "--cutoff", "2024-03-15")

    assert code == 0
    assert "outcomes known up to 2024-03-15" in out
    assert "not counted 11 outcome not known yet" in out
    assert "no outcome is known yet" in out


@pytest.mark.parametrize(
    ("verb", "words"), [("measure", "nothing to measure"), ("plan", "nobody knows how many")]
)
def test_without_a_night_in_the_ledger_the_verb_stops_and_says_what_to_do(
    verb: str, words: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(verb, shop, capsys, "--cutoff", "2024-03-01")

    assert code == 15
    assert "the ledger holds no night before 2024-03-01" in err
    assert words in err
    assert "`churn score`" in err


def test_plan_takes_the_shares_of_the_playbook_and_the_rates_of_the_ledger(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("plan", shop, capsys, "--effect", "0.1", "--days", "100")

    assert code == 0
    assert "all contacts: control group of 10% units so far 11, 1.0 new ones a day" in out
    assert "play call: control group of 20% units so far 0, 1.0 new ones a day" in out
    assert "effect looked for 10.00 points" in out
    assert "power in 100 days" in out


def test_plan_refuses_impossible_options_together(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call("plan", shop, capsys, "--effect", "2", "--share", "0", "--days", "0")

    assert code == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["--effect 2.0", "--share 0.0", "--days 0"]


def test_plan_without_a_control_group_says_which_share_it_plans_with(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    off = json.dumps({"share": 0, "because": "too few customers"})

    code, _, err = call("plan", shop, capsys, "--set", f"experiments.control={off}")

    assert code == 0
    assert "no control group is drawn (too few customers); the plan is for a control group of 10%." in err


def test_a_damaged_page_of_the_ledger_stops_the_measurement(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    write_night(output, NIGHT, None, [assigned("c0", "control", NIGHT)])
    pd.DataFrame({"unit": ["other"]}).to_parquet(
        output / "ledger" / f"cutoff={NIGHT}" / "assignments.parquet"
    )

    code, _, err = call("measure", shop, capsys, "--set", f"output={output}")

    assert code == 11
    assert "assignments.parquet" in err


def test_with_a_label_of_an_event_the_effect_is_a_gain_in_its_rate(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the controls c2 and c3 order after the night, and of the treated all but t0."""
    label = "label={kind: event, table: orders, horizon_days: 28, among: all, event_name: order}"
    (shop / "ask.yaml").write_text(PLAYBOOK.replace("churn_probability", "event_probability"))
    options = ("--set", label, "--set", "score.playbook=ask.yaml")

    code, out, _ = call("measure", shop, capsys, *options)
    _, plan, _ = call("plan", shop, capsys, *options, "--effect", "0.1")
    why_no_uplift = call("uplift", shop, capsys, *options)[2]

    assert code == 0
    assert "rate of order control 50.0% (2 of 4), treated 83.3% (5 of 6)" in out
    assert "difference +33.33 points" in out
    assert "effect looked for 10.00 points more" in plan
    assert "it would treat each event as a loss" in why_no_uplift
