"""The sections of params.yaml for a model: how it is trained, evaluated and promoted."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from churn.params.sections import Cost, Day, MemorySize, Section, Seed, Share, bytes_of

CandidateName = Literal["trees", "extra_trees", "logistic", "blend"]


class SearchParams(Section):
    """How `churn train` searches for good settings of the boosted trees."""

    trials: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0,
        description="the number of settings of the trees to try, the defaults included; 0 keeps the defaults",
    )
    minutes: Annotated[float, Field(gt=0, le=10_080)] | None = Field(
        default=None,
        description="no trial begins after so many minutes; with this limit, the result depends on the "
        "speed of the machine",
    )

    @field_validator("trials")
    @classmethod
    def _more_than_the_defaults(cls, value: int) -> int:
        if value == 1:
            raise ValueError("1 trial would try only the default settings: give 0 for no search, or 10 to 50")
        return value


LEAST_TRAIN_MEMORY = "1GiB"
"""The least `train.memory_limit`, because the libraries and a fit of few rows take 750 MB."""


class TrainParams(Section):
    """How `churn train` fits the model; it selects the best of `candidates`."""

    seed: Seed = Field(default=7, description="the seed of everything that is drawn in training")
    num_leaves: Annotated[int, Field(ge=2, le=255)] | None = Field(
        default=None, description="the leaves of a tree; the default depends on the number of churners"
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.03, description="the learning rate of the boosted trees"
    )
    max_rounds: Annotated[int, Field(ge=10, le=20_000)] = Field(
        default=2000, description="the largest number of boosted trees"
    )
    candidates: Annotated[tuple[CandidateName, ...], Field(min_length=1)] = Field(
        default=get_args(CandidateName),
        description="the models to choose from; the best one on cutoffs before the test is taken",
    )
    calibration: Literal["auto", "none", "beta", "platt", "venn_abers"] = Field(
        default="auto",
        description="how scores become probabilities; `auto` chooses on cutoffs before the test",
    )
    search: SearchParams = SearchParams()
    memory_limit: MemorySize = Field(
        default="8GiB",
        description="the memory of `train` and `evaluate`: if the rows need more, both use all rows of "
        "every second, third, … customer, and say so",
    )

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
    """The costs of a contact, in the company's currency, and the share of contacted churners who then stay.

    The defaults are assumptions, not measurements.
    """

    contact_cost: Cost = Field(
        default=1.0,
        description="the cost of each contact, in your currency, until enough costs of contacts are recorded",
    )
    incentive_cost: Cost = Field(
        default=10.0,
        description="the cost of the offer for each customer who takes it: all contacted customers who "
        "would stay anyway, and the persuaded churners",
    )
    accept_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.3, description="the share of contacted churners who take the offer and stay"
    )


class ConditionParams(Section):
    """A condition of your own rule (`evaluate.rule`): a signal lies within bounds, or equals a text."""

    signal: str = Field(description="the name of a signal")
    at_least: float | None = Field(default=None, description="the condition holds from this value on")
    at_most: float | None = Field(default=None, description="the condition holds up to this value")
    equals: str | None = Field(default=None, description="the condition holds for this text")

    @model_validator(mode="after")
    def _has_one_test(self) -> ConditionParams:
        has_bounds = self.at_least is not None or self.at_most is not None
        if has_bounds == (self.equals is not None):
            raise ValueError("give 'at_least', 'at_most' or both for a number, or 'equals' for a text")
        return self


class EvaluateParams(Section):
    """The test cutoffs, the settings of the evaluation, and the guards' findings that a person accepts."""

    test_cutoffs: tuple[Day, ...] = Field(
        default=(), description="the cutoffs of the test; the default is the last three with a matured label"
    )
    contact_share: Share = Field(
        default=0.1, description="the share of customers at which lift, precision and profit are measured"
    )
    bootstrap: Annotated[int, Field(ge=100, le=20_000)] = Field(
        default=500, description="the number of draws behind the intervals"
    )
    seed: Seed = Field(default=7, description="the seed of these draws")
    profit: ProfitParams = ProfitParams()
    rule: tuple[ConditionParams, ...] = Field(
        default=(),
        description="the team's own rule as a baseline, one condition or a list: a customer with more "
        "conditions met is more likely to leave",
    )
    segments: tuple[str, ...] = Field(
        default=(), description="text signals that divide the results; the default is all with 2 to 12 values"
    )
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default={},
        description="the findings that a person accepts: a reason by guard, by the place of a finding, or "
        "by `test_cutoffs` to accept fewer than three, or by `no_controls` to accept that nobody stands for "
        "contacted customers",
    )

    @field_validator("rule", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class PromoteParams(Section):
    """The limits of the gates that a new model must pass to become champion."""

    observed_expected: tuple[float, float] = Field(
        default=(0.9, 1.1), description="the lowest and the highest ratio of observed to expected churners"
    )
    margin: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.02,
        description="the share of the champion's value by which a challenger may be worse in log loss, "
        "lift and profit; the same share against a logistic regression in log loss",
    )
