"""A company of six customers, drawn: what they did, how likely they leave, who is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from churn.contact.consent import Consents
from churn.contact.night import History
from churn.contact.tasks import TaskStates, task_states
from churn.contact.terms import Acts
from churn.experiments.ledger import Ledger, empty_ledger
from churn.experiments.units import Units
from churn.features.library import all_signals
from churn.params import ControlParams, ExperimentsParams, LabelParams, Params
from churn.scoring.night import Stamp
from churn.scoring.playbook import Playbook, read_playbook

CUTOFF = date(2024, 1, 31)
SIGNALS = [
    ("logins_days_since_last", "activity", "higher", "{value:.0f} days since the last login"),
    ("login_change", "activity", "lower", "logs in {value:.0%} as often as usual"),
    ("survey_last_rating", "sentiment", "lower", "gave {value:.0f} of 10 in the last survey"),
    ("orders_days_since_last", "purchase", "higher", "{value:.0f} days since the last order"),
    ("tenure_days", "profile", "either", "customer for {value:.0f} days"),
]
KINDS = {name: "number" for name, *_ in SIGNALS}


WEIGHTS = {"logins_days_since_last": 0.1, "login_change": -1.0, "survey_last_rating": -0.3}


class FakeModel:
    """A model whose log-odds are a weighted sum, so that each contribution is known."""

    def __init__(self) -> None:
        self.spec: dict[str, Any] = {
            "base_rate": 0.2,
            "label_id": "label",
            "signals": [
                {
                    "name": name,
                    "family": family,
                    "riskier_when": riskier,
                    "reason": {"en": en, "de": f"DE {en}"},
                }
                for name, family, riskier, en in SIGNALS
            ],
        }
        self.explained: list[str] = []

    def predict(self, columns: pd.DataFrame) -> np.ndarray:
        parts = self._parts(columns)
        return 1 / (1 + np.exp(-np.sum(list(parts.values()), axis=0)))

    def predict_horizons(self, columns: pd.DataFrame) -> dict[int, np.ndarray]:
        return {}

    def contributions(self, columns: pd.DataFrame) -> dict[str, np.ndarray]:
        self.explained += columns["customer_id"].tolist()
        return self._parts(columns)

    def _parts(self, columns: pd.DataFrame) -> dict[str, np.ndarray]:
        parts = {name: np.zeros(len(columns)) for name in KINDS}
        for name, weight in WEIGHTS.items():
            parts[name] = columns[name].fillna(0).to_numpy() * weight
        return parts | {"baseline": np.full(len(columns), -1.0)}


def drawn_company() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    table = pd.DataFrame(
        [  # customer, logins_days, change, rating, orders_days, tenure, money
            ("ann", 40.0, 0.2, np.nan, 35.0, 400.0, 50.0),
            ("bob", 2.0, 1.1, 9.0, 4.0, 300.0, 80.0),
            ("cem", 20.0, 0.5, 3.0, 60.0, 200.0, np.nan),
            ("dea", 1.0, np.nan, np.nan, 2.0, 6.0, 10.0),
            ("eva", 5.0, 0.9, 8.0, 6.0, 900.0, 20.0),
        ],
        columns=["customer_id", *KINDS, "money"],
    )
    roster = pd.DataFrame(
        [(who, None) for who in table["customer_id"]] + [("fil", "inactive")],
        columns=["customer_id", "excluded_because"],
    )
    return table.drop(columns="money"), roster, table["money"].to_numpy()


def shipped_playbook() -> Playbook:
    """Return the playbook that is shipped, with every signal known."""
    label = LabelParams(kind="inactivity", table="orders", horizon_days=28)
    signals = all_signals(Params(source="nowhere", label=label))
    kinds = {name: signal.kind for name, signal in signals.items()}
    return read_playbook(Path(__file__).parents[1] / "playbook.yaml", kinds)


def params_of(folder: Path, **score: Any) -> Params:
    label = LabelParams(kind="inactivity", table="orders", horizon_days=28)
    nobody = ControlParams(share=0, because="a test of the other parts")
    experiments = ExperimentsParams(control=nobody)
    return Params(source="nowhere", label=label, score=score, output=folder, experiments=experiments)


def acts_of(**changes: Any) -> Acts:
    """Return acts in which nobody refuses contacts, and no task is open."""
    acts = Acts(
        units=Units({}, 0, {}),
        consents=Consents({"phone": frozenset(("ann", "bob", "cem", "dea", "eva"))}),
        suppressed_ids=frozenset(),
        objected_ids=frozenset(),
        zones={},
        states=states_of(empty_ledger()),
    )
    return replace(acts, **changes)


def states_of(ledger: Ledger, cutoff: date = CUTOFF, contacts: pd.DataFrame | None = None) -> TaskStates:
    """Return the states of the tasks of a ledger without any exit."""
    exits = pd.DataFrame(columns=["customer_id", "happened_on", "why"], dtype=object)
    return task_states(ledger.tasks, contacts, exits, cutoff)


def night_company(folder: Path) -> SimpleNamespace:
    """Return everything that `score_night` takes, ready to be changed before the call."""
    frame, roster, money = drawn_company()
    ledger = empty_ledger()
    return SimpleNamespace(
        params=params_of(folder),
        cutoff=CUTOFF,
        frame=frame,
        roster=roster,
        model=FakeModel(),
        playbook=shipped_playbook(),
        monthly_money=money,
        names={"ann": "Ann <b>", "bob": "=1+1"},
        stamp=Stamp(model_version="3", model_digest="d", label_id="label", run_id="run"),
        history=History(ledger, ledger.assignments),
        acts=acts_of(),
    )


def score_columns(*months: str, last: tuple[str, ...] = ()) -> list[str]:
    """Return the agreed columns of the score file in the agreed order.

    Args:
        months: The columns of the probabilities within some months, which contract labels have.
        last: The further columns of contract labels.
    """
    return [
        *("customer_id", "cutoff", "excluded_because", "churn_probability", *months),
        *("health", "health_activity", "health_support", "health_sentiment", "health_payment"),
        *("value_at_risk", "reason_1", "reason_2", "reason_3"),
        *("play", "action", "owner", "channel", "due_at", "success", "template", "variant"),
        *("arm", "not_contacted_because", "model_version", "label_id", "run_id", *last),
        *("trial", "trial_because", "task_id", "task_status", "listed_since"),
    ]
