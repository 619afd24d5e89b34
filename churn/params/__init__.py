"""params.yaml, read once into frozen models; every mistake is reported together."""

from churn.params.judging import ConditionParams, EvaluateParams, ProfitParams, PromoteParams
from churn.params.label import LabelParams
from churn.params.learning import Candidate, SearchParams, SignalsParams, SnapshotParams, TrainParams
from churn.params.night import BudgetParams, ScoreParams, ValueParams
from churn.params.origins import TABLES, HistoryParams, OriginParams, TableParams
from churn.params.read import load_params
from churn.params.running import CheckParams, EngineParams, TrackingParams
from churn.params.schema import FILE, Params, digest_of

__all__ = [
    "FILE",
    "TABLES",
    "BudgetParams",
    "Candidate",
    "CheckParams",
    "ConditionParams",
    "EngineParams",
    "EvaluateParams",
    "HistoryParams",
    "LabelParams",
    "OriginParams",
    "Params",
    "ProfitParams",
    "PromoteParams",
    "ScoreParams",
    "SearchParams",
    "SignalsParams",
    "SnapshotParams",
    "TableParams",
    "TrackingParams",
    "TrainParams",
    "ValueParams",
    "digest_of",
    "load_params",
]
