"""Choose the channel through which a play may contact each customer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from churn.contact.consent import contact_refusals
from churn.contact.rhythm import channels_in_order
from churn.contact.terms import Acts, PlanTerms
from churn.scoring.play import Play

Objects = npt.NDArray[np.object_]


def permitted_channels(
    customers: Objects, plays: Sequence[Play], acts: Acts, terms: PlanTerms
) -> tuple[list[str | None], list[str | None]]:
    """Return the channel of each customer; if no channel is allowed, return why the first channel is refused.

    The first allowed channel of the play is taken. If the play prefers the channel in which the customer has
    answered before, this channel is tried first; see `channels_in_order`.

    Args:
        customers: The ids of the customers.
        plays: The play of each customer.
        acts: Consents, objections and suppression lists.
        terms: The settings, which name the channels that need consent.
    """
    channels: list[str | None] = [None] * len(plays)
    because: list[str | None] = [None] * len(plays)
    min_answers = terms.contact.rhythm.min_answers
    orders = [
        channels_in_order(play, customer, acts.answers, min_answers)
        for play, customer in zip(plays, customers, strict=True)
    ]
    waiting = np.arange(len(plays))
    preference = 0
    while len(waiting):
        names = [_channel(orders[row], preference) for row in waiting.tolist()]
        waiting = waiting[[name is not None for name in names]]
        if not len(waiting):
            break
        own_ids = customers[waiting]
        refusals = contact_refusals(
            own_ids,
            np.array([name for name in names if name is not None], dtype=object),
            has_objected=np.array([customer in acts.objected_ids for customer in own_ids], dtype=bool),
            is_suppressed=np.array([customer in acts.suppressed_ids for customer in own_ids], dtype=bool),
            consents=acts.consents,
            consent_channels=terms.contact.consent_channels,
        )
        for row, refusal in zip(waiting.tolist(), refusals, strict=True):
            if refusal is None:
                channels[row], because[row] = _channel(orders[row], preference), None
            elif preference == 0:
                because[row] = refusal
        waiting = waiting[[refusal is not None for refusal in refusals]]
        preference += 1
    return channels, because


def _channel(order: Sequence[str], preference: int) -> str | None:
    return order[preference] if preference < len(order) else None
