"""A sample of units that chance put into two arms, and what was known about each unit beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from churn.experiments.assignment import hash_to_unit_interval
from churn.snapshots.dataset import LabelledRows

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_FOLDS = 5
"""The number of folds for the comparison of policies; a unit is judged by a model that was fitted to earlier
folds.
"""

N_OUTCOME_FOLDS = 3
"""The number of folds for the outcome models; so the outcome models that are applied to a unit have not seen
its outcome.
"""

MIN_EVENTS = 100
"""The least number of units with the outcome, and without it, that each arm must have before a model is
fitted.

Units of one account count once, so that each fold has enough customers. The number is our own choice: with
it, the first fold, from which the first model learns, has about 20 such units in each arm.
`python -m benchmarks.uplift null` draws samples of about this size without any effect. It counts how often a
useless model is accepted, and how often the interval contains the true difference.
"""


@dataclass(frozen=True)
class Sample:
    """The rows of a sample; all arrays have the shape (rows,).

    Attributes:
        rows: What was known about each unit before its assignment to an arm. `left` is 1.0 if the outcome
            happened, even if it is a good outcome, such as a visit. `customer` is the customer to whom the
            row belongs; rows of one customer are never independent.
        in_treatment: Whether chance put the unit into the treated arm.
        propensity: The probability of being put into the treated arm, as it was recorded before the
            assignment.
        worth: What one outcome is worth: 1 if outcomes are counted, otherwise an amount of money.
        fold: The number of the fold for the comparison of policies, 0 to `N_FOLDS - 1`; rows of one customer
            have the same fold.
        outcome_fold: The number of the fold for the outcome models, 0 to `N_OUTCOME_FOLDS - 1`; rows of one
            customer have the same fold.
        is_wanted: Whether the outcome is good, such as a visit, or bad, such as leaving.
    """

    rows: LabelledRows
    in_treatment: Bools
    propensity: Floats
    worth: Floats
    fold: Ints
    outcome_fold: Ints
    is_wanted: bool

    def __post_init__(self) -> None:
        """Refuse the probabilities 0 and 1, because they leave nothing to chance: a unit that was certain to
        be treated has no control.
        """
        if not ((self.propensity > 0) & (self.propensity < 1)).all():
            raise ValueError("each recorded probability of the treatment must lie between 0 and 1")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def direction(self) -> float:
        """Return 1 if more outcomes are better, and -1 if fewer outcomes are better."""
        return 1.0 if self.is_wanted else -1.0

    def where(self, mask: Bools) -> Sample:
        """Return the rows for which the mask is true."""
        return replace(
            self,
            rows=self.rows.where(mask),
            in_treatment=self.in_treatment[mask],
            propensity=self.propensity[mask],
            worth=self.worth[mask],
            fold=self.fold[mask],
            outcome_fold=self.outcome_fold[mask],
        )

    def fewest_events(self) -> int:
        """Return the smallest of four counts: the customers with and without the outcome in each arm.

        Units of one customer count once, because they are in the same fold and are not independent.
        """
        happened = self.rows.left == 1
        return min(
            len(np.unique(self.rows.customer[arm & kind]))
            for arm in (self.in_treatment, ~self.in_treatment)
            for kind in (happened, ~happened)
        )


def folds_of(customers: Sequence[str], n_folds: int, purpose: str) -> Ints:
    """Return the fold of each customer; it depends only on the customer's name, and not on the order of the
    rows.

    Args:
        customers: The names of the customers.
        n_folds: The number of folds.
        purpose: What the folds are for. For different purposes, customers are divided into folds
            independently.
    """
    fold_of = {name: int(n_folds * hash_to_unit_interval(purpose, name)) for name in set(customers)}
    return np.array([fold_of[name] for name in customers], dtype=np.int64)


def make_sample(
    rows: LabelledRows,
    customers: Sequence[str],
    in_treatment: Bools,
    propensity: Floats,
    *,
    is_wanted: bool,
    worth: Floats | None = None,
) -> Sample:
    """Return the rows of a sample, together with their folds.

    Args:
        rows: What was known about each unit before its assignment to an arm, and the outcome of the unit.
        customers: The name of the customer to whom each row belongs.
        in_treatment: Whether the unit is in the treated arm.
        propensity: The recorded probability of being in the treated arm.
        is_wanted: Whether the outcome is good for the company.
        worth: What one outcome is worth in money; by default outcomes are counted.

    Raises:
        ValueError: a value of `propensity` is not between 0 and 1.
    """
    return Sample(
        rows=rows,
        in_treatment=in_treatment,
        propensity=propensity,
        worth=np.ones(len(rows)) if worth is None else worth,
        fold=folds_of(customers, N_FOLDS, "uplift comparison"),
        outcome_fold=folds_of(customers, N_OUTCOME_FOLDS, "uplift outcome"),
        is_wanted=is_wanted,
    )
