"""How a model is judged and let through: the sections `evaluate` and `promote` of params.yaml."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from churn.params.section import Section, Share


class ProfitParams(Section):
    """What it costs to contact a customer and what a contact achieves, in units of the company's currency.

    `contact_cost` is paid for everyone contacted, `incentive_cost` for everyone who takes the offer: the
    leavers it persuades, who are `accept_share` of those contacted, and every stayer. The defaults are
    assumptions, not measurements.
    """

    contact_cost: Annotated[float, Field(ge=0)] = 1.0
    incentive_cost: Annotated[float, Field(ge=0)] = 10.0
    accept_share: Annotated[float, Field(gt=0, lt=1)] = 0.3


class ConditionParams(Section):
    """A condition of the team's own rule: a signal, and the numbers or the text it must hold."""

    signal: str
    at_least: float | None = None
    at_most: float | None = None
    equals: str | None = None

    @model_validator(mode="after")
    def _asks(self) -> ConditionParams:
        bounded = self.at_least is not None or self.at_most is not None
        if bounded == (self.equals is not None):
            raise ValueError("give 'at_least', 'at_most' or both for a number, or 'equals' for a text")
        return self


class EvaluateParams(Section):
    """The test cutoffs, how results are judged, and what of the guards' findings a person signed off.

    `accept` holds a reason by guard (`too_good`, …) or by place, as `churn train` and `churn evaluate` name
    them, or by `test_cutoffs`, for fewer than three.
    `rule` is the team's own rule: the more of its conditions hold, the more likely a customer leaves.
    `segments` names text signals by which results are told apart; by default those of 2 to 12 levels.
    """

    test_cutoffs: tuple[date, ...] = ()
    contact_share: Share = 0.1
    bootstrap: Annotated[int, Field(ge=100, le=20_000)] = 500
    seed: int = 7
    profit: ProfitParams = ProfitParams()
    rule: tuple[ConditionParams, ...] = ()
    segments: tuple[str, ...] = ()
    accept: dict[str, Annotated[str, Field(min_length=1)]] = {}

    @field_validator("rule", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class PromoteParams(Section):
    """What the gates ask for.

    `margin` is the share of the champion's log loss, lift and profit by which a challenger may seem worse,
    and of the log loss of a logistic regression.
    """

    observed_expected: tuple[float, float] = (0.9, 1.1)
    margin: Annotated[float, Field(ge=0, le=1)] = 0.02
