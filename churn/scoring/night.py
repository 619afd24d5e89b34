"""Score a night: compute the score table, the call list and the facts from signals and a model."""

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
from churn.scoring.call_list import (
    calls_csv,
    contact_count,
    contacts_table,
    not_contacted_because,
    rank_customers,
    select_contacts,
)
from churn.scoring.health import health, is_thin, sides
from churn.scoring.playbook import Playbook
from churn.scoring.reasons import (
    ContributionModel,
    Progress,
    Reason,
    SignalFacts,
    compute_reasons,
    rows_to_explain,
)
from churn.scoring.scores import CohortScores, score_table

Floats = npt.NDArray[np.float64]

MAX_TAG_LENGTH = 5000
"""The number of characters of a value that MLflow keeps in every version of its database."""

_ABOUT_THE_MODEL = ("model", "trained_cutoffs", "mature_on", "rows", "churners", "calibration", "recipe")


def no_progress(label: str, total: int) -> AbstractContextManager[Callable[[int], object]]:
    """Show no progress."""
    return nullcontext(lambda steps: None)


class NightModel(ContributionModel, Protocol):
    """The part of a scorer that a night uses."""

    spec: dict[str, Any]

    def predict(self, columns: Any) -> Floats:
        """Return calibrated probabilities, shape `[rows]`."""
        ...

    def predict_horizons(self, columns: Any) -> dict[int, Floats]:
        """Return the probabilities of leaving, by the model's horizons in days."""
        ...


@dataclass(frozen=True)
class Night:
    """The score table of a night, its call list as CSV and as a table, and its settings and counts."""

    scores: pa.Table
    calls: str
    contacts: pa.Table
    facts: dict[str, Any]


@dataclass(frozen=True)
class Stamp:
    """The ids in each row of the score table, to trace a score back to its model and run.

    Attributes:
        model_version: The version of the model in the registry.
        model_digest: The digest of the model's bundle. Only the facts of the night hold it.
        label_id: The label.
        run_id: The id of the night.
    """

    model_version: str
    model_digest: str
    label_id: str
    run_id: str


@dataclass(frozen=True)
class Trial:
    """Why a night is a trial: its model is not the champion, because no champion can score the night.

    Attributes:
        because: The names of the gates that refused the model, or `not_evaluated`.
        explanations: The measurement of each of these gates as a sentence, with a way out.
        requirements: The rule of each of these gates.
        champion_problems: Why the champion cannot score the night, such as another label, each reason with a
            way out; empty if there is no champion yet.
    """

    because: tuple[str, ...]
    explanations: tuple[str, ...]
    requirements: tuple[str, ...]
    champion_problems: tuple[str, ...] = ()

    def mark(self, version: str) -> str:
        """Return the mark in each line of the call list.

        >>> Trial(("beats_rfm",), ("w",), ("r",)).mark("1")
        'TRIAL: model version 1 is not approved (beats_rfm)'
        """
        return f"TRIAL: model version {version} is not approved ({', '.join(self.because)})"

    def as_json(self) -> Mapping[str, Any]:
        """Return the trial as JSON values, for the facts of the night."""
        return {
            "because": list(self.because),
            "explanations": list(self.explanations),
            "requirements": list(self.requirements),
            "champion_problems": list(self.champion_problems),
        }

    def as_tags(self, night: str) -> Mapping[str, str]:
        """Return the trial as tags of the model's run in MLflow.

        Args:
            night: The cutoff of the night.
        """
        return {
            "trial": night,
            "trial_because": ", ".join(self.because),
            "trial_why": "\n".join(self.explanations)[:MAX_TAG_LENGTH],
            "trial_requirements": "\n".join(self.requirements)[:MAX_TAG_LENGTH],
        }


def run_id(
    params: Params,
    store_digest: str,
    cutoff: date,
    playbook: Playbook,
    model_digest: str,
    definitions: Mapping[str, str],
    trial: Trial | None = None,
) -> str:
    """Return the id of a night: a digest of everything on which its result depends.

    Paths, threads and memory are not part of the digest, because they change no byte of the result.

    Args:
        params: The parameters of the night.
        store_digest: The digest of the ingested tables.
        cutoff: The cutoff of the night.
        playbook: The playbook.
        model_digest: The digest of the champion.
        definitions: The digest of each signal's definition, by name.
        trial: Why the night is a trial; None for a night of the champion.
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
        | ({"trial": trial.as_json()} if trial else {})
    )[:16]


def score_night(
    params: Params,
    cutoff: date,
    frame: pd.DataFrame,
    roster: pd.DataFrame,
    model: NightModel,
    playbook: Playbook,
    monthly_money: Floats,
    names: Mapping[str, str],
    stamp: Stamp,
    progress: Progress = no_progress,
    trial: Trial | None = None,
) -> Night:
    """Score each customer of the cohort and select the contacts.

    Reasons are computed for the call list, and for up to `MAX_EXPLAINED_BEYOND_LIST` other customers in
    health bands 1 and 2, the most likely churners first. Further customers get no reasons, because reasons
    cost a hundred times as much time as a score.

    Args:
        params: The parameters: the label, the budget, the value, the language and the number of reasons.
        cutoff: The cutoff of the night.
        frame: The cohort: `customer_id` and the signals.
        roster: All known customers: `customer_id` and `excluded_because`.
        model: The champion's scorer.
        playbook: The playbook.
        monthly_money: The monthly value of each row of `frame`, NaN if unknown.
        names: The known names of customers, by id.
        stamp: The ids in each row of the score table.
        progress: A function that shows the progress of the reasons.
        trial: Why the night is a trial; None for a night of the champion. A trial assigns nobody to an arm,
            so that no other system takes its call list for a night of the champion.

    Raises:
        ModelError: The signals do not fit the model. The error holds all problems.
    """
    signals = [SignalFacts.from_spec(entry) for entry in model.spec["signals"]]
    base_rate = float(model.spec["base_rate"])
    customers = frame["customer_id"].astype(str).to_numpy(dtype=object)
    try:
        probability = np.asarray(model.predict(frame), dtype=np.float64)
        within = model.predict_horizons(frame)
    except SchemaError as error:
        raise ModelError(
            *(f"the champion cannot read tonight's signals: {problem}" for problem in error.problems)
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
    columns = {str(name): frame[name].to_numpy() for name in frame.columns if name != "customer_id"}
    columns |= {"churn_probability": probability, "health": band, "value_at_risk": value, **side_bands}
    play_indices = playbook.choose(columns, len(frame))
    has_play = play_indices >= 0
    order = rank_customers(customers, value, probability)
    max_contacts = contact_count(params.score.budget, len(frame))
    contacts = select_contacts(order, has_play, max_contacts)
    reasons = compute_reasons(
        frame,
        rows_to_explain(contacts, band, probability),
        model,
        signals,
        params.score.language,
        params.score.reasons,
        progress,
    )
    cohort = CohortScores(
        customers=customers,
        probability=probability,
        within=within,
        health=band,
        sides=side_bands,
        value_at_risk=value,
        reasons=reasons,
        rules=[playbook.rules[index].play if index >= 0 else None for index in play_indices],
        is_contacted=np.isin(np.arange(len(frame)), contacts),
        not_contacted_because=not_contacted_because(has_play, contacts),
    )
    stamps = {"model_version": stamp.model_version, "label_id": stamp.label_id, "run_id": stamp.run_id}
    table = score_table(
        roster,
        cohort,
        cutoff=cutoff,
        label=params.label,
        reasons=params.score.reasons,
        stamps=stamps,
        trial_because=", ".join(trial.because) if trial else None,
    )
    calls = calls_csv(
        table,
        customers[contacts].tolist(),
        names,
        customers[thin].tolist(),
        params.score.reasons,
        trial_mark=trial.mark(stamp.model_version) if trial else None,
    )
    facts = {
        **stamps,
        "model_digest": stamp.model_digest,
        "trial": trial.as_json() if trial else None,
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
        "places": max_contacts,
        "contacted": len(contacts),
        "plays": {
            rule.play.name: int((play_indices == index).sum()) for index, rule in enumerate(playbook.rules)
        },
        "switched_off": {name: list(keys) for name, keys in playbook.switched_off(columns.keys()).items()},
        "value": params.score.value.model_dump()
        | {"variant": VARIANT, "known": int((~np.isnan(value)).sum())},
        "first_reasons": _first_families([reasons[row] for row in contacts]),
    }
    return Night(table, calls, contacts_table(customers[contacts].tolist(), names), facts)


def _first_families(reasons: Sequence[tuple[Reason, ...]]) -> Mapping[str, int]:
    """Count the families of the first reasons, for the chart of reasons in the report."""
    first_reasons = [customer_reasons[0] for customer_reasons in reasons if customer_reasons]
    return dict(sorted(Counter(reason.family for reason in first_reasons).items()))
