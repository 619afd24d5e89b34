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

LEFT, STAYED, ENDS_IN_GAP = 1, 0, -1
"""The labels of a row: it left, it stayed, or its contract ends in the gap."""

DROP_REASONS = {ENDS_IN_GAP: "contract ends in the gap"}
"""The labels that keep a row out of training, with the words under which they are counted."""

RENEWED, PARTIAL, GONE, VOLUNTARY, INVOLUNTARY = 2, 3, 4, 5, 6
OUTCOME_NAMES: Mapping[int, str] = {
    STAYED: "stayed",
    RENEWED: "renewed",
    PARTIAL: "partial",
    GONE: "left",
    VOLUNTARY: "left voluntarily",
    INVOLUNTARY: "left involuntarily",
    ENDS_IN_GAP: "ends in the gap",
}
"""The outcomes; each customer at risk has exactly one. It is `left` where the kind of leaving is unknown."""

COUNTED_AS_LEFT = {
    "any": (GONE, VOLUNTARY, INVOLUNTARY),
    "voluntary": (VOLUNTARY,),
    "involuntary": (INVOLUNTARY,),
}
"""The outcomes that the label counts as left, by `label.leaving`."""

HOW_LEFT = {"any": "left", "voluntary": OUTCOME_NAMES[VOLUNTARY], "involuntary": OUTCOME_NAMES[INVOLUNTARY]}
"""The name of what the label counts as left, by `label.leaving`."""

WHY_LEFT = {
    "any": "",
    "voluntary": ", and nothing shows that a payment was never recovered",
    "involuntary": ", because a payment was never recovered",
}
"""The further condition on the end of a contract, as the end of a sentence, by `label.leaving`."""


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
    """Return the label window of a cutoff, `[cutoff + gap, cutoff + gap + horizon)`, and when it matures.

    The end of a contract is certain only once the grace for renewing has passed, so maturity waits for the
    grace too.

    Args:
        cutoff: The cutoff.
        label: The definition of the label.
        late_days: How many days late rows may arrive.
    """
    start = cutoff + timedelta(days=label.gap_days)
    end = start + timedelta(days=label.horizon_days)
    grace_days = label.grace_days if label.kind == "contract" else 0
    return LabelWindow(start, end, end + timedelta(days=late_days + grace_days))


@dataclass(frozen=True)
class CustomerOutcomes:
    """The outcome of every customer code after one cutoff; it means nothing outside the cohort.

    Attributes:
        outcome: One of `OUTCOME_NAMES`, shape (customers,).
        back_on: The day number on which a churner came back, `NEVER` where the data show no return.
    """

    outcome: npt.NDArray[np.int8]
    back_on: IntArray

    def left(self, kind: str) -> BoolArray:
        """Return a mask of those who left in the window, in the way that `label.leaving` counts."""
        return np.isin(self.outcome, COUNTED_AS_LEFT[kind])

    def label(self, kind: str) -> Labels:
        """Return `LEFT`, `STAYED` or a key of `DROP_REASONS` per customer.

        A customer who left in a way that `label.leaving` does not count has stayed.
        """
        has_left, is_dropped = self.left(kind), np.isin(self.outcome, list(DROP_REASONS))
        return np.where(is_dropped, self.outcome, np.where(has_left, LEFT, STAYED)).astype(np.int8)
