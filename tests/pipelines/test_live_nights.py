"""`churn demo --live`: nights with the demo company, its team and its days."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.data.tables import CONTACT_RESULTS
from churn.demo import live_company
from churn.errors import BusyError, CallError, SourceError
from churn.experiments.ledger import read_whole_ledger
from churn.params import Params, load_params
from churn.scoring.sink import scores_path
from pipelines import cli, demo, live_nights
from pipelines.echo import Echo
from tests.lock_holder import held_by_another_process

FIRST = date(2025, 10, 1)
PARAMS = """
source: data/company
label: {kind: contract, horizon_days: 31}
tables: {customers: {}, subscriptions: {}, contacts: {}}
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a company of 60 customers; nobody may write into it."""
    folder = tmp_path_factory.mktemp("company")
    (folder / "params.yaml").write_text(PARAMS)
    demo.run(load_params(folder / "params.yaml"), echo=Echo(), customers=60)
    return folder


@pytest.fixture
def params(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A copy of the company, whose nights put 40 customers on the list, every second as a control."""
    shutil.copytree(company, tmp_path, dirs_exist_ok=True)
    params = load_params(tmp_path / "params.yaml")
    monkeypatch.setattr(live_nights.score, "run", write_scores)
    return params


def write_scores(params: Params, *, cutoff: date, echo: Echo) -> int:
    """Score a night without a model: the same customers are on each list, with new tasks."""
    names = pq.read_table(Path(params.source) / "customers.parquet")["customer_id"].to_pylist()[:40]
    rows = [
        {
            "task_id": f"{cutoff} {name}",
            "customer_id": name,
            "play": "check-in",
            "variant": None,
            "channel": "phone",
            "due_at": cutoff + timedelta(2),
            "arm": "control" if number % 2 else "treated",
            "not_contacted_because": "control group" if number % 2 else None,
        }
        for number, name in enumerate(names)
    ]
    path = scores_path(params.output, cutoff)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return 0


def contacts_in(params: Params) -> pd.DataFrame:
    return pd.read_parquet(Path(params.source) / "contacts.parquet")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_team_contacts_treated_customers_only_and_writes_down_what_came_of_it(params: Params) -> None:
    demo.run(params, echo=Echo(), live=3)

    contacts = contacts_in(params)
    scores = pd.concat(
        pd.read_parquet(scores_path(params.output, FIRST + timedelta(7 * n))) for n in range(3)
    )
    arm = dict(zip(scores["task_id"], scores["arm"], strict=True))
    assert 40 < len(contacts) <= 60
    assert set(contacts["task_id"].map(arm)) == {"treated"}
    assert set(contacts["result"]) <= set(CONTACT_RESULTS)
    assert {"done", "no answer"} <= set(contacts["result"])
    assert contacts["snoozed_until"].notna().equals(contacts["result"] == "snoozed")
    assert contacts["contacted_at"].dt.dayofweek.max() < 5


def test_a_call_that_was_killed_goes_on_and_ends_with_the_same_bytes(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(params.source)
    shutil.copytree(source, source.with_name("untouched"))
    demo.run(params, echo=Echo(), live=3, days_between=5)
    expected = bytes_of(source)
    shutil.rmtree(source)
    source.with_name("untouched").rename(source)
    shutil.rmtree(params.output)

    monkeypatch.setattr(live_company, "replace_folder", fail_after(1, live_company.replace_folder))
    with pytest.raises(KeyboardInterrupt):
        demo.run(params, echo=Echo(), live=3, days_between=5)
    monkeypatch.undo()
    monkeypatch.setattr(live_nights.score, "run", write_scores)
    demo.run(params, echo=Echo(), live=2, days_between=5)

    assert bytes_of(source) == expected


def test_a_call_that_was_killed_while_the_folder_was_replaced_loses_no_night(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.run(params, echo=Echo(), live=1)
    source = Path(params.source)
    contacts = len(contacts_in(params))
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if path.name == ".company.new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        demo.run(params, echo=Echo(), live=1)
    monkeypatch.setattr(Path, "rename", rename)
    was_there = source.exists()
    demo.run(params, echo=Echo(), live=1)

    assert not was_there
    assert live_company.LiveCompany.open(source).until == FIRST + timedelta(14)
    assert contacts_in(params)["contacted_at"].iloc[contacts:].min() >= pd.Timestamp(FIRST + timedelta(7))


def test_the_truth_knows_at_least_the_days_of_the_tables(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = Path(params.source).with_name("company-truth") / live_company.SPELLS_FILE
    known: list[bool] = []

    def killed(*arguments: Path) -> None:
        known.append(truth.exists())
        raise KeyboardInterrupt

    monkeypatch.setattr(live_company, "replace_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        demo.run(params, echo=Echo(), live=1)

    assert known == [True]


def test_a_company_has_one_writer(params: Params) -> None:
    before = bytes_of(Path(params.source))

    with (
        held_by_another_process(Path(params.source).with_name(".company.lock"), "`churn demo`"),
        pytest.raises(BusyError, match=r"`churn demo`.* is at work here"),
    ):
        demo.run(params, echo=Echo(), live=1)

    assert bytes_of(Path(params.source)) == before


def fail_after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, which is killed at the call after so many calls."""
    left = calls

    def killed(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return function(*arguments)

    return killed


def test_a_company_that_has_lived_on_is_kept_by_a_plain_call(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.run(params, echo=Echo(), live=1)
    before = bytes_of(Path(params.source))
    capsys.readouterr()

    demo.run(params, echo=Echo(), customers=60)

    assert "has lived on until 2025-10-08" in capsys.readouterr().out
    assert bytes_of(Path(params.source)) == before


def test_live_without_a_company_or_a_table_of_contacts_or_enough_calendar_is_refused(
    params: Params, tmp_path: Path
) -> None:
    elsewhere = params.model_copy(update={"source": str(tmp_path / "nothing")})
    unmapped = params.model_copy(update={"tables": {}})

    with pytest.raises(SourceError, match="holds no demo company"):
        demo.run(elsewhere, echo=Echo(), live=1)
    with pytest.raises(CallError, match="maps no table `contacts`") as refused:
        demo.run(unmapped, echo=Echo(), live=66)
    assert "At most 64 are left" in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"live": 0}, "--live is 0"),
        ({"live": 1, "days_between": 0}, "--days-between is 0"),
        ({"days_between": 7}, "give --live too"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(params: Params, options: dict[str, int], words: str) -> None:
    with pytest.raises(CallError, match=words):
        demo.run(params, echo=Echo(), **options)


def test_answers_come_back_into_the_next_night_and_controls_are_never_contacted(
    small_run: Path, tmp_path: Path
) -> None:
    for name in ("models", "templates"):
        shutil.copytree(small_run / name, tmp_path / name)
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(small_run / name, tmp_path)
    options = ["--params", str(tmp_path / "params.yaml")]
    assert cli.main("demo", [*options, "--customers", "300", "--seed", "3"]) == 0

    assert cli.main("demo", [*options, "--live", "3"]) == 0

    params = load_params(tmp_path / "params.yaml")
    ledger, contacts = read_whole_ledger(params.output), contacts_in(params)
    tasks = ledger.tasks.set_index("task_id")
    assert [night.cutoff for night in ledger.nights] == [FIRST + timedelta(7 * n) for n in range(3)]
    assert len(contacts) > 10
    assert set(tasks["arm"].loc[contacts["task_id"]]) == {"treated"}
    last = pd.read_parquet(scores_path(params.output, FIRST + timedelta(14)))
    is_final = contacts["result"].isin(["done", "declined"]) & (contacts["contacted_at"] < "2025-10-15")
    listed = set(last["task_id"][last["not_contacted_because"].isna()].dropna())
    assert not listed & set(contacts["task_id"][is_final])
