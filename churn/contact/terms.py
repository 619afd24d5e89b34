"""The input of a plan of contacts: the settings of the plan, and the facts about customers."""

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
from churn.scoring.play import Play
from churn.uplift.night import EffectModel


@dataclass(frozen=True)
class PlanTerms:
    """The settings of a plan of contacts.

    Attributes:
        experiments: The settings of the control group, of the draw, and of the units that are drawn (persons,
            accounts or customers).
        contact: The settings that say whom a play may contact, how often and when.
        n_places: The number of new tasks of a night, both arms together.
        profit: The costs and the effect of a contact that are used where a play states none.
        n_reasons: The largest number of reasons that are given for a customer's risk.
        language: The language of the reasons and of the plays' texts.
        timezone: The time zone of the company.
        effect_model: The model of the effect of a contact on each customer; None if the night ranks customers
            by risk.
        measured_effects: The effects and the costs of plays, as measured before the night.
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

    def of_play(self, play: Play) -> ProfitParams:
        """Return the costs and the effect of a contact of a play; a play that states no incentive has the
        incentive 0.
        """
        without_incentive = self.profit.model_copy(update={"incentive_cost": 0.0})
        return self.measured_effects.terms_of(play, without_incentive)


@dataclass(frozen=True)
class Acts:
    """What is known about customers and earlier contacts, in addition to the signals.

    Attributes:
        units: The unit of each customer: the person, account or customer that experiments assign to an arm.
        consents: The consents that are valid at the cutoff.
        suppressed_ids: The customers on suppression lists, and all other ids of the same persons.
        objected_ids: The customers who objected to contacts, as known today, and all other ids of the same
            persons.
        zones: The time zone of each customer whose zone differs from the company's zone, by id.
        states: The states of the earlier tasks.
        churners: The customers who have left: `customer_id`, `left_on`, `days_since_left`, `monthly_value`
            and `tenure_days`.
        cancelling_ids: The customers whose contracts are cancelled but still run. Customers with a cancelled
            contract that still runs are not at risk, and they have not left.
        recent_contact_ids: The customers with a contact in the table `contacts` in the last `rest_days` days.
        answers: The number of answers of each customer in each channel, for plays that prefer the channel in
            which a customer answers.
        best_hours: The best hour of each customer, by id; None if the parameters do not ask for it.
        warnings: Sentences about probable mistakes in the data.
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
