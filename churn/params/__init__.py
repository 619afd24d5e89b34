"""params.yaml, read once into frozen models; every mistake is reported together."""

from churn.params.read import load_params
from churn.params.schema import (
    AcceptParams,
    BudgetParams,
    CheckParams,
    EngineParams,
    EvaluateParams,
    LabelParams,
    Params,
    PromoteParams,
    ScoreParams,
    SignalsParams,
    SnapshotParams,
    TableParams,
    TrackingParams,
    TrainParams,
    ValueParams,
    digest_of,
)

__all__ = [
    "AcceptParams",
    "BudgetParams",
    "CheckParams",
    "EngineParams",
    "EvaluateParams",
    "LabelParams",
    "Params",
    "PromoteParams",
    "ScoreParams",
    "SignalsParams",
    "SnapshotParams",
    "TableParams",
    "TrackingParams",
    "TrainParams",
    "ValueParams",
    "digest_of",
    "load_params",
]
