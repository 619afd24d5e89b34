"""The sections of params.yaml for a model: how it is trained, evaluated and promoted."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from churn.params.sections import Cost, Day, MemorySize, Section, Seed, Share, bytes_of

CandidateName = Literal["trees", "extra_trees", "logistic", "blend"]


class SearchParams(Section):
    """How many settings of the trees to try, the defaults included; 0 keeps the defaults.

    No trial begins after `minutes`; with this limit, the result depends on the speed of the machine.
    """

    trials: Annotated[int, Field(ge=0, le=1000)] = 0
    minutes: Annotated[float, Field(gt=0, le=10_080)] | None = None

    @field_validator("trials")
    @classmethod
    def _more_than_the_defaults(cls, value: int) -> int:
        if value == 1:
            raise ValueError("1 trial would try only the default settings: give 0 for no search, or 10 to 50")
        return value


LEAST_TRAIN_MEMORY = "1GiB"
"""The least `train.memory_limit`: the libraries and the fits of few rows hold 750 MB."""


class TrainParams(Section):
    """How to fit the model, which is the best of `candidates`.

    Without `num_leaves`, the number of leaves depends on the number of churners. `memory_limit` bounds the
    memory of `train` and `evaluate`: if the rows need more, both use all rows of every second, third, …
    customer, and say so.
    """

    seed: Seed = 7
    num_leaves: Annotated[int, Field(ge=2, le=255)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.03
    max_rounds: Annotated[int, Field(ge=10, le=20_000)] = 2000
    candidates: Annotated[tuple[CandidateName, ...], Field(min_length=1)] = get_args(CandidateName)
    calibration: Literal["auto", "none", "beta", "platt", "venn_abers"] = "auto"
    search: SearchParams = SearchParams()
    memory_limit: MemorySize = "8GiB"

    @property
    def memory_bytes(self) -> int:
        """Return the memory limit in bytes."""
        return bytes_of(self.memory_limit)

    @field_validator("memory_limit")
    @classmethod
    def _has_room_for_the_libraries(cls, size: str) -> str:
        if bytes_of(size) < bytes_of(LEAST_TRAIN_MEMORY):
            raise ValueError(
                f"must be at least {LEAST_TRAIN_MEMORY}: the libraries and the fits of few rows hold 750 MB"
            )
        return size

    @property
    def trees(self) -> tuple[CandidateName, ...]:
        """Return the kinds of trees to fit, as candidates or for a blend."""
        kinds = tuple(name for name in self.candidates if name in ("trees", "extra_trees"))
        return kinds or (("trees",) if "blend" in self.candidates else ())

    @model_validator(mode="after")
    def _searches_something(self) -> TrainParams:
        if self.search.trials and not self.trees:
            raise ValueError(
                "'search' tries settings of trees, but 'candidates' has no trees: add trees or blend, "
                "or set search.trials to 0"
            )
        return self


class ProfitParams(Section):
    """The costs and the effect of a contact, in units of the company's currency.

    Each contact costs `contact_cost`. Each customer who takes the offer costs `incentive_cost`: these are all
    contacted customers who would stay anyway, and the share `accept_share` of the contacted churners.
    Churners who take the offer stay. The defaults are assumptions, not measurements.
    """

    contact_cost: Cost = 1.0
    incentive_cost: Cost = 10.0
    accept_share: Annotated[float, Field(gt=0, lt=1)] = 0.3


class ConditionParams(Section):
    """A condition of the team's own rule: a signal, and its bounds or its text."""

    signal: str
    at_least: float | None = None
    at_most: float | None = None
    equals: str | None = None

    @model_validator(mode="after")
    def _has_one_test(self) -> ConditionParams:
        has_bounds = self.at_least is not None or self.at_most is not None
        if has_bounds == (self.equals is not None):
            raise ValueError("give 'at_least', 'at_most' or both for a number, or 'equals' for a text")
        return self


class EvaluateParams(Section):
    """The test cutoffs, the settings of the evaluation, and the findings of guards that a person accepts.

    `accept` holds a reason by guard (`too_good`, …) or by the place of a finding, as `churn train` and
    `churn evaluate` print them, or by `test_cutoffs` to accept fewer than three.
    `rule` is the team's own rule: a customer with more conditions met is more likely to leave.
    `segments` names text signals whose values divide customers into segments; by default the signals with 2
    to 12 values.
    """

    test_cutoffs: tuple[Day, ...] = ()
    contact_share: Share = 0.1
    bootstrap: Annotated[int, Field(ge=100, le=20_000)] = 500
    seed: Seed = 7
    profit: ProfitParams = ProfitParams()
    rule: tuple[ConditionParams, ...] = ()
    segments: tuple[str, ...] = ()
    accept: dict[str, Annotated[str, Field(min_length=1)]] = {}

    @field_validator("rule", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class PromoteParams(Section):
    """The limits of the promotion gates.

    In log loss, lift and profit, a challenger may be worse than the champion by at most the share `margin`.
    In log loss, it may be worse than a logistic regression by at most the same share.
    `observed_expected` bounds the ratio of observed to predicted
    churners.
    """

    observed_expected: tuple[float, float] = (0.9, 1.1)
    margin: Annotated[float, Field(ge=0, le=1)] = 0.02
