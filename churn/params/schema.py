"""All of params.yaml as one frozen model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from pydantic import PrivateAttr, field_validator

from churn.errors import did_you_mean
from churn.params.judging import EvaluateParams, PromoteParams
from churn.params.label import LabelParams
from churn.params.learning import SignalsParams, SnapshotParams, TrainParams
from churn.params.night import ScoreParams
from churn.params.origins import CanonicalName, FurtherName, OriginParams, TableParams
from churn.params.running import CheckParams, EngineParams, TrackingParams
from churn.params.section import Section

FILE = "params.yaml"
"""The name of the parameter file, unless another is named."""


class Params(Section):
    """All of params.yaml; paths are absolute."""

    source: str
    timezone: str = "UTC"
    tables: dict[CanonicalName, TableParams] = {}
    events: dict[FurtherName, OriginParams] = {}
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
