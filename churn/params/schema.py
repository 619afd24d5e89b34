"""All of params.yaml as one object that cannot be changed."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, PrivateAttr, field_validator

from churn.errors import did_you_mean
from churn.params.kpis import KpisParams
from churn.params.label import LabelParams
from churn.params.model_sections import (
    EvaluateParams,
    PromoteParams,
    TrainParams,
)
from churn.params.night_sections import (
    ContactParams,
    ExperimentsParams,
    ReportParams,
    ScoreParams,
)
from churn.params.sections import (
    CanonicalName,
    CheckParams,
    EngineParams,
    EventName,
    OriginParams,
    Section,
    SignalsParams,
    SnapshotParams,
    TableParams,
    TrackingParams,
)

FILE = "params.yaml"
"""The default name of the parameter file."""

CHAMPION_FOLDER = "champion"
"""The folder of the exported champion under `models`."""


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones except `localtime` (the machine's own), which DuckDB lacks."""
    return frozenset(available_timezones() - {"localtime"})


class Params(Section):
    """All parameters of params.yaml; their paths are absolute."""

    source: str = Field(
        repr=False, description="the folder or database with the raw tables"
    )  # it may hold a password
    timezone: str = Field(
        default="UTC", description="the time zone of local days, and of times without an offset"
    )
    tables: dict[CanonicalName, TableParams] = Field(
        default={}, description="where each canonical table comes from"
    )
    events: dict[EventName, OriginParams] = Field(
        default={}, description="where further tables of events come from"
    )
    label: LabelParams
    snapshot: SnapshotParams = SnapshotParams()
    signals: SignalsParams = SignalsParams()
    train: TrainParams = TrainParams()
    evaluate: EvaluateParams = EvaluateParams()
    promote: PromoteParams = PromoteParams()
    score: ScoreParams = ScoreParams()
    report: ReportParams = ReportParams()
    experiments: ExperimentsParams = ExperimentsParams()
    contact: ContactParams = ContactParams()
    kpis: KpisParams = KpisParams()
    tracking: TrackingParams = TrackingParams()
    output: Path = Field(default=Path("output"), description="the folder of what the verbs write")
    models: Path = Field(default=Path("models"), description="the folder of the champion")
    engine: EngineParams = EngineParams()
    check: CheckParams = CheckParams()
    private_files: bool = Field(
        default=True, description="whether only the user who calls a verb can read what it writes"
    )
    _file: str = PrivateAttr(
        FILE
    )  # this is no field, so dumps, digests and tracked parameters do not contain the name

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, name: str) -> str:
        if name not in time_zones():
            raise ValueError(f"is not a time zone.{did_you_mean(name, time_zones())}")
        return name

    @property
    def file(self) -> str:
        """Return the name of the file that holds the parameters, for messages."""
        return self._file

    def of_file(self, name: str) -> Params:
        """Return a copy of the parameters, with `name` as the name of their file."""
        copy = self.model_copy()
        copy._file = name
        return copy

    def locate(self, key: str) -> str:
        """Return the name of the file and a parameter's key, for the start of a message.

        >>> Params(source="raw", label=LabelParams(kind="contract", horizon_days=31)).locate("label.kind")
        'params.yaml: label.kind'
        """
        return f"{self._file}: {key}"

    @property
    def page_language(self) -> Literal["en", "de"]:
        """Return the language of the page that `churn report` writes."""
        return self.report.language or self.score.language

    @property
    def champion(self) -> Path:
        """Return the folder of the exported champion."""
        return self.models / CHAMPION_FOLDER

    @property
    def label_id(self) -> str:
        """Return the short id of the label's definition; snapshots, models and scores carry it.

        The id also depends on the entries of the label's tables in params.yaml, because these entries decide
        which rows count.
        """
        origins: dict[str, OriginParams] = {**self.tables, **self.events}
        label_origins = {
            name: origins[name].model_dump(mode="json", exclude_defaults=True)
            for name in self.label.source_tables
            if name in origins
        }
        return digest_of(self.label.definition | {"timezone": self.timezone, "mapped": label_origins})[:12]


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
