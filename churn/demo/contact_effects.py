"""The true effect of a contact on a customer: it depends on hidden traits, the channel and the play.

Without a contact nothing changes. If a contact reaches the customer, its effect begins on the next day and
lasts for `EFFECT_DAYS` days. What the effect is depends on the customer:

- a customer whom contacts help leaves more rarely and gets over a trouble sooner, if the play fits the
  trouble;
- nothing changes for an indifferent customer, and for a customer whom the play does not fit;
- a customer whom contacts drive away leaves more often, whatever the play is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from churn.demo import troubles
from churn.demo.columns import Chunk, categories
from churn.demo.life import RENEWAL_WINDOW_DAYS, LifeState, Shift, next_renewal
from churn.demo.people import People
from churn.demo.world import Values

EFFECT_DAYS = 60
LEAVING_IF_HELPED = 0.25
HEALING_IF_HELPED = 4.0
LEAVING_IF_DRIVEN_AWAY = 3.0

EFFECTS = ("helped", "indifferent", "driven away")
HELP, INDIFFERENT, DRIVEN_AWAY = range(3)
HELPED_SHARE = 0.70
PHONE = "phone"
DRIVEN_AWAY_BY_CALLS = (0.22, 0.06)
DRIVEN_AWAY_BY_MAILS = (0.10, 0.02)
"""The shares of customers whom a mail drives away: among customers in a low mood, and among all others."""
LOW_MOOD = 8.0

PLAY_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "low-rating": ("sentiment",),
    "payment-overdue": ("payment",),
    "slow-support": ("support",),
    "gone-quiet": ("activity", "purchase"),
    "mails-unopened": ("email",),
}
"""The families of troubles that each play fits; a play that is not in this table fits all troubles."""
RENEWAL_PLAY = "contract-ending"


def effects_by_channel(people: People, rng: np.random.Generator) -> dict[str, Values]:
    """Return for each channel an array [customer]: the effect of a contact, as an index into `EFFECTS`.

    The play of the contact is assumed to fit the customer. The random number of a customer is the same in
    all channels, so a customer whom a mail drives away is also driven away by a call.
    """
    draw = rng.random(len(people))
    is_low = people.mood_level < LOW_MOOD
    effects = {}
    for channel, (low, other) in ((PHONE, DRIVEN_AWAY_BY_CALLS), ("email", DRIVEN_AWAY_BY_MAILS)):
        is_driven_away = draw < np.where(is_low, low, other)
        is_helped = draw >= 1.0 - HELPED_SHARE
        effects[channel] = np.where(is_driven_away, DRIVEN_AWAY, np.where(is_helped, HELP, INDIFFERENT))
    return effects


def contact_effects(chunk: Chunk) -> pa.Table:
    """Return for each customer and channel the true effect of a contact whose play fits the customer.

    The table has one column for each channel.
    """
    effects = effects_by_channel(chunk.people, chunk.streams.get("contact effects"))
    columns = {name: categories(codes, EFFECTS) for name, codes in effects.items()}
    return pa.table({"customer_id": chunk.customer_id(np.arange(len(chunk.people))), **columns})


class EffectsInForce:
    """The effects that earlier contacts have at present on the customers of a chunk."""

    def __init__(self, effects: Mapping[str, Values]) -> None:
        size = len(next(iter(effects.values())))
        self.effects = effects
        self.last_day = np.full(size, -1)
        self.leave_factor, self.dunning_factor = np.ones(size), np.ones(size)
        self.heal_factor = np.ones((len(troubles.TROUBLES), size))

    def add(self, day: int, customer: int, channel: str, play: str, life: LifeState) -> None:
        """Add a contact that reached a customer; its effect replaces the effect of an earlier contact.

        Args:
            day: The day of the contact; the effect begins on the next day.
            customer: The index of the customer.
            channel: The channel; all channels except the phone have the effect of e-mail.
            play: The name of the play.
            life: The state of the customers after this day.
        """
        effect = self.effects[channel if channel in self.effects else "email"][customer]
        self.last_day[customer] = day + EFFECT_DAYS
        self.leave_factor[customer], self.dunning_factor[customer], self.heal_factor[:, customer] = (
            1.0,
            1.0,
            1.0,
        )
        if effect == DRIVEN_AWAY:
            self.leave_factor[customer] = LEAVING_IF_DRIVEN_AWAY
        elif effect == HELP:
            fits = fitting_troubles(play, life.phase[:, customer])
            is_renewal = play == RENEWAL_PLAY and _renews_soon(life, customer, day)
            if fits.any() or is_renewal:
                self.leave_factor[customer] = LEAVING_IF_HELPED
                self.heal_factor[fits, customer] = HEALING_IF_HELPED
            if fits[troubles.PAYMENT_TROUBLE]:
                self.dunning_factor[customer] = LEAVING_IF_HELPED

    def shift(self, day: int) -> Shift | None:
        """Return how contacts change the hazards of a day; None if no contact has an effect on that day."""
        in_force = self.last_day >= day
        if not in_force.any():
            return None
        return Shift(
            np.where(in_force, self.leave_factor, 1.0),
            np.where(in_force, self.dunning_factor, 1.0),
            np.where(in_force, self.heal_factor, 1.0),
        )


def fitting_troubles(play: str, phase: Values) -> Values:
    """Return for each trouble whether the customer has it and the play fits it, [trouble].

    `phase` says how far each trouble of the customer has advanced, from 0 (no trouble) to 3, [trouble].
    """
    families = PLAY_FAMILIES.get(play, troubles.TROUBLE_FAMILIES)
    in_families = np.array([bool(set(kind.families) & set(families)) for kind in troubles.TROUBLES])
    fits: Values = in_families & (phase > 0)
    return fits


def _renews_soon(life: LifeState, customer: int, day: int) -> bool:
    return bool(next_renewal(life.people, life.start, day)[customer] - day <= RENEWAL_WINDOW_DAYS)
