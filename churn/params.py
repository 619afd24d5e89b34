"""params.yaml, read once into frozen models; every mistake is reported together."""

from __future__ import annotations

import hashlib
import json
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn.errors import ParamsError, did_you_mean

Days = Annotated[int, Field(ge=1, le=3660)]
DaysOrNone = Annotated[int, Field(ge=0, le=3660)]
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Section(BaseModel):
    """A part of params.yaml: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TableParams(Section):
    """Where a canonical table comes from: `from` and `columns`, or a `query`."""

    from_: str | None = Field(None, alias="from")
    query: str | None = None
    columns: dict[str, str] = {}
    where: str | None = None
    time_format: str | None = None
    row_id: str | None = None
    distinct: bool = False
    static: tuple[str, ...] = ()
    history: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_origin(self) -> TableParams:
        if self.query and (self.from_ or self.where):
            raise ValueError("give either 'query' or 'from' and 'where', not both")
        return self


class LabelParams(Section):
    """What leaving means; the window is `[cutoff + gap, cutoff + gap + horizon)`."""

    kind: Literal["inactivity", "contract"]
    table: str | None = None
    horizon_days: Days
    gap_days: DaysOrNone = 0
    active_days: Days | None = None
    grace_days: DaysOrNone = 30

    @model_validator(mode="after")
    def _fits_kind(self) -> LabelParams:
        if self.kind == "inactivity" and not self.table:
            raise ValueError("'table' is needed: the table whose events mean the customer is still here")
        if self.kind == "contract" and self.active_days is not None:
            raise ValueError("'active_days' belongs to kind inactivity; a contract is live or not")
        return self

    @property
    def core_table(self) -> str:
        """Return the table that decides whether a customer is still here."""
        return self.table or "subscriptions"

    @property
    def days_active(self) -> int:
        """Return how recent the last core event must be to be at risk (inactivity)."""
        return self.active_days or 2 * self.horizon_days


class SnapshotParams(Section):
    """Which cutoffs to learn from, and up to when the data are complete."""

    cutoffs: tuple[date, ...] = ()
    first: date | None = None
    last: date | None = None
    every: Annotated[str, Field(pattern=r"^(month|week|[1-9]\d{0,3} days?)$")] = "month"
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
    """Which signals to compute."""

    families: tuple[str, ...] = ("all",)
    windows: tuple[Days, ...] = (7, 14, 28, 56, 91, 182)
    leave_out: tuple[str, ...] = ()


class TrainParams(Section):
    """How the model is fitted; `num_leaves` is sized by the number of churners when empty."""

    seed: int = 7
    num_leaves: Annotated[int, Field(ge=2, le=255)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.03
    max_rounds: Annotated[int, Field(ge=10, le=20_000)] = 2000
    extra_trees: bool = False
    calibration: Literal["auto", "none", "beta", "platt"] = "auto"


class EvaluateParams(Section):
    """The test cutoffs and how results are judged."""

    test_cutoffs: tuple[date, ...] = ()
    contact_share: Share = 0.1
    bootstrap: Annotated[int, Field(ge=100, le=20_000)] = 500
    seed: int = 7
    accept: dict[str, str] = {}


class PromoteParams(Section):
    """What the gates ask for."""

    observed_expected: tuple[float, float] = (0.9, 1.1)


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
    """What a night writes."""

    reasons: Annotated[int, Field(ge=1, le=5)] = 3
    budget: BudgetParams = BudgetParams()
    playbook: Path | None = None
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


class CheckParams(Section):
    """When bad rows stop the work."""

    max_rejects: Annotated[float, Field(ge=0, le=1)] = 0.05


class Params(Section):
    """All of params.yaml; paths are absolute."""

    source: str
    timezone: str = "UTC"
    tables: dict[str, TableParams] = {}
    events: dict[Name, TableParams] = {}
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

    @model_validator(mode="after")
    def _timezone_exists(self) -> Params:
        from zoneinfo import available_timezones

        if self.timezone not in available_timezones():
            raise ValueError(
                f"timezone '{self.timezone}' is unknown.{did_you_mean(self.timezone, available_timezones())}"
            )
        return self

    @property
    def champion(self) -> Path:
        """Return the folder of the exported champion."""
        return self.models / "champion"

    @property
    def label_id(self) -> str:
        """Return the short id of the label's definition; it follows into every score."""
        stated = self.label.model_dump(mode="json") | {"timezone": self.timezone}
        return digest_of(stated)[:12]


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def load_params(path: Path, overrides: Sequence[str] = ()) -> Params:
    """Read params.yaml, apply `a.b=c` overrides and return frozen parameters.

    Relative paths count from the file's folder; `${NAME}` is taken from the environment.

    Raises:
        ParamsError: the file is missing or not YAML, a key is unknown, a value does not fit; all at once.
    """
    tree = _read_yaml(path)
    problems: list[str] = []
    for override in overrides:
        problems += _override(tree, override)
    tree = _from_environment(tree, "", problems)
    params: Params | None = None
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        problems += [_in_words(detail, tree) for detail in error.errors()]
    if problems or params is None:
        raise ParamsError(*(f"{path.name}: {problem}" for problem in problems))
    return _absolute(params, path.resolve().parent)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise ParamsError(f"{path}: no such file. Name one with --params, or start from examples/.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ParamsError(
            f"{path.name}: expected sections such as 'source:' and 'label:', found {tree!r:.40}."
        )
    return tree


def _override(tree: dict[str, Any], override: str) -> Iterator[str]:
    key, equals, text = override.partition("=")
    if not equals or not key:
        yield f"--set {override} is not of the form a.b=c."
        return
    *parents, last = key.strip().split(".")
    for parent in parents:
        branch = tree.setdefault(parent, {})
        if not isinstance(branch, dict):
            yield f"--set {override}: '{parent}' holds a value, not a section."
            return
        tree = branch
    try:
        tree[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        yield f"--set {override}: the value is not YAML."


def _from_environment(value: Any, place: str, problems: list[str]) -> Any:
    if isinstance(value, dict):
        return {k: _from_environment(v, f"{place}.{k}".lstrip("."), problems) for k, v in value.items()}
    if isinstance(value, list):
        return [_from_environment(v, place, problems) for v in value]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in os.environ:
            problems.append(
                f"{place} uses ${{{name}}}, which is not set in the environment. Export {name} first."
            )
        return os.environ.get(name, "unset")

    return re.sub(r"\$\{(\w+)\}", replace, value)


def _in_words(detail: Mapping[str, Any], tree: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        *parents, last = detail["loc"]
        return f"{place} is not a parameter.{did_you_mean(str(last), _keys_at(parents))}"
    if detail["type"] == "missing":
        return f"{place} is missing; it has no default."
    if detail["type"] == "string_pattern_mismatch" and place.endswith("[key]"):
        return f"{place.removesuffix('.[key]')} is not a usable name: lower-case letters, digits and _."
    rule = str(detail["msg"]).removeprefix("Value error, ")
    value = detail.get("input")
    shown = "" if isinstance(value, dict | BaseModel) else f" ({value!r:.60})"
    return f"{place}{shown}: {rule}." if place else f"{rule}."


def _keys_at(path: Sequence[str | int]) -> list[str]:
    model: Any = Params
    for part in path:
        model = _section_in(_annotation(model, part))
        if model is None:
            return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _annotation(model: Any, part: str | int) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
        return model.model_fields[str(part)].annotation
    return model


def _section_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, dict):
        found = (_section_in(part) for part in typing.get_args(annotation))
        return next((part for part in found if part is not None), None)
    return None


def _absolute(params: Params, folder: Path) -> Params:
    source = params.source
    if "://" not in source:
        source = str(folder / Path(source).expanduser())
    elif (prefix := "duckdb:///") and source.startswith(prefix):
        source = prefix + str(folder / source.removeprefix(prefix))
    uri = params.tracking.uri
    if uri.startswith("sqlite:///"):
        uri = "sqlite:///" + str(folder / uri.removeprefix("sqlite:///"))
    playbook = params.score.playbook
    return params.model_copy(
        update={
            "source": source,
            "output": folder / params.output,
            "models": folder / params.models,
            "tracking": params.tracking.model_copy(update={"uri": uri}),
            "score": params.score.model_copy(update={"playbook": folder / playbook if playbook else None}),
        }
    )
