"""params.yaml, read once into frozen models; every mistake is reported together."""

from churn.params.read import load_params
from churn.params.schema import (
    BudgetParams,
    CheckParams,
    EngineParams,
    EvaluateParams,
    HistoryParams,
    LabelParams,
    OriginParams,
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
    "BudgetParams",
    "CheckParams",
    "EngineParams",
    "EvaluateParams",
    "HistoryParams",
    "LabelParams",
    "OriginParams",
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
