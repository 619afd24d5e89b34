"""The input of a plan of contacts: the settings, and the facts about customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from churn.contact.consent import Consents
from churn.contact.rhythm import AnswerCounts, BestHour
from churn.contact.tasks import TaskStates
from churn.data.churners import CHURNER_SCHEMA
from churn.experiments.measured_effects import NOT_MEASURED, MeasuredEffects
from churn.experiments.units import Units
from churn.params import ContactParams, ExperimentsParams, ProfitParams
from churn.uplift.night import EffectModel


@dataclass(frozen=True)
class PlanTerms:
    """The settings of a plan.

    Attributes:
        experiments: The control group, the unit and the salt.
        contact: The rules of contacts.
        n_places: The number of new tasks of a night, of both arms.
        profit: The costs and the effect of a contact, for what a play does not state.
        n_reasons: The largest number of reasons for a customer.
        language: The language of the reasons.
        timezone: The time zone of the company.
        effect_model: The model of each customer's own effect; None if the night goes by the risk.
        measured_effects: The effects of the plays that were measured before the night.
    """

    experiments: ExperimentsParams
    contact: ContactParams
    n_places: int
    profit: ProfitParams
    n_reasons: int
    language: str
    timezone: str
    effect_model: EffectModel | None = None
    measured_effects: MeasuredEffects = NOT_MEASURED


@dataclass(frozen=True)
class Acts:
    """What is known about customers and earlier contacts, beside the signals.

    Attributes:
        units: The unit of each customer.
        consents: The consents as of the cutoff.
        suppressed_ids: The customers on suppression lists, and other customers of the same persons.
        objected_ids: The customers who objected, as known today, and other customers of the same persons.
        zones: The time zone of each customer who has another one than the company, by id.
        states: The states of the earlier tasks.
        churners: The customers who are gone: `customer_id`, `left_on`, `days_since_left`, `monthly_value` and
            `tenure_days`.
        cancelling_ids: The customers whose contracts are cancelled and still run: not at risk, and not gone.
        recent_contact_ids: The customers whom the table `contacts` names in the last days of rest.
        answers: The number of answers by customer and channel, for plays that prefer the customer's channel.
        best_hours: The best hour of each customer, by id; None if the parameters do not switch it on.
        warnings: Sentences about what is probably not meant.
    """

    units: Units
    consents: Consents
    suppressed_ids: frozenset[str]
    objected_ids: frozenset[str]
    zones: Mapping[str, str]
    states: TaskStates
    churners: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CHURNER_SCHEMA.names))
    cancelling_ids: frozenset[str] = frozenset()
    recent_contact_ids: frozenset[str] = frozenset()
    answers: AnswerCounts = field(default_factory=dict)
    best_hours: Mapping[str, BestHour] | None = None
    warnings: tuple[str, ...] = ()
