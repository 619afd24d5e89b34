"""The section `cohorts`: the retention triangle, survival, and the model of contracts."""

from __future__ import annotations

import numpy as np

from churn.data.store import day_number
from churn.features.engine.cohort import read_customers
from churn.kpis.company import Company
from churn.kpis.contract_model import ContractModel, contract_model
from churn.kpis.lives import FirstLives, activity_lives, contract_lives
from churn.kpis.section import SectionResult
from churn.kpis.survival import SurvivalTable, survival_table
from churn.kpis.triangle import Triangle, retention_triangle


class CohortsResult(SectionResult):
    """How long customers stay.

    Attributes:
        triangle: The retention of each monthly cohort.
        survival: The survival of all customers and of each segment.
        contracts: The model of contracts; None if the label is by inactivity.
    """

    triangle: Triangle
    survival: SurvivalTable
    contracts: ContractModel | None


def cohorts_section(company: Company) -> CohortsResult:
    """Compute the section."""
    first_lives = read_first_lives(company)
    params = company.store.params
    return CohortsResult(
        triangle=retention_triangle(company.spells, first_lives, company.cutoff),
        survival=survival_table(first_lives, company.segmentations),
        contracts=contract_model(first_lives, params.score.value.discount_year)
        if params.label.kind == "contract"
        else None,
    )


def read_first_lives(company: Company) -> FirstLives:
    """Return the first life of each customer, by the kind of the label."""
    label, cutoff = company.store.params.label, day_number(company.cutoff)
    if label.kind == "contract":
        return contract_lives(company.spells, cutoff)
    signed_up = read_customers(company.store).signed_up.astype(np.int64)
    first_event = company.store.tables[label.core_table].first_day
    return activity_lives(company.spells, signed_up, cutoff if first_event is None else first_event, cutoff)
