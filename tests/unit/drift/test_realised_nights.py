from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from churn.data.store import Store
from churn.drift.performance import Outcomes
from churn.drift.realised_nights import matured_nights, pool, read_realised
from churn.experiments.ledger import empty_ledger
from churn.params import LabelParams
from churn.scoring.call_list import contacts_table
from churn.scoring.sink import night_files, scores_path, write_night
from tests.drawn_company import draw
from tests.drawn_ledger import assigned, planned

LABEL = LabelParams.model_validate({"kind": "inactivity", "table": "orders", "horizon_days": 28})
NIGHT = date(2025, 9, 30)


def nights(*ages: int) -> list[date]:
    return [NIGHT - timedelta(age) for age in ages]


def test_only_nights_with_a_known_outcome_count_and_their_windows_do_not_overlap() -> None:
    chosen = matured_nights(nights(1, 20, 29, 32, 40, 57, 58, 90), NIGHT, LABEL, late_days=1)

    assert chosen == nights(29, 57, 90)


def test_at_most_so_many_nights_are_read() -> None:
    assert len(matured_nights(nights(*range(1, 400)), NIGHT, LABEL, 0)) == 6
    assert matured_nights([], NIGHT, LABEL, 0) == []


def test_the_outcomes_of_nights_are_pooled_and_no_nights_are_nothing() -> None:
    own = Outcomes(np.ones(1), np.full(1, 0.2), np.ones(1), np.zeros(1, dtype=np.int64))

    both = pool([own, own])

    assert both is not None
    assert both.expected == 0.4
    assert pool([]) is None


SCORED_ON = date(2024, 7, 1)


def scored_company(folder: Path) -> Store:
    """Draw five customers who were at risk on a night: ana and ben log in again, the others do not."""
    logins = ["customer | happened_at"]
    logins += [
        f"{name} | 2024-06-2{index} 10:00" for index, name in enumerate(("ana", "ben", "cem", "dan", "eva"))
    ]
    logins += ["ana | 2024-07-05 10:00", "ben | 2024-07-09 10:00"]
    company = draw(
        folder,
        label={"kind": "inactivity", "table": "logins", "horizon_days": 30},
        watermark="2024-12-31",
        logins="\n".join(logins),
    )
    scores = pa.table(
        {
            "customer_id": ["ana", "ben", "cem", "dan", "eva", "gone"],
            "churn_probability": [0.1, 0.2, 0.7, 0.8, 0.6, None],
        }
    )
    facts = {
        "model_version": "3",
        "model_digest": "d",
        "label_id": company.store.params.label_id,
        "cohort": 5,
        "excluded": {},
    }
    files = night_files(scores, "", contacts_table([], {}), facts)
    write_night(company.store.params.output, SCORED_ON, files)
    return company.store


def test_a_night_is_measured_on_its_outcomes_without_contacted_customers(tmp_path: Path) -> None:
    store = scored_company(tmp_path)
    ledger = replace(
        empty_ledger(),
        assignments=pd.DataFrame(
            [assigned("dan", "treated", SCORED_ON), assigned("eva", "control", SCORED_ON)]
        ),
        tasks=pd.DataFrame(
            [
                planned("dan", "treated", "call", SCORED_ON + timedelta(7)),
                planned("eva", "control", "call", SCORED_ON + timedelta(7)),
            ]
        ),
    )

    realised = read_realised(store, store.params.output, date(2024, 9, 1), ledger, date(2024, 5, 1))

    (night,) = realised.nights
    assert (night.customers, night.n_treated, night.churners, night.note) == (4, 1, 2, None)
    assert night.expected == pytest.approx(0.1 + 0.2 + 0.7 + 10 * 0.6)
    assert night.observed_expected.value == pytest.approx(11 / 7)
    assert night.outcome_figures.auc.value == 1
    assert realised.digests == ("d",)


def test_without_controls_contacted_customers_are_measured_and_the_night_says_so(tmp_path: Path) -> None:
    store = scored_company(tmp_path)
    ledger = replace(
        empty_ledger(),
        assignments=pd.DataFrame([assigned("dan", "treated", SCORED_ON)]),
        tasks=pd.DataFrame([planned("dan", "treated", "call", SCORED_ON + timedelta(7))]),
    )

    realised = read_realised(store, store.params.output, date(2024, 9, 1), ledger, date(2024, 5, 1))

    (night,) = realised.nights
    assert (night.customers, night.n_treated) == (5, 1)
    assert night.note is not None
    assert "no control group" in night.note


def test_a_night_whose_outcome_is_not_known_is_not_measured(tmp_path: Path) -> None:
    store = scored_company(tmp_path)

    realised = read_realised(store, store.params.output, date(2024, 7, 30), empty_ledger(), SCORED_ON)

    assert realised.nights == ()
    assert realised.churners_since is None


def test_a_damaged_night_is_left_out_and_named(tmp_path: Path) -> None:
    store = scored_company(tmp_path)
    scores_path(store.params.output, SCORED_ON).write_bytes(b"no parquet")

    realised = read_realised(store, store.params.output, date(2024, 9, 1), empty_ledger(), date(2024, 5, 1))

    assert realised.nights == ()
    assert f"The figures about past nights do not include the night of {SCORED_ON}." in realised.notes[0]


def test_churners_since_the_training_are_those_of_the_windows_after_its_last_window(tmp_path: Path) -> None:
    store = scored_company(tmp_path)

    realised = read_realised(store, store.params.output, date(2024, 9, 1), empty_ledger(), date(2024, 6, 1))

    # Three in July; from 31 July on nobody logged in, and all five were still at risk then.
    assert realised.churners_since == 3 + 5


def test_a_contacted_churner_is_no_new_label(tmp_path: Path) -> None:
    store = scored_company(tmp_path)
    contacted_on = date(2024, 7, 10)
    ledger = replace(
        empty_ledger(),
        assignments=pd.DataFrame([assigned("cem", "treated", contacted_on)]),
        tasks=pd.DataFrame(
            [planned("cem", "treated", "call", contacted_on, expires_on=contacted_on + timedelta(14))]
        ),
    )

    realised = read_realised(store, store.params.output, date(2024, 9, 1), ledger, date(2024, 6, 1))

    assert realised.churners_since == 2 + 5
