"""What may become of a customer at risk: the words and codes that labels and the truth sheet share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.features.engine.timeline import IntArray
from churn.params import Params

LEFT, STAYED, ENDS_IN_GAP = 1, 0, -1
DROP_REASONS = {ENDS_IN_GAP: "contract ends in the gap"}
"""Labels that keep a row out of training, counted and said."""

Labels = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]

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
"""Each customer at risk has exactly one; `left` where the data do not tell the kinds of leaving apart."""

LEAVING = {"any": (GONE, VOLUNTARY, INVOLUNTARY), "voluntary": (VOLUNTARY,), "involuntary": (INVOLUNTARY,)}
"""The outcomes that the label counts as left, by `label.leaving`."""

HOW_LEFT = {"any": "left", "voluntary": OUTCOME_NAMES[VOLUNTARY], "involuntary": OUTCOME_NAMES[INVOLUNTARY]}
"""In words what the label counts, by `label.leaving`."""

WHY_LEFT = {
    "any": "",
    "voluntary": ", and nothing shows that a payment was never recovered",
    "involuntary": ", because a payment was never recovered",
}
"""What must be true of the end of a contract besides, by `label.leaving`."""


@dataclass(frozen=True)
class CustomerOutcomes:
    """What became of every customer code after one cutoff; it means nothing outside the cohort.

    Attributes:
        outcome: One of `OUTCOMES`.
        back_on: The day number on which a leaver came back, `NEVER` where the data show no return.
    """

    outcome: npt.NDArray[np.int8]
    back_on: IntArray

    def left(self, leaving: str) -> BoolArray:
        """Return a mask: left in the window, in the way that the label counts."""
        return np.isin(self.outcome, LEAVING[leaving])

    def label(self, leaving: str) -> Labels:
        """Return left, stayed, or a reason to drop the row; to leave in another way is not to leave here."""
        counted: Any = self.left(leaving)
        dropped: Any = np.isin(self.outcome, list(DROP_REASONS))
        return np.where(dropped, self.outcome, np.where(counted, LEFT, STAYED)).astype(np.int8)


@dataclass(frozen=True)
class LabelWindow:
    """When a cutoff's label is decided: `[start, end)`, and the date from which it may be learnt from."""

    start: date
    end: date
    mature_on: date


def label_window(params: Params, cutoff: date) -> LabelWindow:
    """Return the label window of a cutoff.

    A contract's end is certain only once the grace for renewing has passed, so maturity waits for it too.
    """
    label = params.label
    start = cutoff + timedelta(days=label.gap_days)
    end = start + timedelta(days=label.horizon_days)
    grace = label.grace_days if label.kind == "contract" else 0
    return LabelWindow(start, end, end + timedelta(days=params.snapshot.late_days + grace))
