"""The troubles a customer may run into, as small Markov chains of four phases.

Phase 0 is no trouble, phases 1 and 2 already show in the tables, and phase 3 is where most leave: signals
come first and the hazard follows. Kinds run side by side and independently, and their hazards *add up*
(competing causes). That makes the chance of staying a product over kinds, so `truth` can compute it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn.demo.world import Array

FAMILIES = ("activity", "payment", "email", "sentiment", "support", "purchase")


@dataclass(frozen=True)
class Kind:
    """One kind of trouble. All rates are chances per day.

    Attributes:
        families: signal families in which the trouble shows while it lasts.
        onset: chance that a customer of average proneness runs into it.
        advance: chance of moving from phase 1 to 2 and from 2 to 3.
        heal: chance of going back to phase 0 from phases 1, 2 and 3.
        hazard: added hazard of leaving in phases 1, 2 and 3.
    """

    name: str
    families: tuple[str, ...]
    onset: float
    advance: tuple[float, float]
    heal: tuple[float, float, float]
    hazard: tuple[float, float, float]


KINDS = (
    Kind("usage_fading", ("activity",), 0.00066, (0.034, 0.050), (0.006, 0.007, 0.009), (0.0, 0.0010, 0.032)),
    Kind(
        "champion_lost",
        ("activity", "email", "purchase"),
        0.00030,
        (0.042, 0.055),
        (0.005, 0.006, 0.008),
        (0.0, 0.0015, 0.042),
    ),
    Kind("mail_fatigue", ("email",), 0.00048, (0.032, 0.045), (0.007, 0.008, 0.010), (0.0, 0.0005, 0.027)),
    Kind("payment_trouble", ("payment",), 0.00072, (0.75, 0.06), (0.005, 0.026, 0.018), (0.0, 0.0, 0.048)),
    Kind(
        "bad_experience",
        ("sentiment", "activity"),
        0.00052,
        (0.034, 0.046),
        (0.007, 0.008, 0.010),
        (0.0, 0.0010, 0.029),
    ),
    Kind(
        "slow_support",
        ("support", "sentiment"),
        0.00046,
        (0.034, 0.046),
        (0.007, 0.008, 0.010),
        (0.0, 0.0010, 0.028),
    ),
    Kind(
        "spending_less", ("purchase",), 0.00046, (0.032, 0.045), (0.007, 0.008, 0.010), (0.0, 0.0005, 0.027)
    ),
    # Harmless, and there to be mistaken for trouble: two quiet weeks and then back.
    Kind("away", (), 0.00070, (0.0, 0.0), (0.075, 0.0, 0.0), (0.0, 0.0, 0.0)),
)
NAMES = tuple(kind.name for kind in KINDS)
PAYMENT = NAMES.index("payment_trouble")
"""The one kind that ends in the company's notice (a card never recovered) and not in the customer's."""
PHASES = 4

ONSET = np.array([kind.onset for kind in KINDS])
ADVANCE = np.array([(0.0, *kind.advance, 0.0) for kind in KINDS])
HEAL = np.array([(0.0, *kind.heal) for kind in KINDS])
HAZARD = np.array([(0.0, *kind.hazard) for kind in KINDS])


def index(name: str) -> int:
    """Return the row of a kind in every array of this module."""
    return NAMES.index(name)


def chance_to_advance(
    kind: int, phase: int, onset: Array, billing: Array, card_expired: Array
) -> Array | float:
    """Return the chance of moving on from `phase` today, for customers in that phase. Shape [customer].

    A card that has just expired makes payment trouble eight times as likely, and a charge can only fail on
    the day it is made, so the payment chain leaves phase 1 on billing days alone.
    """
    if phase == 0:
        raised: Array = onset * np.where(card_expired, 8.0, 1.0) if kind == PAYMENT else onset
        return raised
    if kind == PAYMENT and phase == 1:
        charged: Array = ADVANCE[kind, 1] * billing
        return charged
    return float(ADVANCE[kind, phase])


def roll(phase: Array, onset: Array, draws: Array, billing: Array, card_expired: Array) -> None:
    """Move every chain one day on, in place.

    Args:
        phase: uint8 [kind, customer].
        onset: each customer's chance of onset, [kind, customer].
        draws: uniform [0, 1), [kind, customer].
        billing: whether a charge is made today, [customer].
        card_expired: whether the card ran out within the last month, [customer].
    """
    for kind in range(len(KINDS)):
        now, draw = phase[kind], draws[kind]
        advance = ADVANCE[kind].take(now)
        if kind == PAYMENT:
            advance = np.where(now == 1, advance * billing, advance)
        advance = np.where(now == 0, chance_to_advance(kind, 0, onset[kind], billing, card_expired), advance)
        up = draw < advance
        healed = ~up & (draw < advance + HEAL[kind].take(now))
        np.add(now, up, out=now, casting="unsafe")
        now[healed] = 0


def spread(kind: int, shares: Array, onset: Array, billing: Array, card_expired: Array) -> Array:
    """Return the distribution over phases one day on: what `roll` does, in expectation.

    Args:
        kind: position in `KINDS`.
        shares: probability of each phase, [phase, customer].
        onset: each customer's chance of onset, [customer].
        billing: whether a charge is made today, [customer].
        card_expired: whether the card ran out within the last month, [customer].
    """
    after = np.zeros_like(shares)
    for phase in range(PHASES):
        healed = HEAL[kind, phase] * shares[phase]
        after[phase] += shares[phase] - healed
        after[0] += healed
        if phase < PHASES - 1:
            moved = chance_to_advance(kind, phase, onset, billing, card_expired) * shares[phase]
            after[phase] -= moved
            after[phase + 1] += moved
    return after
