"""The sections of params.yaml as frozen models."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from churn.errors import did_you_mean

Days = Annotated[int, Field(ge=1, le=3660)]
DaysOrNone = Annotated[int, Field(ge=0, le=3660)]
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

TABLES = (
    *("customers", "logins", "interactions", "payments", "emails", "surveys", "tickets", "orders"),
    *("subscriptions", "referrals", "contacts"),
)
"""The names of the canonical tables."""


def _canonical(name: str) -> str:
    if name not in TABLES:
        hint = did_you_mean(name, TABLES)
        raise ValueError(f"is not a canonical table.{hint} Further event tables go under 'events:'.")
    return name


def _further(name: str) -> str:
    if name in TABLES:
        raise ValueError("has the name of a canonical table; put it under 'tables:'.")
    return name


FILE = "params.yaml"
"""The name of the parameter file, unless another is named."""


class Section(BaseModel):
    """A part of params.yaml: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OriginParams(Section):
    """Where rows come from: `from` and `columns`, or a `query`."""

    from_: str | None = Field(None, alias="from")
    query: str | None = None
    columns: dict[str, str] = {}
    where: str | None = None
    time_format: str | None = None
    row_id: str | None = None
    distinct: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> OriginParams:
        if self.query and (self.from_ or self.where):
            raise ValueError("give either 'query' or 'from' and 'where', not both")
        return self


class HistoryParams(OriginParams):
    """Where the history of one attribute comes from, and whether its values are names or numbers."""

    kind: Literal["level", "number"] = "level"

    @model_validator(mode="after")
    def _has_origin(self) -> HistoryParams:
        if not self.query and not self.from_:
            raise ValueError("'from' or 'query' is missing: the table that holds the attribute's history")
        return self


class TableParams(OriginParams):
    """Where a canonical table comes from, and which attributes it has; only customers has any."""

    static: tuple[str, ...] = ()
    history: dict[Name, HistoryParams] = {}


class LabelParams(Section):
    """What leaving means; the window is `[cutoff + gap, cutoff + gap + horizon)`.

    `leaving` is the kind that counts; `involuntary_reasons` are words of `subscriptions.reason` by which the
    company ended a contract. `accept_reactivation` is why a person signed off that many leavers come back.
    """

    kind: Literal["inactivity", "contract"]
    table: str | None = None
    horizon_days: Days
    gap_days: DaysOrNone = 0
    active_days: Days | None = None
    grace_days: DaysOrNone = 30
    leaving: Literal["any", "voluntary", "involuntary"] = "any"
    involuntary_reasons: tuple[str, ...] = ()
    accept_reactivation: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> LabelParams:
        if self.kind == "inactivity" and not self.table:
            raise ValueError("'table' is needed: the table whose events mean the customer is still here")
        if self.kind == "contract" and self.active_days is not None:
            raise ValueError("'active_days' belongs to kind inactivity; a contract is live or not")
        if self.kind == "contract" and self.table not in (None, "subscriptions"):
            raise ValueError("'table' belongs to kind inactivity; contracts are told by subscriptions")
        if self.kind == "inactivity" and "grace_days" in self.model_fields_set:
            raise ValueError("'grace_days' belongs to kind contract; inactivity has no renewal")
        if self.kind == "inactivity" and (self.leaving != "any" or self.involuntary_reasons):
            raise ValueError("'leaving' and its reasons belong to kind contract; silence does not say why")
        if self.kind == "contract" and self.accept_reactivation:
            raise ValueError("'accept_reactivation' belongs to kind inactivity; contracts have a grace")
        return self

    @property
    def definition(self) -> dict[str, Any]:
        """Return what decides who has left; a sign-off is no part of it, nor is a kind not asked for."""
        no_part = {"accept_reactivation"}
        if self.leaving == "any":
            no_part |= {"leaving", "involuntary_reasons"}
        return self.model_dump(mode="json", exclude=no_part)

    @property
    def core_table(self) -> str:
        """Return the table that decides whether a customer is still here."""
        return self.table or "subscriptions"

    @property
    def told_by(self) -> tuple[str, ...]:
        """Return the tables whose rows decide who has left, and in which way where that is asked."""
        return (self.core_table,) if self.leaving == "any" else (self.core_table, "payments")

    @property
    def days_active(self) -> int:
        """Return how recent the last core event must be to be at risk (inactivity)."""
        return self.active_days or 2 * self.horizon_days


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


class TrackingParams(Section):
    """Where MLflow keeps runs and models."""

    uri: str = "sqlite:///mlflow.db"
    experiment: str = "churn"
    model: str = "churn"


class EngineParams(Section):
    """What the machine may use."""

    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$")] = "4GiB"
    threads: Annotated[int, Field(ge=1, le=512)] = 2
    executor: Literal["auto", "serial", "processes", "spark"] = "auto"
    processes: Annotated[int, Field(ge=1, le=512)] | None = None

    @property
    def n_processes(self) -> int:
        """Return how many processes may compute signals: by default as many as there are threads."""
        return 1 if self.executor == "serial" else self.processes or self.threads

    def shared(self, number: int) -> EngineParams:
        """Return what one of so many processes may use, each with its part of the memory and the threads."""
        memory = f"{self.memory_bytes // number // 1024}KiB"
        return self.model_copy(update={"memory_limit": memory, "threads": max(1, self.threads // number)})

    @property
    def memory_bytes(self) -> int:
        """Return the memory limit in bytes."""
        number = self.memory_limit.rstrip("KMGTiB ")
        unit = self.memory_limit[len(number) :].strip()
        base = 1024 if "i" in unit else 1000
        scale: int = base ** (1 + "KMGT".index(unit[0]))
        return int(float(number) * scale)


class CheckParams(Section):
    """When bad rows stop the work, and what of the guards' findings a person signed off.

    `accept` holds a reason by guard or by place, as `churn check` names them.
    """

    max_rejects: Annotated[float, Field(ge=0, le=1)] = 0.05
    accept: dict[str, Annotated[str, Field(min_length=1)]] = {}


class Params(Section):
    """All of params.yaml; paths are absolute."""

    source: str
    timezone: str = "UTC"
    tables: dict[Annotated[str, AfterValidator(_canonical)], TableParams] = {}
    events: dict[Annotated[Name, AfterValidator(_further)], OriginParams] = {}
    label: LabelParams
    snapshot: SnapshotParams = SnapshotParams()
    signals: SignalsParams = SignalsParams()
    train: TrainParams = TrainParams()
    evaluate: EvaluateParams = EvaluateParams()
    promote: PromoteParams = PromoteParams()
    score: ScoreParams = ScoreParams()
    tracking: TrackingParams = TrackingParams()
    output: Path = Path("output")
    models: Path = Path("models")
    engine: EngineParams = EngineParams()
    check: CheckParams = CheckParams()
    _file: str = PrivateAttr(FILE)  # no field: what is dumped, digested or tracked does not hold it

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"is not a time zone.{did_you_mean(name, available_timezones())}")
        return name

    @property
    def file(self) -> str:
        """Return the name of the file that holds them, for what is said of it."""
        return self._file

    def of_file(self, name: str) -> Params:
        """Return the same parameters, held by a file of this name."""
        copy = self.model_copy()
        copy._file = name
        return copy

    def place(self, key: str) -> str:
        """Return a key with its file, the way a message about it begins.

        >>> Params(source="raw", label=LabelParams(kind="contract", horizon_days=31)).place("label.kind")
        'params.yaml: label.kind'
        """
        return f"{self._file}: {key}"

    @property
    def champion(self) -> Path:
        """Return the folder of the exported champion."""
        return self.models / "champion"

    @property
    def label_id(self) -> str:
        """Return the short id of the label's definition; it follows into every score.

        The mapping of the tables that tell the label is part of it, since it says which rows count.
        """
        origins: dict[str, OriginParams] = {**self.tables, **self.events}
        mapped = {
            name: origins[name].model_dump(mode="json", exclude_defaults=True)
            for name in self.label.told_by
            if name in origins
        }
        return digest_of(self.label.definition | {"timezone": self.timezone, "mapped": mapped})[:12]


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
