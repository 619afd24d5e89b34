"""The troubles of customers, each a Markov chain of four phases.

Phase 0 means no trouble. In phases 1 and 2 the tables already show the trouble, but most customers who leave
do so in phase 3. So the signals come before the leaving. Troubles are independent of each other, and their
hazards *add up* (competing causes). Therefore the probability of staying is a product over the troubles, and
the module `truth` computes it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn.demo.world import Values

TROUBLE_FAMILIES = ("activity", "payment", "email", "sentiment", "support", "purchase")


@dataclass(frozen=True)
class Trouble:
    """A kind of trouble. All rates are probabilities per day.

    Attributes:
        families: The families of signals in which the trouble shows as long as it lasts.
        onset: The probability that the trouble begins, for a customer with a typical risk of trouble.
        advance: The probability of moving from phase 1 to 2, and from 2 to 3.
        heal: The probability of going back to phase 0 from phases 1, 2 and 3.
        hazard: The hazard of leaving that the trouble adds in phases 1, 2 and 3.
    """

    name: str
    families: tuple[str, ...]
    onset: float
    advance: tuple[float, float]
    heal: tuple[float, float, float]
    hazard: tuple[float, float, float]


TROUBLES = (
    Trouble(
        "usage_fading", ("activity",), 0.00066, (0.034, 0.050), (0.006, 0.007, 0.009), (0.0, 0.0010, 0.032)
    ),
    Trouble(
        "champion_lost",
        ("activity", "email", "purchase"),
        0.00030,
        (0.042, 0.055),
        (0.005, 0.006, 0.008),
        (0.0, 0.0015, 0.042),
    ),
    Trouble("mail_fatigue", ("email",), 0.00048, (0.032, 0.045), (0.007, 0.008, 0.010), (0.0, 0.0005, 0.027)),
    Trouble("payment_trouble", ("payment",), 0.00072, (0.75, 0.06), (0.005, 0.026, 0.018), (0.0, 0.0, 0.048)),
    Trouble(
        "bad_experience",
        ("sentiment", "activity"),
        0.00052,
        (0.034, 0.046),
        (0.007, 0.008, 0.010),
        (0.0, 0.0010, 0.029),
    ),
    Trouble(
        "slow_support",
        ("support", "sentiment"),
        0.00046,
        (0.034, 0.046),
        (0.007, 0.008, 0.010),
        (0.0, 0.0010, 0.028),
    ),
    Trouble(
        "spending_less", ("purchase",), 0.00046, (0.032, 0.045), (0.007, 0.008, 0.010), (0.0, 0.0005, 0.027)
    ),
    # This trouble is harmless but looks like the others: two quiet weeks, and then the usual usage.
    Trouble("away", (), 0.00070, (0.0, 0.0), (0.075, 0.0, 0.0), (0.0, 0.0, 0.0)),
)
TROUBLE_NAMES = tuple(kind.name for kind in TROUBLES)
PAYMENT_TROUBLE = TROUBLE_NAMES.index("payment_trouble")
"""The only trouble in which the company ends the contract and not the customer: the charges stay unpaid."""
PHASES = 4

ONSET = np.array([kind.onset for kind in TROUBLES])
ADVANCE = np.array([(0.0, *kind.advance, 0.0) for kind in TROUBLES])
HEAL = np.array([(0.0, *kind.heal) for kind in TROUBLES])
HAZARD = np.array([(0.0, *kind.hazard) for kind in TROUBLES])


def trouble_index(name: str) -> int:
    """Return the index of a trouble in the arrays of this module."""
    return TROUBLE_NAMES.index(name)


def chance_to_advance(
    kind: int, phase: int, onset: Values, billing: Values, card_expired: Values
) -> Values | float:
    """Return the probability that each customer moves from `phase` to the next phase today.

    The result is one number for each customer, or one number for all. If a card has just expired, payment
    trouble is eight times as likely to begin. A charge can fail only on a billing day, so payment trouble
    moves from phase 1 to phase 2 only on these days.

    Args:
        kind: The index of the trouble in `TROUBLES`.
        phase: The phase of the trouble today, 0..3.
        onset: Each customer's probability that the trouble begins, [customer].
        billing: Whether each customer is charged today, [customer].
        card_expired: Whether the card expired within the last month, [customer].
    """
    if phase == 0:
        onset_today: Values = onset * np.where(card_expired, 8.0, 1.0) if kind == PAYMENT_TROUBLE else onset
        return onset_today
    if kind == PAYMENT_TROUBLE and phase == 1:
        chance: Values = ADVANCE[kind, 1] * billing
        return chance
    return float(ADVANCE[kind, phase])


def advance_phases(
    phase: Values,
    onset: Values,
    draws: Values,
    billing: Values,
    card_expired: Values,
    healing: Values | None = None,
) -> None:
    """Change the phases of all troubles by one day, in place.

    Args:
        phase: The phases, uint8 [trouble, customer].
        onset: Each customer's probability that each trouble begins, [trouble, customer].
        draws: Uniform random numbers in `[0, 1)`, [trouble, customer].
        billing: Whether each customer is charged today, [customer].
        card_expired: Whether the card expired within the last month, [customer].
        healing: The factor on the probability that a trouble heals, [trouble, customer]; None changes
            nothing.
    """
    for kind in range(len(TROUBLES)):
        now, draw = phase[kind], draws[kind]
        advance = ADVANCE[kind].take(now)
        if kind == PAYMENT_TROUBLE:
            advance = np.where(now == 1, advance * billing, advance)
        advance = np.where(now == 0, chance_to_advance(kind, 0, onset[kind], billing, card_expired), advance)
        up = draw < advance
        heal = HEAL[kind].take(now)
        if healing is not None:
            heal = heal * healing[kind]
        heals = ~up & (draw < advance + heal)
        np.add(now, up, out=now, casting="unsafe")
        now[heals] = 0


def advance_shares(kind: int, shares: Values, onset: Values, billing: Values, card_expired: Values) -> Values:
    """Return the probabilities of the phases one day after `shares`, by the rules of `advance_phases`.

    Args:
        kind: The index of the trouble in `TROUBLES`.
        shares: The probability of each phase before this day, [phase, customer].
        onset: Each customer's probability that the trouble begins, [customer].
        billing: Whether each customer is charged today, [customer].
        card_expired: Whether the card expired within the last month, [customer].
    """
    after = np.zeros_like(shares)
    for phase in range(PHASES):
        heals = HEAL[kind, phase] * shares[phase]
        after[phase] += shares[phase] - heals
        after[0] += heals
        if phase < PHASES - 1:
            advancing = chance_to_advance(kind, phase, onset, billing, card_expired) * shares[phase]
            after[phase] -= advancing
            after[phase + 1] += advancing
    return after
