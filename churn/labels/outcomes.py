"""The window in which a label is decided, and the outcomes that a customer at risk may have in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.features.engine.timeline import IntArray
from churn.params import LabelParams

Labels = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]

LEFT, STAYED, ENDS_IN_GAP, EVENT_IN_GAP = 1, 0, -1, -2
"""The labels of a row: the customer left, the customer stayed, or the end or the event falls in the gap.

If `label.kind` is event, LEFT is a customer who had the event, and STAYED is one who did not.
"""

DROP_REASONS = {ENDS_IN_GAP: "contract ends in the gap", EVENT_IN_GAP: "event falls in the gap"}
"""The labels that keep a row out of training, each with the reason under which its rows are counted."""

RENEWED, PARTIAL, GONE, VOLUNTARY, INVOLUNTARY, EVENT, NO_EVENT = range(2, 9)
OUTCOME_NAMES: Mapping[int, str] = {
    STAYED: "stayed",
    RENEWED: "renewed",
    PARTIAL: "partial",
    GONE: "left",
    VOLUNTARY: "left voluntarily",
    INVOLUNTARY: "left involuntarily",
    ENDS_IN_GAP: "ends in the gap",
    EVENT: "event happened",
    NO_EVENT: "no event",
    EVENT_IN_GAP: "event in the gap",
}
"""The names of the outcomes.

Each customer at risk has exactly one outcome. A customer who left has the outcome `left` if the data do not
tell the kind of leaving.
"""

COUNTED_AS_LEFT = {
    "any": (GONE, VOLUNTARY, INVOLUNTARY, EVENT),
    "voluntary": (VOLUNTARY,),
    "involuntary": (INVOLUNTARY,),
}
"""The outcomes that the label counts as left, by `label.leaving`."""

HOW_LEFT = {"any": "left", "voluntary": OUTCOME_NAMES[VOLUNTARY], "involuntary": OUTCOME_NAMES[INVOLUNTARY]}
"""The name of the outcome that the label counts as left, by `label.leaving`."""

WHY_LEFT = {
    "any": "",
    "voluntary": ", and nothing shows that a due payment was never made",
    "involuntary": ", because a due payment was never made",
}
"""The condition that `label.leaving` adds to the end of a contract, in words that end a sentence."""


@dataclass(frozen=True)
class LabelWindow:
    """The days that decide the label of a cutoff.

    Attributes:
        start, end: The window `[start, end)`.
        mature_on: The date from which the label is matured, so that a model may learn from it.
    """

    start: date
    end: date
    mature_on: date


def label_window(cutoff: date, label: LabelParams, late_days: int) -> LabelWindow:
    """Return a cutoff's label window, `[cutoff + gap, cutoff + gap + horizon)`, and when its labels mature.

    A label matures when all rows that decide it have arrived. The end of a contract is certain only
    `grace_days` later, because a contract may be renewed late. So a label of kind contract matures
    `grace_days` later.

    Args:
        cutoff: The cutoff.
        label: The definition of the label.
        late_days: The largest number of days that a late row takes to arrive.
    """
    start = cutoff + timedelta(days=label.gap_days)
    end = start + timedelta(days=label.horizon_days)
    grace_days = label.grace_days if label.has_contract_ends else 0
    return LabelWindow(start, end, end + timedelta(days=late_days + grace_days))


@dataclass(frozen=True)
class CustomerOutcomes:
    """The outcome of every customer after one cutoff, in the order of the customer codes.

    The outcomes of customers outside the cohort mean nothing.

    Attributes:
        outcome: The outcome of each customer, a key of `OUTCOME_NAMES`, shape (customers,).
        back_on: The day number on which each churner came back, shape (customers,); `NEVER` if the data show
            no return.
    """

    outcome: npt.NDArray[np.int8]
    back_on: IntArray

    def left(self, kind: str) -> BoolArray:
        """Return a mask of the customers who left in the window; `kind` is the value of `label.leaving`."""
        return np.isin(self.outcome, COUNTED_AS_LEFT[kind])

    def label(self, kind: str) -> Labels:
        """Return `LEFT`, `STAYED` or a key of `DROP_REASONS` per customer.

        A customer who left in a way that `label.leaving` does not count gets the label `STAYED`.
        """
        has_left, is_dropped = self.left(kind), np.isin(self.outcome, list(DROP_REASONS))
        return np.where(is_dropped, self.outcome, np.where(has_left, LEFT, STAYED)).astype(np.int8)
