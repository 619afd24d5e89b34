from __future__ import annotations

import numpy as np
import pytest

from benchmarks.loop.company import Company, Draws, name_of
from benchmarks.loop.learning import OWN_WAY, WAYS, Learner, untreated_snapshots
from churn.experiments.exposure import check_ledger

N_CUSTOMERS = 600


def company_after_contacts(effect: float = 0.9) -> Company:
    """Return a company with a month without contacts and a month with contacts by place."""
    company = Company(Draws.of(3, N_CUSTOMERS, seed=1), effect)
    company.live(None)
    company.live(np.arange(N_CUSTOMERS, dtype=np.float64))
    return company


def test_the_ledger_of_the_company_is_sound_and_holds_both_arms() -> None:
    ledger = company_after_contacts().ledger()

    check_ledger(ledger)
    assert len(ledger.tasks) == 90
    assert set(ledger.tasks["arm"]) == {"treated", "control"}


def test_the_treated_rows_of_the_company_are_those_that_training_leaves_out() -> None:
    company = company_after_contacts()

    snapshots = untreated_snapshots(company, [0, 1])

    assert snapshots.treated_rows is not None
    treated = company.columns[1]["customer"][company.columns[1]["treated"]]
    assert sorted(snapshots.treated_rows.customer.tolist()) == sorted(treated.tolist())


def test_without_an_effect_everybody_leaves_as_without_contacts() -> None:
    with_contacts, without = company_after_contacts(0.0), Company(Draws.of(3, N_CUSTOMERS, seed=1), 0.9)
    for _ in range(2):
        without.live(None)

    assert with_contacts.columns[1]["left"].tolist() == without.columns[1]["left"].tolist()


def test_a_contact_only_saves() -> None:
    happened = company_after_contacts().columns[1]

    assert np.all(happened["left"] <= happened["left_alone"])
    assert np.all(happened["saved"][~happened["treated"]] == 0)
    assert happened["saved"].sum() > 0


def test_each_way_of_learning_has_its_own_name_and_ours_recalibrates() -> None:
    assert len({way.name for way in WAYS}) == len(WAYS)
    assert OWN_WAY in WAYS
    assert OWN_WAY.recalibrates
    assert Learner(OWN_WAY, company_after_contacts(), tested_from=9).company.month == 2
    assert name_of(3) == "c3"


@pytest.mark.parametrize("month", [0, 1])
def test_a_company_has_a_customer_in_every_place(month: int) -> None:
    customers = company_after_contacts().columns[month]["customer"]

    assert len(set(customers.tolist())) == N_CUSTOMERS
