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
from churn.model.value import VARIANT, residual_value
from churn.params import (
    CHURN_WORDS,
    ContactParams,
    LabelParams,
    LabelWords,
    Params,
    RhythmParams,
    ValueParams,
    digest_of,
)
from churn.scoring.call_list import ExtraColumns, calls_csv, contacts_table
from churn.scoring.health import SIDES, health, is_thin, sides
from churn.scoring.play import Play
from churn.scoring.playbook import Playbook
from churn.scoring.reasons import ContributionModel, Reason, SignalFacts
from churn.scoring.scores import CohortScores, Task, score_table

Floats = npt.NDArray[np.float64]

MAX_TAG_LENGTH = 5000
"""The number of characters of a tag that every version of MLflow's database keeps."""

_ABOUT_THE_MODEL = ("model", "trained_cutoffs", "mature_on", "rows", "churners", "calibration", "recipe")


def no_progress(label: str, total: int) -> AbstractContextManager[Callable[[int], object]]:
    """Do nothing: the default if no progress is shown."""
    return nullcontext(lambda steps: None)


class NightModel(ContributionModel, Protocol):
    """A model that can score a night: the methods and the facts that the night needs from it."""

    spec: dict[str, Any]

    def predict(self, columns: Any) -> Floats:
        """Return the calibrated churn probability of each row of `columns`, shape `[rows]`."""
        ...

    def predict_horizons(self, columns: Any) -> dict[int, Floats]:
        """Return the probabilities of leaving within each horizon of the model; the keys are in days."""
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
    """The ids that show which model and which run computed a score.

    The facts of the night hold all four ids. Each row of the score table holds all except `model_digest`.

    Attributes:
        model_version: The version of the model in the registry.
        model_digest: The digest of the model's files.
        label_id: The id of the label.
        run_id: The id of the night.
    """

    model_version: str
    model_digest: str
    label_id: str
    run_id: str


@dataclass(frozen=True)
class Trial:
    """Why a night is a trial.

    If no champion can score a night, another model scores it as a trial.

    Attributes:
        because: The names of the gates (the conditions of a promotion) that refused the other model, or
            `not_evaluated`.
        explanations: For each gate that refused the other model, a sentence with the measured value, and a
            way out.
        requirements: For each gate that refused the other model, the rule of the gate.
        champion_problems: The reasons why the champion cannot score the night, for example that it predicts
            another label. Each reason also says how to solve the problem. Empty if there is no champion yet.
    """

    because: tuple[str, ...]
    explanations: tuple[str, ...]
    requirements: tuple[str, ...]
    champion_problems: tuple[str, ...] = ()

    def mark(self, version: str) -> str:
        """Return the text that marks each line of the call list as a trial.

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


NOT_IN_A_NIGHT = {"outside", "uplift", "effects"}
"""The keys of `experiments` that alone change nothing in the result; what a night uses from them is in
`reads`.
"""


def run_id(
    params: Params,
    store_digest: str,
    cutoff: date,
    playbook: Playbook,
    model_digest: str,
    definitions: Mapping[str, str],
    reads: Mapping[str, str],
    trial: Trial | None = None,
) -> str:
    """Return the id of a night: a digest of everything that can change its result.

    The settings for paths, threads and memory do not change the id, because they do not change the result.

    Args:
        params: The parameters of the night.
        store_digest: The digest of the ingested tables.
        cutoff: The cutoff of the night.
        playbook: The playbook.
        model_digest: The digest of the model that scores the night.
        definitions: The digest of each signal's definition, by name.
        reads: The digest of each further input, by its name: the earlier night in the ledger, suppression
            lists, and templates.
        trial: Why the night is a trial (see `Trial`); None for a night of the champion.
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
            "experiments": params.experiments.model_dump(mode="json", exclude=NOT_IN_A_NIGHT),
            "contact": params.contact.model_dump(mode="json", exclude=_unused_in_contact(params.contact)),
            "profit": params.evaluate.profit.model_dump(mode="json"),
            "reads": dict(sorted(reads.items())),
            "playbook": playbook.text,
            "model": model_digest,
            "definitions": dict(sorted(definitions.items())),
        }
        | ({"trial": trial.as_json()} if trial else {})
    )[:16]


def _unused_in_contact(contact: ContactParams) -> set[str]:
    """Return the keys of `contact` that change nothing in the result of a night.

    The id of a night does not depend on these keys. `rhythm` is one of them if it has its default values.
    So nights keep their ids if they were scored before the key `rhythm` existed.
    """
    return {"suppression", "outbox"} | ({"rhythm"} if contact.rhythm == RhythmParams() else set())


@dataclass(frozen=True)
class ScoredCohort:
    """What the model says about each customer of the cohort. Each array has the shape `[customers]`.

    Attributes:
        frame: The cohort: `customer_id` and the signals.
        customers: The ids of the customers.
        probability: The churn probabilities.
        within: The probabilities of leaving within each horizon; the keys are the horizons in days.
        thin: Whether the customer's history is too short for a health band.
        raw_band: The health band from this night alone, without regard to the bands of earlier nights.
        sides: The health bands for activity, support, sentiment and payment, by column name.
        residual_value: The value of the customer in currency if the customer stays, NaN if unknown.
        value_at_risk: The value at risk in currency, NaN if unknown.
        signals: The signals of the model, each with the facts that the reasons and the health bands need.
        base_rate: The usual share of customers who leave (or have the predicted event) within one horizon.
        words: The words for the event that the label predicts, such as `left` and `churners`.
    """

    frame: pd.DataFrame
    customers: npt.NDArray[np.object_]
    probability: Floats
    within: Mapping[int, Floats]
    thin: npt.NDArray[np.bool_]
    raw_band: Floats
    sides: Mapping[str, Floats]
    residual_value: Floats
    value_at_risk: Floats
    signals: Sequence[SignalFacts]
    base_rate: float
    words: LabelWords = CHURN_WORDS


@dataclass(frozen=True)
class ContactPlan:
    """What a night plans for each customer of the cohort.

    Attributes:
        band: The health band, which also depends on the band of the night before, shape `[customers]`.
        plays: The play of each customer; None for a customer without a play.
        reasons: The reasons of each customer, the largest contribution first.
        tasks: The task of each customer on the call list and of each control; None for other customers.
        listed_rows: The customers on the call list, in the order of the list, as row numbers of the cohort.
        not_contacted_because: The reason why a customer is not on the call list; None for a customer on the
            list.
        facts: Counts and settings of the plan, such as the number of tasks; they become facts of the night.
    """

    band: Floats
    plays: Sequence[Play | None]
    reasons: Sequence[tuple[Reason, ...]]
    tasks: Sequence[Task | None]
    listed_rows: npt.NDArray[np.intp]
    not_contacted_because: npt.NDArray[np.object_]
    facts: Mapping[str, Any]


def score_cohort(
    frame: pd.DataFrame, model: NightModel, monthly_money: Floats, label: LabelParams, terms: ValueParams
) -> ScoredCohort:
    """Score each customer of the cohort.

    Args:
        frame: The cohort: `customer_id` and the signals.
        model: The model that scores the night: the champion, or another model in a trial.
        monthly_money: For each row of `frame`, the money that the customer pays per month, net of returns;
            NaN if unknown.
        label: The definition of the label.
        terms: The settings by which the value of a customer who stays is computed.

    Raises:
        ModelError: The signals do not fit the model. The error lists all problems.
    """
    signals = [SignalFacts.from_spec(entry) for entry in model.spec["signals"]]
    base_rate = float(model.spec["base_rate"])
    try:
        probability = np.asarray(model.predict(frame), dtype=np.float64)
        within = model.predict_horizons(frame)
    except SchemaError as error:
        raise ModelError(
            *(f"the model cannot read tonight's signals: {problem}" for problem in error.problems)
        ) from None
    thin, missing = is_thin(frame), np.full(len(frame), np.nan)
    band, kept_value = missing, missing
    # no health and no value at risk: a customer who is likely to have the event is not about to leave
    if label.is_event:
        thin = np.zeros(len(frame), dtype=bool)
    else:
        band = health(probability, base_rate, thin)
        kept_value = residual_value(
            monthly_money, base_rate=base_rate, horizon_days=label.horizon_days, terms=terms
        )
    return ScoredCohort(
        frame=frame,
        customers=frame["customer_id"].astype(str).to_numpy(dtype=object),
        probability=probability,
        within=within,
        thin=thin,
        raw_band=band,
        sides=dict.fromkeys(SIDES, missing) if label.is_event else sides(frame, signals),
        residual_value=kept_value,
        value_at_risk=probability * kept_value,
        signals=signals,
        base_rate=base_rate,
        words=label.words,
    )


def complete_night(
    params: Params,
    cutoff: date,
    roster: pd.DataFrame,
    scores: ScoredCohort,
    plan: ContactPlan,
    model: NightModel,
    names: Mapping[str, str],
    stamp: Stamp,
    trial: Trial | None = None,
    ledger_digest: str | None = None,
    extra: ExtraColumns | None = None,
) -> Night:
    """Return the score table, the call list and the facts of a night.

    Args:
        params: The parameters: the label, the time zone, the language and the number of reasons.
        cutoff: The cutoff of the night.
        roster: All known customers: `customer_id` and `excluded_because`.
        scores: The scores of the cohort.
        plan: What the night plans for the cohort.
        model: The model that scores the night: the champion, or another model in a trial.
        names: The known names of customers, by id.
        stamp: The ids of the model, the label and the night for the rows of the score table.
        trial: Why the night is a trial (see `Trial`); None for a night of the champion. In a trial, nobody is
            assigned to an arm, and each row of the score table and of the call list says that the night is a
            trial.
        ledger_digest: The digest of the night's decisions in the ledger; None in a trial.
        extra: Further columns of the call list.
    """
    cohort = CohortScores(
        customers=scores.customers,
        probability=scores.probability,
        within=scores.within,
        health=plan.band,
        sides=scores.sides,
        value_at_risk=scores.value_at_risk,
        reasons=plan.reasons,
        plays=plan.plays,
        tasks=plan.tasks,
        not_contacted_because=plan.not_contacted_because,
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
    listed_ids = scores.customers[plan.listed_rows].tolist()
    calls = calls_csv(
        table,
        listed_ids,
        names,
        scores.customers[scores.thin].tolist(),
        params.score.reasons,
        form=params.score.csv,
        language=params.score.language,
        trial_mark=trial.mark(stamp.model_version) if trial else None,
        extra=extra,
        words=params.label.words,
    )
    known_values = int((~np.isnan(scores.value_at_risk)).sum())
    facts = {
        **stamps,
        "model_digest": stamp.model_digest,
        "ledger": ledger_digest,
        "trial": trial.as_json() if trial else None,
        "cutoff": str(cutoff),
        "timezone": params.timezone,
        "label": params.label.model_dump(mode="json"),
        "model": {name: model.spec[name] for name in _ABOUT_THE_MODEL if name in model.spec},
        "horizons": model.spec.get("horizons"),
        "base_rate": scores.base_rate,
        "customers": len(roster),
        "cohort": len(scores.frame),
        "excluded": dict(sorted(Counter(roster["excluded_because"].dropna()).items())),
        "thin": int(scores.thin.sum()),
        **plan.facts,
        "value": params.score.value.model_dump() | {"variant": VARIANT, "known": known_values},
        "first_reasons": _first_families([plan.reasons[row] for row in plan.listed_rows]),
    }
    return Night(table, calls, contacts_table(listed_ids, names), facts)


def _first_families(reasons: Sequence[tuple[Reason, ...]]) -> Mapping[str, int]:
    """Count the customers by the signal family of their first reason, for the chart in the report."""
    first_reasons = [customer_reasons[0] for customer_reasons in reasons if customer_reasons]
    return dict(sorted(Counter(reason.family for reason in first_reasons).items()))
