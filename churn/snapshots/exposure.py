"""Count the rows of contacted customers, and the rows of the controls who represent these customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Self

from churn.metrics.interval import Part, cutoff_count
from churn.snapshots.dataset import Floats


class CutoffExposure(Part):
    """How many rows of a cutoff were treated, and how many rows of controls represent them.

    A row is treated if its customer was contacted in the label window. Treated rows are left out, and the
    rows of controls get a higher weight instead.

    Attributes:
        cutoff: The cutoff.
        rows: The number of all rows of the cutoff.
        treated_rows: The number of treated rows; no model learns from them.
        control_rows: The number of rows of controls who had a task in the label window.
        stand_for: The sum of the weights of the rows counted in `control_rows`. These rows represent
            themselves and the treated rows, so the sum is close to `control_rows + treated_rows`.
    """

    cutoff: date
    rows: int
    treated_rows: int
    control_rows: int
    stand_for: float

    @classmethod
    def of(cls, cutoff: date, weight: Floats) -> Self:
        """Count the treated rows and the controls of a cutoff from the weights of its rows, shape (rows,)."""
        is_control = weight > 1
        return cls(
            cutoff=cutoff,
            rows=len(weight),
            treated_rows=int((weight == 0).sum()),
            control_rows=int(is_control.sum()),
            stand_for=float(weight[is_control].sum()),
        )


def exposure_in_words(exposures: Sequence[CutoffExposure], reason: str | None) -> str:
    """Return a sentence with the number of treated rows left out, and of control rows that represent them.

    Args:
        exposures: The cutoffs with treated rows or controls.
        reason: Why a person accepts treated rows that no control represents; None if there are no such rows.
    """
    rows, treated = sum(own.rows for own in exposures), sum(own.treated_rows for own in exposures)
    controls = sum(own.control_rows for own in exposures)
    words = (
        f"at {cutoff_count(exposures)}, {treated:,} of {rows:,} rows ({treated / max(rows, 1):.1%}) were "
        "treated in their label window and are left out"
    )
    if reason:
        return f"{words}. Some of these rows have no control who represents them; accepted: {reason}"
    return (
        f"{words}. {controls:,} control rows represent the treated rows. Each control row has the weight "
        "1 / P(untreated)."
    )
