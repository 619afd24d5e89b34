"""One night: from signals and a model to the table, the call list and the facts of how they came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

import churn
from churn.errors import ModelError
from churn.model.scorer import SchemaError
from churn.model.value import VARIANT, value_at_risk
from churn.params import Params, digest_of
from churn.scoring import contacts
from churn.scoring.calls import calls_csv
from churn.scoring.explaining import Explaining, Progress, explained, to_explain
from churn.scoring.health import health, is_thin, sides
from churn.scoring.playbook import Playbook
from churn.scoring.reasons import Reason, SignalFacts
from churn.scoring.scores import Judged, score_table

Floats = npt.NDArray[np.float64]

_ABOUT_THE_MODEL = ("model", "trained_cutoffs", "mature_on", "rows", "churners", "calibration", "recipe")


def no_progress(label: str, total: int) -> AbstractContextManager[Callable[[int], object]]:
    """Show nothing."""
    return nullcontext(lambda steps: None)


class Model(Explaining, Protocol):
    """What a night needs of a scorer."""

    spec: dict[str, Any]

    def predict(self, columns: Any) -> Floats:
        """Return calibrated probabilities."""
        ...

    def predict_horizons(self, columns: Any) -> dict[int, Floats]:
        """Return probabilities of leaving by days, as far as the model knows them."""
        ...


@dataclass(frozen=True)
class Night:
    """What is written: the score table, the call list, and the facts."""

    scores: pa.Table
    calls: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Stamp:
    """What goes into every row, so that a score can be traced."""

    model_version: str
    label_id: str
    run_id: str


def run_id(
    params: Params,
    store_digest: str,
    cutoff: date,
    playbook: Playbook,
    model_digest: str,
    definitions: Mapping[str, str],
) -> str:
    """Return the id of a night: a hash of all that its result depends on, of nothing else.

    Where files lie, threads and memory are left out: they change no byte.
    """
    return digest_of(
        {
            "churn": churn.__version__,
            "store": store_digest,
            "cutoff": str(cutoff),
            "label": params.label.model_dump(mode="json"),
            "timezone": params.timezone,
            "signals": params.signals.model_dump(mode="json"),
            "late_days": params.snapshot.late_days,
            "score": params.score.model_dump(mode="json", exclude={"playbook", "sink"}),
            "playbook": playbook.text,
            "model": model_digest,
            "definitions": dict(sorted(definitions.items())),
        }
    )[:16]


def score_night(
    params: Params,
    cutoff: date,
    frame: pd.DataFrame,
    roster: pd.DataFrame,
    model: Model,
    playbook: Playbook,
    monthly_money: Floats,
    names: Mapping[str, str],
    stamp: Stamp,
    progress: Progress = no_progress,
) -> Night:
    """Judge every customer of the cohort and choose whom to contact.

    Reasons are computed for the call list and, up to `MOST_BEYOND_THE_LIST` of the most likely to leave, for
    whoever has a health of 1 or 2; the others have none, because each costs as much as a hundred scores.

    Args:
        params: label, budget, value, language and number of reasons.
        cutoff: the night.
        frame: cohort rows: `customer_id` and the signals.
        roster: every known customer: `customer_id`, `excluded_because`.
        monthly_money: per row of `frame`, NaN where unknown.
        model: the champion's scorer.
        playbook: its rules, in order.
        names: of customers, by id, as far as they are known.
        stamp: what traces a row back.
        progress: shows how far the reasons are.

    Raises:
        ModelError: the signals do not fit the model; every problem is listed.
    """
    signals = [SignalFacts.from_spec(entry) for entry in model.spec["signals"]]
    base_rate = float(model.spec["base_rate"])
    customers = frame["customer_id"].astype(str).to_numpy(dtype=object)
    try:
        probability = np.asarray(model.predict(frame), dtype=np.float64)
        within = model.predict_horizons(frame)
    except SchemaError as error:
        raise ModelError(
            *(f"the champion cannot read tonight's signals: {said}" for said in error.problems)
        ) from None
    thin = is_thin(frame)
    band = health(probability, base_rate, thin)
    side_bands = sides(frame, signals)
    value = value_at_risk(
        probability,
        monthly_money,
        base_rate=base_rate,
        horizon_days=params.label.horizon_days,
        terms=params.score.value,
    )
    found = {"churn_probability": probability, "health": band, "value_at_risk": value, **side_bands}
    columns = {str(name): frame[name].to_numpy() for name in frame.columns if name != "customer_id"} | found
    chosen = playbook.choose(columns, len(frame))
    has_play = chosen >= 0
    order = contacts.rank(customers, value, probability)
    called = contacts.contacted(order, has_play, contacts.places(params.score.budget, len(frame)))
    reasons = explained(
        frame,
        to_explain(called, band, probability),
        model,
        signals,
        params.score.language,
        params.score.reasons,
        progress,
    )
    judged = Judged(
        customers=customers,
        probability=probability,
        within=within,
        health=band,
        sides=side_bands,
        value_at_risk=value,
        reasons=reasons,
        rules=[playbook.rules[place].play if place >= 0 else None for place in chosen],
        called=np.isin(np.arange(len(frame)), called),
        why_not=contacts.why_not(has_play, called),
    )
    stamps = {"model_version": stamp.model_version, "label_id": stamp.label_id, "run_id": stamp.run_id}
    table = score_table(
        roster, judged, cutoff=cutoff, label=params.label, reasons=params.score.reasons, stamps=stamps
    )
    calls = calls_csv(
        table, customers[called].tolist(), names, customers[thin].tolist(), params.score.reasons
    )
    facts = {
        **stamps,
        "cutoff": str(cutoff),
        "timezone": params.timezone,
        "label": params.label.model_dump(mode="json"),
        "model": {name: model.spec[name] for name in _ABOUT_THE_MODEL if name in model.spec},
        "horizons": model.spec.get("horizons"),
        "base_rate": base_rate,
        "customers": len(roster),
        "cohort": len(frame),
        "excluded": dict(sorted(Counter(roster["excluded_because"].dropna()).items())),
        "thin": int(thin.sum()),
        "places": contacts.places(params.score.budget, len(frame)),
        "contacted": len(called),
        "plays": {rule.play.name: int((chosen == place).sum()) for place, rule in enumerate(playbook.rules)},
        "switched_off": {name: list(keys) for name, keys in playbook.switched_off(columns.keys()).items()},
        "value": params.score.value.model_dump()
        | {"variant": VARIANT, "known": int((~np.isnan(value)).sum())},
        "first_reasons": _first_families([reasons[place] for place in called]),
    }
    return Night(table, calls, facts)


def _first_families(reasons: Sequence[tuple[Reason, ...]]) -> Mapping[str, int]:
    """Count the families that weigh most, for the report's picture of why."""
    return dict(sorted(Counter(its[0].family for its in reasons if its).items()))
