"""What moved on a night, drawn by a test."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from churn.drift.result import (
    Alarm,
    Drift,
    Figures,
    Performance,
    Population,
    RealisedNight,
    SignalDrift,
    TableFreshness,
    ToldApart,
    Trigger,
)
from churn.metrics.interval import Interval

NIGHT = date(2025, 9, 30)
STOPPED = Alarm(kind="stopped", subject="logins", since=NIGHT, text="no row for a day.", way_out="Check it.")
AGE = Trigger(name="age", fires=True, text="the newest cutoff is 200 days old; the limit is 184.")


def figures_of(auc: float) -> Figures:
    return Figures(
        auc=Interval(value=auc, low=auc - 0.02, high=auc + 0.02),
        log_loss=Interval(value=0.2, low=0.1, high=0.3),
        brier=Interval(value=0.04, low=0.03, high=0.05),
    )


def realised_of(auc: float) -> RealisedNight:
    return RealisedNight(
        night=NIGHT - timedelta(60),
        model_version="3",
        customers=100,
        n_treated=7,
        churners=12,
        expected=11.0,
        observed_expected=Interval(value=1.09, low=0.7, high=1.6),
        outcome_figures=figures_of(auc),
        estimated_figures=figures_of(0.8),
    )


def drift_of(**changes: Any) -> Drift:
    signal = SignalDrift(
        signal="logins_count_28d",
        table="logins",
        psi=0.01,
        by_chance=0.02,
        usual=0.02,
        limit=0.27,
        missing=0.1,
        missing_in_training=0.1,
        has_moved=False,
    )
    fresh = TableFreshness(
        table="logins",
        newest_row_on=NIGHT - timedelta(1),
        age_days=0,
        longest_gap_days=None,
        rows_last_day=1200,
        usual_rows=None,
    )
    values: dict[str, Any] = {
        "cutoff": NIGHT,
        "model_version": "3",
        "model_digest": "d",
        "label_id": "l",
        "population": Population(customers=100, n_treated=0, n_controls=0),
        "alarms": (),
        "triggers": (AGE.model_copy(update={"fires": False}),),
        "freshness": (fresh,),
        "signals": (signal,),
        "score": signal,
        "told_apart": ToldApart(because="there are too few customers"),
        "performance": Performance(estimate=figures_of(0.8), because="no night of this model is known"),
    }
    return Drift(**{**values, **changes})
