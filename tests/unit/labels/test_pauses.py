"""Paused contracts, drawn: cutoff 2024-07-01, a horizon of 31 days, pauses are `[paused_at, resumed_at)`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import cohorts_at
from churn.labels.labels import labels_at
from churn.labels.outcomes import LEFT, STAYED
from churn.params import LabelParams
from tests.drawn_company import DrawnCompany, draw

CUTOFF = date(2024, 7, 1)
LABEL = {"kind": "contract", "horizon_days": 31, "grace_days": 30}
PAUSES = """
    customer    | started_at | ended_at   | cancel_requested_at | paused_at  | resumed_at | known_at
    runs        | 2024-01-01 |            |                     |            |            | 2024-01-01
    paused      | 2024-01-01 |            |                     | 2024-06-30 |            | 2024-01-01
    resumed     | 2024-01-01 |            |                     | 2024-05-01 | 2024-06-30 | 2024-01-01
    goes_on     | 2024-01-01 |            |                     | 2024-05-01 | 2024-07-01 | 2024-01-01
    will_pause  | 2024-01-01 |            |                     | 2024-07-01 |            | 2024-01-01
    ends_paused | 2024-01-01 | 2024-07-20 |                     | 2024-07-05 |            | 2024-01-01
    ended       | 2024-01-01 | 2024-06-20 |                     | 2024-05-01 |            | 2024-01-01
    cancels     | 2024-01-01 |            | 2024-06-10          | 2024-06-15 |            | 2024-01-01
    one_of_two  | 2024-01-01 |            |                     | 2024-06-15 |            | 2024-01-01
    one_of_two  | 2024-02-01 |            |                     |            |            | 2024-02-01
    told_late   | 2024-01-01 |            |                     | 2024-06-15 |            | 2024-01-01
    told_late   | 2024-02-01 |            |                     |            |            | 2024-07-01
"""


def company(folder: Path, subscriptions: str = PAUSES, **label: object) -> DrawnCompany:
    return draw(folder, subscriptions=subscriptions, label=LABEL | label, since=None)


def reasons(world: DrawnCompany) -> dict[str, str | None]:
    [cohort] = cohorts_at(world.store, [CUTOFF])
    return dict(zip(map(str, read_customers(world.store).ids), cohort.excluded_because, strict=True))


def test_who_is_paused_at_the_cutoff_is_not_at_risk(tmp_path: Path) -> None:
    assert reasons(company(tmp_path)) == {
        "runs": None,
        "paused": "paused",
        "resumed": None,
        "goes_on": "paused",
        "will_pause": None,
        "ends_paused": None,
        "ended": "no live contract",
        "cancels": "pending cancellation",
        "one_of_two": None,
        "told_late": "paused",
    }


def test_with_paused_at_risk_a_pause_excludes_nobody(tmp_path: Path) -> None:
    found = reasons(company(tmp_path, paused_at_risk=True))

    assert "paused" not in found.values()
    assert found["paused"] is None


def test_a_pause_is_no_end_and_an_end_in_a_pause_is_churn_on_the_day_of_the_end(tmp_path: Path) -> None:
    world = company(tmp_path)

    [labels] = labels_at(world.store, [CUTOFF])

    found = dict(zip(map(str, read_customers(world.store).ids), labels.tolist(), strict=True))
    assert found["will_pause"] == found["resumed"] == found["paused"] == STAYED
    assert found["ends_paused"] == LEFT


def test_without_a_column_of_returns_a_pause_lasts(tmp_path: Path) -> None:
    world = company(
        tmp_path,
        """
        customer | started_at | paused_at
        paused   | 2024-01-01 | 2024-06-30
        runs     | 2024-01-01 |
        """,
    )

    assert reasons(world) == {"paused": "paused", "runs": None}


def test_a_return_without_a_pause_or_before_it_is_rejected(tmp_path: Path) -> None:
    world = company(
        tmp_path,
        """
        customer  | started_at | paused_at  | resumed_at
        good      | 2024-01-01 | 2024-05-01 | 2024-05-01
        no_pause  | 2024-01-01 |            | 2024-05-01
        backwards | 2024-01-01 | 2024-05-02 | 2024-05-01
        """
        + "".join(f"        also_{n} | 2024-01-01 | | \n" for n in range(60)),
    )

    assert world.store.tables["subscriptions"].rejects == {
        "resumed_at has a paused_at": 1,
        "resumed_at is not before paused_at": 1,
    }


def test_only_a_label_of_contracts_knows_pauses() -> None:
    with pytest.raises(ValidationError, match="'paused_at_risk' belongs to kind contract"):
        LabelParams(kind="inactivity", table="orders", horizon_days=28, paused_at_risk=True)


def test_a_label_is_written_down_as_before_while_pauses_exclude() -> None:
    label = LabelParams(kind="contract", horizon_days=31)

    assert "paused_at_risk" not in label.model_dump(mode="json")
    assert LabelParams(kind="contract", horizon_days=31, paused_at_risk=True).definition["paused_at_risk"]
