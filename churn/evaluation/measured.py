"""One candidate measured on some labelled rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.metrics import metrics
from churn.metrics.bootstrap import Draws, Estimate, draw_customers, estimate_metrics
from churn.metrics.metrics import Floats, Ints
from churn.metrics.profit import CustomerValues, estimate_profit
from churn.snapshots.dataset import LabelledRows


@dataclass(frozen=True)
class Measured:
    """What was measured of one candidate on some rows.

    Attributes:
        estimates: Metrics with intervals, for paired differences.
        beside: What some metrics are read beside: `ceiling`, `base_rate`, `noise_floor`, `optimism`.
        counts: Rows, churners, base rate; with money known also how many rows it is known for.
        profit_curve: Profit per customer over the share contacted; empty without money.
    """

    estimates: dict[str, Estimate]
    beside: dict[str, dict[str, float]]
    counts: dict[str, float]
    profit_curve: list[dict[str, float]]

    def numbers(self) -> dict[str, Any]:
        """Return estimates as JSON values with what they must be read beside."""
        numbers: dict[str, Any] = {name: one.as_dict() for name, one in self.estimates.items()}
        for name, more in self.beside.items():
            numbers[name] = numbers.get(name, {}) | more
        return numbers | self.counts


@dataclass(frozen=True)
class Tested:
    """Labelled rows with the draws of their customers.

    Attributes:
        left: Outcomes.
        column: The column of `draws` each row belongs to.
        draws: How often each customer is drawn.
        share: The contact share.
        worth: What the rows' customers are worth; None where no money is known.
    """

    left: Floats
    column: Ints
    draws: Draws
    share: float
    worth: CustomerValues | None

    @classmethod
    def of(
        cls, rows: LabelledRows, draws: int, seed: int, share: float, worth: CustomerValues | None
    ) -> Tested:
        """Draw the customers of some rows."""
        present, column = np.unique(rows.customer, return_inverse=True)
        return cls(rows.left, column, draw_customers(len(present), draws, seed), share, worth)

    def where(self, wanted: npt.NDArray[np.bool_]) -> Tested:
        """Return some of the rows, with the same draws."""
        worth = None if self.worth is None else self.worth.where(wanted)
        return replace(self, left=self.left[wanted], column=self.column[wanted], worth=worth)

    def measure(self, probability: Floats, ranks: bool = True) -> Measured:
        """Measure a candidate on the rows it has a probability for.

        Args:
            probability: Its predictions, NaN where it has none.
            ranks: Whether they order customers. Where they do not, all rows are ties: a rate that is the same
                for everybody at a cutoff, and another one at the next, tells nobody apart.
        """
        known = np.isfinite(probability)
        at, probability = self.where(known), probability[known]
        order = probability if ranks else np.ones(len(probability))
        estimates = estimate_metrics(at.left, probability, at.column, at.draws, at.share, order)
        base, rows = float(at.left.mean()), len(at.left)
        error, floor = metrics.calibration_error(at.left, probability)
        beside = {
            "ece": {"value": error, "noise_floor": floor},
            "average_precision": {"base_rate": base},
            "precision_at_contact_share": {"ceiling": base * metrics.lift_ceiling(base, at.share)},
            "lift_at_contact_share": {"ceiling": metrics.lift_ceiling(base, at.share)},
        }
        counts: dict[str, float] = {"rows": rows, "churners": int(at.left.sum()), "base_rate": base}
        if at.worth is None:
            return Measured(estimates, beside, counts, [])
        counts["rows_with_known_value"] = int(np.isfinite(at.worth.value).sum())
        money = estimate_profit(at.left, order, at.column, at.draws, at.share, at.worth)
        if money is None:
            return Measured(estimates, beside, counts, [])
        return Measured(estimates | money.estimates, beside | money.references, counts, money.curve)
