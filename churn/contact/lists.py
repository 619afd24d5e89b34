"""Choose and order the customers of the two lists other than the call list.

One list holds advocates (satisfied customers), the other holds gone customers (who left).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.contact.side_list import ListEntry, ListNight, SideList, side_list
from churn.scoring.night import ScoredCohort

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def advocates_list(
    scores: ScoredCohort,
    band: Floats,
    play_indices: Ints,
    has_call_play: Bools,
    night: ListNight,
) -> SideList:
    """Return the list of advocates (satisfied customers).

    Customers are ordered by health, the best first, then by probability of leaving, the lowest first, then by
    id.

    Args:
        scores: The scores of the cohort.
        band: The health band of each customer.
        play_indices: For each customer, the index of the playbook's rule that chooses a play for advocates;
            -1 if no rule does.
        has_call_play: Whether a play of the call list applies to each customer.
        night: What is needed to make the lists of the night.
    """
    rows = np.flatnonzero(play_indices >= 0)
    call_units = set(night.acts.units.of(scores.customers[has_call_play]))
    order = np.lexsort((scores.customers[rows].astype(str), scores.probability[rows], -band[rows]))
    rows = rows[order]
    tenure = scores.frame["tenure_days"].to_numpy() if "tenure_days" in scores.frame else None
    candidates = [
        ListEntry(
            customer_id=str(scores.customers[row]),
            play=night.playbook.rules[play_indices[row]].play,
            channel="",
            tenure_days=_number_or_none(tenure[row]) if tenure is not None else None,
            health=_number_or_none(band[row]),
            probability=float(scores.probability[row]),
            value=float(scores.residual_value[row]),
        )
        for row in rows.tolist()
    ]
    return side_list("advocates", candidates, call_units, night)


def gone_list(scores: ScoredCohort, night: ListNight) -> SideList:
    """Return the list of customers who left.

    Customers are ordered by monthly value, the highest first and an unknown value last. Equal values are
    ordered by the day of leaving, the latest first, then by id.

    Args:
        scores: The scores of the customers who have not left (the cohort). A customer who left is not on the
            list if the same person or account is in the cohort under another customer id.
        night: What is needed to make the lists of the night.
    """
    acts, playbook = night.acts, night.playbook
    churners = acts.churners
    columns = {
        name: churners[name].to_numpy(dtype=np.float64)
        for name in ("days_since_left", "monthly_value", "tenure_days")
    }
    play_indices = playbook.choose(columns, len(churners), audience="gone")
    value = columns["monthly_value"]
    keys = (churners["customer_id"].to_numpy(dtype=str), columns["days_since_left"], -np.nan_to_num(value))
    order = np.lexsort((*keys, np.isnan(value)))
    candidates = [
        ListEntry(
            customer_id=str(churners["customer_id"].iloc[row]),
            play=playbook.rules[play_indices[row]].play,
            channel="",
            tenure_days=_number_or_none(columns["tenure_days"][row]),
            left_on=churners["left_on"].iloc[row],
            days_since_left=_number_or_none(columns["days_since_left"][row]),
            monthly_value=_number_or_none(value[row]),
            value=float(value[row]),
        )
        for row in order.tolist()
        if play_indices[row] >= 0
    ]
    remaining = [*scores.customers, *sorted(acts.cancelling_ids)]
    remaining_units = set(acts.units.of(np.array(remaining, dtype=object)))
    return side_list("gone", candidates, remaining_units, night)


def _number_or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
