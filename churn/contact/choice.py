"""Choose the plays and the arms of a night, and decide who may be contacted and who is contacted.

The first reason of a customer decides which play the customer gets. But it takes much longer to compute a
reason than a prediction. So reasons are computed for the customers who will probably be contacted. If the
night then chooses a customer without reasons, they are computed and the night chooses again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.arms import Arms, draw_arms
from churn.contact.channels import permitted_channels
from churn.contact.limits import Candidates, EarlierTasks, Limits, select_contacts
from churn.contact.new_tasks import ProfitCurve, expected_profit
from churn.contact.terms import Acts, PlanTerms
from churn.experiments.ledger import Ledger
from churn.scoring.call_list import NO_PLAY, rank_customers
from churn.scoring.night import NightModel, ScoredCohort
from churn.scoring.play import Play
from churn.scoring.playbook import Playbook
from churn.scoring.reasons import Progress, Reason, compute_reasons, rows_to_explain
from churn.uplift.night import EffectModel

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

DO_NOT_DISTURB = "do not disturb: a contact is proved not to help such customers"
LOSES_MONEY = "a contact costs more than it is expected to save"


@dataclass(frozen=True)
class ContactChoice:
    """Whom a night contacts, and what it has decided about everybody else.

    Attributes:
        families: The family of signals behind each customer's first reason; None for a customer without a
            reason.
        play_indices: The index in `Playbook.rules` of the rule that gives each customer a play; -1 for a
            customer without a play.
        plays: The play of each customer; None for a customer without a play.
        channels: The channel through which each customer may be contacted; None if the customer may not.
        profit: The expected profit of a contact with each customer.
        curve: How the profit grows with the number of contacts.
        arms: The arms of the customers: newly drawn, or looked up for customers with an open task.
        is_left_alone: Whether a contact is proved not to help the customer, shape `[customers]`.
        because: For each customer without a new contact, why there is none; shape `[customers]`.
        contact_rows: The customers chosen for a new contact, including controls, in order of priority; given
            as row numbers in the cohort.
    """

    families: list[str | None]
    play_indices: Ints
    plays: list[Play | None]
    channels: list[str | None]
    profit: Floats
    curve: ProfitCurve
    arms: Arms
    is_left_alone: Bools
    because: Objects
    contact_rows: Ints


@dataclass(frozen=True)
class ContactChooser:
    """What a night must know to choose whom to contact.

    The reasons why customers may leave are not included: the method `choose` gets them as an argument.

    Attributes:
        cutoff: The cutoff of the night.
        scores: The scores of the cohort.
        band: The health band of each customer, shape `[customers]`.
        columns: The signals and scores of the customers, by name.
        playbook: The playbook.
        nights_held: For each play and customer, the number of nights in a row in which the condition of
            the play was true.
        may_follow: For each play and customer, whether the play may come after the customer's earlier tasks;
            None if there are no earlier tasks.
        open_rows: The customers with an open task, given as row numbers in the cohort.
        ledger: The decisions of earlier nights.
        own_assignments: The assignments to arms that an earlier scoring of this same night made.
        acts: Facts about customers and earlier contacts that are no signals, such as consents.
        terms: The settings of the plan of contacts.
        is_trial: Whether the night is a trial, in which nobody is assigned to an arm.
    """

    cutoff: date
    scores: ScoredCohort
    band: Floats
    columns: Mapping[str, npt.NDArray[Any]]
    playbook: Playbook
    nights_held: Ints
    may_follow: Bools | None
    open_rows: tuple[int, ...]
    ledger: Ledger
    own_assignments: pd.DataFrame
    acts: Acts
    terms: PlanTerms
    is_trial: bool

    @property
    def may_be_called(self) -> Bools:
        """Whether the health of each customer is bad enough for a contact."""
        return ~(self.band > self.terms.contact.max_health)

    def choose(self, reasons: Sequence[tuple[Reason, ...]]) -> ContactChoice:
        """Return whom the night contacts, given the reasons why each customer may leave (empty if none)."""
        scores, acts, terms = self.scores, self.acts, self.terms
        n = len(scores.frame)
        families = [customer_reasons[0].family if customer_reasons else None for customer_reasons in reasons]
        play_indices = self.playbook.choose(
            self.columns,
            n,
            first_families=families,
            nights_held=self.nights_held,
            may_follow=self.may_follow,
        )
        plays = [self.playbook.rules[index].play if index >= 0 else None for index in play_indices]

        channels, because = _permissions(scores, plays, self.may_be_called, acts, terms)
        effect = _own_effect(scores, plays, channels, terms.effect_model)
        profit = expected_profit(scores, plays, terms.of_play, effect)
        is_eligible = np.array([channel is not None for channel in channels], dtype=bool)
        is_eligible[list(self.open_rows)] = False
        is_left_alone = is_eligible & _is_left_alone(effect, terms.effect_model)
        because[is_left_alone] = DO_NOT_DISTURB
        is_eligible &= ~is_left_alone
        curve = ProfitCurve.of(profit[is_eligible], terms.n_places)
        loses_money = is_eligible & (profit <= 0)
        # the effect decides also for customers without a known value, whose profit is not known
        if effect is not None:
            loses_money |= is_eligible & (effect <= 0)
        because[loses_money] = LOSES_MONEY
        is_eligible &= ~loses_money

        arms = Arms(np.full(n, None, dtype=object), np.full(n, None, dtype=object), self.own_assignments)
        if not self.is_trial:
            earlier = pd.concat([self.ledger.assignments, self.own_assignments], ignore_index=True)
            arms = draw_arms(
                self.cutoff, scores, plays, is_eligible, list(self.open_rows), earlier, acts.units, terms
            )
        rows = np.flatnonzero(is_eligible)
        units = acts.units.of(scores.customers)
        selection = select_contacts(
            Candidates(
                customers=scores.customers[rows],
                units=units[rows],
                owners=np.array([play.owner if play else "" for play in plays], dtype=object)[rows],
                channels=np.array(channels, dtype=object)[rows],
                expected_profit=profit[rows],
                probability=(scores.probability if effect is None else effect)[rows],
            ),
            EarlierTasks.of(self.ledger.tasks, acts.units.unit_of),
            _limits(terms),
            self.cutoff,
        )
        because[rows] = selection.reasons
        return ContactChoice(
            families=families,
            play_indices=play_indices,
            plays=plays,
            channels=channels,
            profit=profit,
            curve=curve,
            arms=arms,
            is_left_alone=is_left_alone,
            because=because,
            contact_rows=rows[selection.contacts],
        )


def explain_and_choose(
    chooser: ContactChooser, model: NightModel, progress: Progress
) -> tuple[list[tuple[Reason, ...]], ContactChoice]:
    """Return the reasons of each customer, and whom the night contacts; each contact is explained.

    The night chooses its contacts, and computes the reasons of chosen customers who have none yet. The new
    reasons may change plays, so the night then chooses again. It stops when the reasons of all chosen
    customers are computed.

    Args:
        chooser: What the night knows before the reasons are computed.
        model: The scorer of the champion, from which the reasons are computed.
        progress: A function that shows how many of the reasons are computed.
    """
    scores, terms = chooser.scores, chooser.terms
    reasons: list[tuple[Reason, ...]] = [()] * len(scores.frame)
    is_explained = np.zeros(len(scores.frame), dtype=bool)
    rows = _rows_to_explain(scores, chooser.band, chooser.may_be_called, chooser.open_rows, terms.n_places)
    while True:
        further = compute_reasons(
            scores.frame, rows, model, scores.signals, terms.language, terms.n_reasons, progress
        )
        for row in rows.tolist():
            reasons[row] = further[row]
        is_explained[rows] = True
        choice = chooser.choose(reasons)
        rows = choice.contact_rows[~is_explained[choice.contact_rows]]
        if not len(rows):
            return reasons, choice


def _own_effect(
    scores: ScoredCohort,
    plays: Sequence[Play | None],
    channels: Sequence[str | None],
    model: EffectModel | None,
) -> Floats | None:
    """Return by how much a contact lowers the churn probability of each customer; None if no model of the
    effect is in use.
    """
    if model is None:
        return None
    names = np.array([play.name if play else None for play in plays], dtype=object)
    return model.predict(scores.frame, names, np.array(channels, dtype=object), scores.probability)


def _is_left_alone(effect: Floats | None, model: EffectModel | None) -> Bools | bool:
    """Return which customers belong to a group for which the effect of a contact is shown to be at most 0."""
    if effect is None or model is None or model.up_to is None:
        return False
    return np.asarray(effect <= model.up_to, dtype=bool)


def _limits(terms: PlanTerms) -> Limits:
    contact = terms.contact
    return Limits(
        rest_days=contact.rest_days,
        max_contacts=contact.per_customer.contacts,
        max_contacts_days=contact.per_customer.days,
        budget=terms.n_places,
        per_owner=contact.per_owner,
        per_channel=contact.per_channel,
        unit=terms.experiments.unit,
    )


def _rows_to_explain(
    scores: ScoredCohort, band: Floats, may_be_called: Bools, open_rows: Sequence[int], n_places: int
) -> Ints:
    """Return the rows of the customers whose reasons are computed: customers with open tasks, the customers
    who will probably be contacted, and the other customers with the highest risk.

    The first reason of a customer may decide which play the customer gets, so reasons are needed before the
    plays are known. The customers who will probably be contacted are those with the highest value at risk.
    Their number is a little more than twice the number of contacts that a night may make. This is a guess,
    because the night itself chooses by expected profit (`order_of_contact`). If the night chooses a customer
    who is not among these rows, `explain_and_choose` then computes the reasons of this customer too.
    """
    order = rank_customers(scores.customers, scores.value_at_risk, scores.probability)
    likely = order[may_be_called[order]][: 2 * n_places + 10]
    rows = np.array(list(dict.fromkeys([*open_rows, *likely.tolist()])), dtype=np.intp)
    return rows_to_explain(rows, band, scores.probability)


def _permissions(
    scores: ScoredCohort,
    plays: Sequence[Play | None],
    may_be_called: Bools,
    acts: Acts,
    terms: PlanTerms,
) -> tuple[list[str | None], Objects]:
    """Return for each customer the channel of the contact, or the reason why the customer may not be
    contacted.
    """
    n = len(plays)
    because = np.full(n, NO_PLAY, dtype=object)
    channels: list[str | None] = [None] * n
    has_play = np.array([play is not None for play in plays], dtype=bool)
    too_healthy = has_play & ~may_be_called
    because[too_healthy] = f"health is above {terms.contact.max_health}"
    rows = np.flatnonzero(has_play & may_be_called)
    own_plays = [play for row in rows.tolist() if (play := plays[row]) is not None]
    own_channels, refusals = permitted_channels(scores.customers[rows], own_plays, acts, terms)
    for row, channel, refusal in zip(rows.tolist(), own_channels, refusals, strict=True):
        channels[row], because[row] = channel, refusal
    return channels, because
