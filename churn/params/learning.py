"""What is learnt from, and how: the sections `snapshot`, `signals` and `train` of params.yaml."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from churn.params.section import Days, DaysOrNone, Section


class SnapshotParams(Section):
    """Which cutoffs to learn from, and up to when the data are complete."""

    cutoffs: tuple[date, ...] = ()
    first: date | None = None
    last: date | None = None
    every: Annotated[str, Field(pattern=r"^(month|week|[1-9]\d{0,3} days?)$")] = "week"
    watermark: date | None = None
    late_days: DaysOrNone = 0

    @model_validator(mode="after")
    def _one_way(self) -> SnapshotParams:
        if self.cutoffs and (self.first or self.last):
            raise ValueError("give either 'cutoffs' or 'first' and 'last', not both")
        if self.first and self.last and self.last < self.first:
            raise ValueError(f"'last' {self.last} lies before 'first' {self.first}")
        return self


class SignalsParams(Section):
    """Which signals to compute: those whose family, table and name are asked for, and that are not left out.

    `generic` holds generic families by event table, `default` for the tables it does not name; `leave_out`
    holds names, families, generic families or tables.
    """

    families: tuple[str, ...] = ("all",)
    tables: tuple[str, ...] = ("all",)
    names: tuple[str, ...] = ("all",)
    windows: tuple[Days, ...] = (7, 14, 28, 56, 91, 182)
    generic: dict[str, tuple[str, ...]] = {}
    leave_out: tuple[str, ...] = ()


Candidate = Literal["trees", "extra_trees", "logistic", "blend"]


class SearchParams(Section):
    """How many settings of the trees are tried, the defaults among them; 0 keeps the defaults.

    After `minutes` no further trial begins; what is found then depends on how fast the machine is.
    """

    trials: Annotated[int, Field(ge=0, le=1000)] = 0
    minutes: Annotated[float, Field(gt=0, le=10_080)] | None = None

    @field_validator("trials")
    @classmethod
    def _more_than_the_defaults(cls, value: int) -> int:
        if value == 1:
            raise ValueError("1 trial would be the defaults alone: give 0 for no search, or 10 to 50")
        return value


class TrainParams(Section):
    """How the model is fitted: the best of `candidates`; `num_leaves` is sized by the churners when empty."""

    seed: int = 7
    num_leaves: Annotated[int, Field(ge=2, le=255)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.03
    max_rounds: Annotated[int, Field(ge=10, le=20_000)] = 2000
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1)] = get_args(Candidate)
    calibration: Literal["auto", "none", "beta", "platt", "venn_abers"] = "auto"
    search: SearchParams = SearchParams()

    @property
    def trees(self) -> tuple[Candidate, ...]:
        """Return the kinds of trees to grow, for themselves or for a blend."""
        kinds = tuple(name for name in self.candidates if name in ("trees", "extra_trees"))
        return kinds or (("trees",) if "blend" in self.candidates else ())

    @model_validator(mode="after")
    def _searches_something(self) -> TrainParams:
        if self.search.trials and not self.trees:
            raise ValueError(
                "'search' tries settings of trees, but 'candidates' names no trees: add trees or blend, "
                "or set search.trials to 0"
            )
        return self
