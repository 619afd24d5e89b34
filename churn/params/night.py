"""What a night writes: the section `score` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from churn.params.section import Section, Share


class BudgetParams(Section):
    """How many customers a night may contact: a number, or a share of the cohort."""

    contacts: Annotated[int, Field(ge=1)] | None = None
    share: Share = 0.1


class ValueParams(Section):
    """The residual value of a customer: months ahead, margin, yearly discount rate."""

    months: Annotated[int, Field(ge=1, le=120)] = 12
    margin: Share = 1.0
    discount_year: Annotated[float, Field(ge=0, le=1)] = 0.1


class ScoreParams(Section):
    """What a night writes; `language` is that of the team that reads the call list."""

    reasons: Annotated[int, Field(ge=1, le=5)] = 3
    budget: BudgetParams = BudgetParams()
    playbook: Path = Path("playbook.yaml")
    language: Literal["en", "de"] = "en"
    value: ValueParams = ValueParams()
    sink: Literal["files"] = "files"
