"""The section `cohorts`: retention triangle, survival curves, and a model of how long contracts last."""

from __future__ import annotations

from churn.kpis.company import Company
from churn.kpis.contract_model import ContractModel, contract_model
from churn.kpis.section import SectionResult
from churn.kpis.survival import SurvivalTable, survival_table
from churn.kpis.triangle import SegmentTriangle, Triangle, retention_triangle, segment_triangles


class CohortsResult(SectionResult):
    """How long customers stay.

    Attributes:
        triangle: The retention of each monthly cohort.
        triangles: The retention of the newest monthly cohorts, for each segment.
        survival: The survival curve of all customers together, and the curve of each segment.
        contracts: The model of how long customers with a contract stay; None if the label is not of kind
            contract.
    """

    triangle: Triangle
    survival: SurvivalTable
    contracts: ContractModel | None
    triangles: tuple[SegmentTriangle, ...] = ()


def cohorts_section(company: Company) -> CohortsResult:
    """Compute the section."""
    first_lives, params = company.first_lives, company.store.params
    return CohortsResult(
        triangle=retention_triangle(company.spells, first_lives, company.cutoff),
        triangles=segment_triangles(company.spells, first_lives, company.segmentations, company.cutoff),
        survival=survival_table(first_lives, company.segmentations),
        contracts=contract_model(first_lives, params.score.value.discount_year)
        if params.label.kind == "contract"
        else None,
    )
